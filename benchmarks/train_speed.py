"""How fast the trainer is, against the seed document's loop written as such loops are. Prints a Markdown table.

    python benchmarks/train_speed.py                                 # the cpu preset on all cores, two minutes
    python benchmarks/train_speed.py --threads 1                     # on one core
    python benchmarks/train_speed.py --compile                       # adds torch.compile, which needs a C++ compiler
    python benchmarks/train_speed.py --device cuda --preset gpu      # adds bfloat16 and torch.compile with CUDA graphs

The naive loop: a DataLoader of uint8 images made into floats one by one, jittered coordinates repeated for every
sample, one eager network in float32, the loss fetched in every step, one seed after another. All variants train
the same network on the same number of pixels with the same schedule of jitter. Each round runs some steps of every
variant, in turn; a number is the median over the rounds. Images are counted once for every seed that learns them.

Model operations are those of one eager forward and backward pass of the network with shared coordinates (additions
and multiplications of matrix products, counted by torch.utils.flop_counter): what a variant computes twice does not
count. The matmul rate is that of a large square product, measured here, in the number format of the variant.
"""

from __future__ import annotations

import argparse
import dataclasses
import multiprocessing
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode

from reference_model.grids import pixel_grid
from reference_model.images import SIZE, load
from reference_model.images import Dataset as Images
from reference_model.model import build
from reference_model.recipe import PRESETS, Recipe, preset
from reference_model.train import Run, batch_order, compile_ensemble
from runtime_probe import probe_coords

WARM_UP = 3  # steps of each variant, not timed
Steps = Iterator[None]


@dataclass(frozen=True)
class Variant:
    """`start` begins a training; every `next` of what it returns makes one step, of `seeds` networks at once."""

    name: str
    start: Callable[[], Steps]
    seeds: int
    bf16: bool = False


class Pictures(Dataset[Tensor]):
    """Images in memory as a data set of CIFAR's kind: uint8 pixels, made into floats one by one."""

    def __init__(self, images: Tensor) -> None:
        self.pixels = (images * 255).round().byte().permute(0, 2, 3, 1).contiguous()

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> Tensor:
        return self.pixels[index].permute(2, 0, 1).float().div(255)


def naive(recipe: Recipe, data: Images, device: torch.device) -> Steps:
    """The seed document's loop, with its jitter moved to the right place."""
    model = build(recipe.model, 0).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=recipe.learning_rate)
    loader = DataLoader(Pictures(data.train), batch_size=recipe.batch, shuffle=True, drop_last=True)
    while True:
        for images in loader:
            images = images.to(device)
            coord = pixel_grid(SIZE, device)
            coord = coord + torch.randn_like(coord) * (recipe.sigma / SIZE)
            coord = coord.repeat(len(images), 1, 1)
            pred = model(images, coord)
            loss = functional.mse_loss(pred, images.flatten(2).transpose(1, 2))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss.item()
            yield


def trainer(
    recipe: Recipe, data: Images, device: torch.device, seeds: int, stacked: bool, bf16: bool, compiled: bool
) -> Steps:
    """`reference_model.train`, watched by runtime_probe as always."""
    run = Run(recipe, tuple(range(seeds)), data, device, stacked, bf16)
    if compiled:
        compile_ensemble(run.ensemble, True, device)
    coordinates = run.schedule()
    with probe_coords(run.ensemble, argument="coords", provenance=0) as probe:
        for epoch in range(recipe.epochs):
            order = (batch_order(recipe, run.seeds, epoch) % len(run.images)).to(device)
            for batch in probe.batches(range(recipe.batches)):
                run.step(epoch, batch, order[:, batch], next(coordinates))
                yield
            run.end_epoch(epoch)


def work(pipe: Connection, recipe: Recipe, images: int) -> None:
    """A process of one thread: makes one step for each message, and answers it."""
    torch.set_num_threads(1)
    data = load(recipe.data, images, test_images=1)
    steps = trainer(recipe, data, torch.device("cpu"), 1, False, False, False)
    with suppress(EOFError):  # the benchmark is over
        while pipe.recv():
            next(steps)
            pipe.send(True)


