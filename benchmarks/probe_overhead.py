"""What the probe costs: time of a training step and memory of a long run. Prints a Markdown table.

    OMP_NUM_THREADS=1 python benchmarks/probe_overhead.py            # everything, about four minutes
    OMP_NUM_THREADS=1 python benchmarks/probe_overhead.py --pairs 200 --events 100000

Single steps of a plain and of a probed model of the same kind alternate, each pair in random order. A ratio
is the median probed step divided by the median plain step, of process CPU time (the probe has no thread of
its own) and of wall time. Starting and stopping the probe, and the first steps, are not timed.
"""

from __future__ import annotations

import argparse
import hashlib
import platform
import random
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn

from reference_model.model import build
from reference_model.recipe import preset
from runtime_probe import Verdict, probe_coords
from runtime_probe.provenance import Provenance

Watch = Callable[[nn.Module], AbstractContextManager[Provenance]]

BATCH, SIZE = 16, 32
WARM_UP = 32  # pairs: the argument is found and the first coordinates are copied
TRAINCHECK = "1.05-1.36"  # TrainCheck (OSDI 2025), slowdown with its selective instrumentation, as published


class CoordinateNetwork(nn.Module):
    """A small decoder: images (B, 3, H, W), coord (B, H, W, 2) -> colours (B, H, W, 3)."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        widths = [2, *[width] * depth]
        layers = [layer for a, b in pairwise(widths) for layer in (nn.Linear(a, b), nn.ReLU())]
        self.layers = nn.Sequential(*layers, nn.Linear(width, 3))

    def forward(self, images: Tensor, coord: Tensor) -> Tensor:
        return self.layers(coord) + images.mean((2, 3))[:, None, None]


class ReferenceNetwork(nn.Module):
    """The network of `reference_model`, preset cpu, with the shapes of the decoder above."""

    def __init__(self) -> None:
        super().__init__()
        self.network = build(preset("cpu").model, 0)

    def forward(self, images: Tensor, coord: Tensor) -> Tensor:
        return self.network(images, coord.flatten(1, 2)).view(*coord.shape[:3], 3)


def grid() -> Tensor:
    centres = (torch.arange(SIZE) + 0.5) / SIZE
    return torch.stack(torch.meshgrid(centres, centres, indexing="ij"), -1)


@dataclass(frozen=True, eq=False)
class Trainer:
    """One model with its optimizer; `step()` is a whole training step, with fresh per-sample jitter."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    clean: Tensor
    images: Tensor

    @classmethod
    def of(cls, width: int, depth: int) -> Trainer:
        return cls.around(CoordinateNetwork(width, depth))

    @classmethod
    def around(cls, model: nn.Module) -> Trainer:
        return cls(model, torch.optim.Adam(model.parameters()), grid(), torch.rand(BATCH, 3, SIZE, SIZE))

    def step(self) -> None:
        coord = self.clean + torch.randn(BATCH, SIZE, SIZE, 2) * 0.01
        loss = (self.model(self.images, coord) - 0.5).square().mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


@contextmanager
def probed(model: nn.Module, provenance: int) -> Iterator[Provenance]:
    with probe_coords(model, provenance=provenance) as probe:
        yield probe.provenance
    assert probe.verdict is Verdict.FRESH


@contextmanager
def unwatched(model: nn.Module) -> Iterator[Provenance]:
    """The control: what the two sides differ by when nothing differs."""
    yield Provenance(0)


@contextmanager
def hashed_by_blake2b(model: nn.Module) -> Iterator[Provenance]:
    """The obvious alternative: a cryptographic hash of the bytes, on the host."""
    digests = []

    def hook(module: nn.Module, args: tuple[Tensor, ...]) -> None:
        digests.append(hashlib.blake2b(args[1].numpy().tobytes(), digest_size=8).digest())

    handle = model.register_forward_pre_hook(hook)
    yield Provenance(0)
    handle.remove()


@dataclass(frozen=True)
class Timing:
    """The median plain step in milliseconds of CPU time, and the ratios to it."""

    plain: float
    cpu: float
    wall: float


def timed(trainer: Trainer) -> tuple[float, float]:
    """CPU and wall seconds of one step."""
    cpu, wall = time.process_time(), time.perf_counter()
    trainer.step()
    return time.process_time() - cpu, time.perf_counter() - wall