def process_a_core(recipe: Recipe, images: int, cores: int) -> Steps:
    """A seed in each of `cores` processes, as the experiments are run; one step of every one of them."""
    context = multiprocessing.get_context("spawn")
    pipes = []
    for _ in range(cores):
        own, other = context.Pipe()
        context.Process(target=work, args=(other, recipe, images), daemon=True).start()
        pipes.append(own)
    while True:
        for pipe in pipes:
            pipe.send(True)
        for pipe in pipes:
            pipe.recv()
        yield


def variants(recipe: Recipe, data: Images, device: torch.device, seeds: int, compiled: bool) -> list[Variant]:
    """All that is compared, the naive loop first."""

    def ours(name: str, count: int, stacked: bool, bf16: bool = False, compile: bool = False) -> Variant:
        return Variant(name, lambda: trainer(recipe, data, device, count, stacked, bf16, compile), count, bf16)

    several = f"{seeds} seeds"
    rows = [
        Variant("naive loop, one seed after another", lambda: naive(recipe, data, device), 1),
        ours("trainer, one seed after another", 1, False),
        ours(f"trainer, {several}, loop over networks", seeds, False),
        ours(f"trainer, {several}, stacked", seeds, True),
    ]
    cuda = device.type == "cuda"
    if cuda:
        rows += [ours("trainer, one seed, bfloat16", 1, False, True)]
        rows += [ours(f"trainer, {several}, stacked, bfloat16", seeds, True, True)]
    cores = torch.get_num_threads()
    if not cuda and cores > 1:
        start = partial(process_a_core, recipe, len(data.train), cores)
        rows += [Variant(f"trainer, {cores} seeds, one process of one thread for each", start, cores)]
    if compiled or cuda:
        rows += [ours("trainer, one seed, compiled" + ", bfloat16" * cuda, 1, False, cuda, True)]
        rows += [ours(f"trainer, {several}, stacked, compiled" + ", bfloat16" * cuda, seeds, True, cuda, True)]
    return rows


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def timed(steps: Steps, count: int, device: torch.device) -> float:
    """Seconds of one step."""
    synchronize(device)
    start = time.perf_counter()
    for _ in range(count):
        next(steps)
    synchronize(device)
    return (time.perf_counter() - start) / count


def started(rows: list[Variant], device: torch.device) -> dict[Variant, Steps]:
    """The variants after their first steps; one that cannot run here is named, and the others go on."""
    running = {}
    for row in rows:
        steps = row.start()
        try:
            took = WARM_UP * timed(steps, WARM_UP, device)
        except Exception as error:
            print(f"left out: {row.name}: {type(error).__name__}: {str(error).splitlines()[0]}", flush=True)
            continue
        print(f"{row.name}: the first {WARM_UP} steps took {took:.1f} s", file=sys.stderr, flush=True)
        running[row] = steps
    return running


def interleaved(
    running: dict[Variant, Steps], rounds: int, count: int, device: torch.device
) -> dict[Variant, list[float]]:
    """Seconds of a step of each variant, `rounds` times; every round runs all of them, each in a new order."""
    rows = list(running)
    seconds: dict[Variant, list[float]] = {row: [] for row in rows}
    for number in range(rounds):
        for index in range(len(rows)):
            row = rows[(index + number) % len(rows)]
            seconds[row].append(timed(running[row], count, device))
    return seconds


def operations(recipe: Recipe) -> float:
    """Matrix operations of one image: forward and backward, coordinates shared by the batch."""
    model = build(recipe.model, 0)
    images = torch.rand(recipe.batch, recipe.model.channels, SIZE, SIZE)
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        model(images, pixel_grid(SIZE)).square().mean().backward()
    return counter.get_total_flops() / recipe.batch