def compare(make: Callable[[], Trainer], watch: Watch, pairs: int) -> Timing:
    """Alternate single steps of a plain and a watched model of the same kind."""
    plain, watched = make(), make()
    rows: dict[Trainer, list[tuple[float, float]]] = {plain: [], watched: []}
    order = random.Random(0)
    with watch(watched.model) as provenance:
        for number in range(WARM_UP + pairs):
            for trainer in order.sample([plain, watched], 2):
                if trainer is plain:
                    provenance.pause()  # a function mode would slow the plain step down too
                row = timed(trainer)
                provenance.start()
                if number >= WARM_UP:
                    rows[trainer].append(row)
    medians = {trainer: [statistics.median(row[i] for row in rows[trainer]) for i in (0, 1)] for trainer in rows}
    ratios = [medians[watched][i] / medians[plain][i] for i in (0, 1)]
    return Timing(medians[plain][0] * 1e3, *ratios)


def resident_bytes() -> int:
    """Memory of this process now."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no VmRSS in /proc/self/status")


class Silent(nn.Module):
    """A model that costs nothing, to make a million forwards."""

    def forward(self, coord: Tensor) -> Tensor:
        return coord


def memory(events: int) -> tuple[float, float]:
    """(growth in MiB, microseconds a forward) over a run of `events` batches, with the default provenance."""
    model, coord = Silent(), torch.rand(BATCH, SIZE, SIZE, 2)
    for _ in range(200):
        model(coord.add_(1e-4))
    before, start = resident_bytes(), time.process_time()
    with probe_coords(model) as probe:
        for _ in probe.batches(range(events)):
            model(coord.add_(1e-7))
        spent = time.process_time() - start
    assert probe.report().conclusion.batches == events
    return (resident_bytes() - before) / 2**20, spent / events * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=1500, help="pairs of small steps; a tenth of it for large ones")
    parser.add_argument("--events", type=int, default=1_000_000)
    options = parser.parse_args()
    torch.manual_seed(0)
    growth, spent = memory(options.events)  # first, while the process is small
    tiny, small = partial(Trainer.of, width=32, depth=2), partial(Trainer.of, width=64, depth=4)
    large = partial(Trainer.of, width=128, depth=4)

    def reference() -> Trainer:
        return Trainer.around(ReferenceNetwork())

    rows: list[tuple[str, Callable[[], Trainer], Watch, int, str]] = [
        ("small, nothing watched (control)", small, unwatched, options.pairs, "1"),
        ("small, probe", small, partial(probed, provenance=0), options.pairs, "<= 1.02"),
        (
            "tiny, probe: only the fixed cost of a forward shows",
            tiny,
            partial(probed, provenance=0),
            options.pairs,
            "-",
        ),
        ("small, probe in its provenance window", small, partial(probed, provenance=10**6), options.pairs // 4, "-"),
        ("small, blake2b instead", small, hashed_by_blake2b, options.pairs, "-"),
        ("reference model, probe", reference, partial(probed, provenance=0), options.pairs // 4, "<= 1.02"),
        ("large, probe", large, partial(probed, provenance=0), options.pairs // 10, "<= 1.005"),
    ]
    print(f"torch {torch.__version__}, {torch.get_num_threads()} thread(s), {platform.machine()}, ", end="")
    print(f"coordinates ({BATCH}, {SIZE}, {SIZE}, 2) float32, {options.pairs} pairs of small steps\n")
    print("| step | plain step, ms CPU | ratio, CPU time | ratio, wall time | to reach |\n|---|---|---|---|---|")
    for name, make, watch, pairs, goal in rows:
        timing = compare(make, watch, pairs)
        print(f"| {name} | {timing.plain:.2f} | {timing.cpu:.4f} | {timing.wall:.4f} | {goal} |", flush=True)
    print(f"| TrainCheck, as published | - | - | {TRAINCHECK} | - |\n")
    print(f"Memory of {options.events:,} batches: {growth:.1f} MiB more (to reach: <= 64 MiB), ", end="")
    print(f"{spent:.1f} us CPU a forward in all, the loop itself included.")


if __name__ == "__main__":
    main()