def matmul_rate(device: torch.device, dtype: torch.dtype) -> float:
    """Operations a second of a large square product of random numbers: the median of 15."""
    size = 8192 if device.type == "cuda" else 1536
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    times = []
    for _ in range(18):
        synchronize(device)
        start = time.perf_counter()
        torch.mm(a, b)
        synchronize(device)
        times.append(time.perf_counter() - start)
    return 2 * size**3 / statistics.median(times[3:])


def table(recipe: Recipe, seconds: dict[Variant, list[float]], device: torch.device) -> str:
    """Medians, and the smallest and largest images/s over the rounds."""
    each, rows = operations(recipe), list(seconds)
    rates = {bf16: matmul_rate(device, torch.bfloat16 if bf16 else torch.float32) for bf16 in {r.bf16 for r in rows}}
    lines = [
        "| | images/s | range | model GFLOP/s | of the matmul rate | against naive |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    speeds = [[recipe.batch * row.seeds / value for value in seconds[row]] for row in rows]
    naive_speed = statistics.median(speeds[0])
    for row, values in zip(rows, speeds, strict=True):
        speed = statistics.median(values)
        lines.append(
            f"| {row.name} | {speed:.0f} | {min(values):.0f}-{max(values):.0f} | {speed * each / 1e9:.1f} "
            f"| {speed * each / rates[row.bf16]:.1%} | {speed / naive_speed:.2f} |"
        )
    measured = ", ".join(
        f"{rate / 1e9:.0f} GFLOP/s {'bfloat16' if bf16 else 'float32'}" for bf16, rate in rates.items()
    )
    notes = [
        f"One image: {each / 1e9:.3f} GFLOP, forward and backward. Matmul rate: {measured}.",
        *_ratios(rows, [statistics.median(values) for values in speeds]),
    ]
    if device.type == "cuda":
        best = max(statistics.median(values) for row, values in zip(rows, speeds, strict=True) if row.seeds == 1)
        minutes = recipe.epochs * recipe.batches * recipe.batch / best / 60
        notes.append(f"A whole run of one seed at its fastest: {minutes:.1f} minutes.")
    return "\n".join([*lines, "", *notes])


def _ratios(rows: list[Variant], speeds: list[float]) -> list[str]:
    """Several seeds together against one after another: as the same eager program, and each at its fastest."""
    by_name = {row.name.rpartition("seeds, ")[2]: speed for row, speed in zip(rows, speeds, strict=True)}
    single = max((speed for row, speed in zip(rows, speeds, strict=True) if row.seeds == 1 and row is not rows[0]))
    together = max((speed for row, speed in zip(rows, speeds, strict=True) if row.seeds > 1), default=0.0)
    lines = [f"Seeds together against one after another, each at its fastest: {together / single:.2f}."]
    if {"loop over networks", "stacked"} <= by_name.keys():
        ratio = by_name["stacked"] / by_name["loop over networks"]
        lines.append(f"Stacked against a loop over seeds, same precision, eager: {ratio:.2f}.")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=list(PRESETS), default="cpu")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seeds", type=int, default=5, help="networks trained together")
    parser.add_argument("--batch", type=int, help="another batch than the preset's")
    parser.add_argument("--images", type=int, help="images in memory; the speed does not depend on them")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=6, help="of each variant in each round")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    recipe = dataclasses.replace(preset(options.preset), schedule="inside")
    # One optimizer everywhere: the naive loop's. Muon takes steps of the same length with a share of time of its own.
    recipe = dataclasses.replace(recipe, batch=options.batch or recipe.batch, optimizer="adam")
    data = load(recipe.data, options.images or min(recipe.images, 512), test_images=1)
    rows = variants(recipe, data, device, options.seeds, options.compile)
    seconds = interleaved(started(rows, device), options.rounds, options.steps, device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{options.threads} thread(s)"
    print(f"{options.preset} preset, batch {recipe.batch}, torch {torch.__version__}, {platform.machine()}, {name}\n")
    print(table(recipe, seconds, device))


if __name__ == "__main__":
    main()
