"""Runs the arms that are missing in a results folder, one after another or several at a time."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import queue
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from reference_model import networks
from reference_model.checkpoint import CheckpointError
from reference_model.distributed import is_first, processes, shared
from reference_model.evaluate import NYQUIST, Curve, Exam, Predict, evaluate, prepare
from reference_model.experiments import Experiment
from reference_model.grids import pixel_grid
from reference_model.images import DataError, Dataset, load
from reference_model.metrics import psnr
from reference_model.model import lattice_side
from reference_model.oracle import MODES, interpolate, nadaraya_watson
from reference_model.recipe import Recipe
from reference_model.spectrum import energy_above, radial_power
from reference_model.store import Row, Store, StoreError
from reference_model.train import Trained, train

Report = Callable[[str, int, int], None]  # (label, steps made, steps)
ONE_THREAD = ("smoke", "cpu")  # presets of tiny networks


class RunError(Exception):
    """Something that stops the run; the message is one line."""


@dataclass(frozen=True)
class Options:
    """How to run: `seeds` is their number, counted from 0; `workers` processes train arms side by side."""

    runs: Path
    preset: str
    seeds: int = 5
    device: str = "cpu"
    workers: int = 1
    test_images: int = 64
    compile: bool = False
    bf16: bool = False
    deterministic: bool = False
    data_root: Path | None = None
    download: bool = False


@dataclass(frozen=True)
class Task:
    """An arm to train for some seeds."""

    label: str
    recipe: Recipe
    seeds: tuple[int, ...]


def wanted(chosen: Sequence[Experiment], base: Recipe, preset: str) -> dict[str, tuple[str, Recipe]]:
    """Digest -> (first label, recipe) of all arms of the experiments."""
    found: dict[str, tuple[str, Recipe]] = {}
    for experiment in chosen:
        for label, recipe in experiment.arms(base, preset).items():
            found.setdefault(recipe.digest(), (f"{experiment.name}: {label}", recipe))
    return found


def missing(chosen: Sequence[Experiment], base: Recipe, options: Options, store: Store) -> list[Task]:
    """The arms that have no row yet for some of the seeds; StoreError for results of another precision."""
    done = store.rows()
    _require_precision(done, options)
    tasks = []
    for digest, (label, recipe) in wanted(chosen, base, options.preset).items():
        seeds = tuple(seed for seed in range(options.seeds) if (options.preset, digest, seed) not in done)
        if seeds:
            tasks.append(Task(label, recipe, seeds))
    return tasks


def is_shareable(recipe: Recipe) -> bool:
    """Whether the processes of torchrun can take equal shares of the recipe's batches."""
    return recipe.batch % processes() == 0


def _require_precision(done: Mapping[tuple[str, str, int | None], Row], options: Options) -> None:
    for row in done.values():
        stored = bool(row.computed.get("bf16"))
        if row.kind == "model" and row.preset == options.preset and stored != options.bf16:
            said = "with" if stored else "without"
            raise StoreError(f"the results in {options.runs} were made {said} --bf16: use another folder with --out")


def run(chosen: Sequence[Experiment], base: Recipe, options: Options, report: Report) -> Iterator[Row]:
    """Train and measure what is missing; yields each row when it is on the disk.

    RunError in one line for data, devices, checkpoints and disks that do not do what is needed. What was
    finished before stays, and the next call continues.
    """
    store = Store(options.runs)
    try:
        if is_first():
            store.repair()
        tasks = shared([task for task in missing(chosen, base, options, store) if is_shareable(task.recipe)])
        recipes = [recipe for _, recipe in wanted(chosen, base, options.preset).values()]
        yield from references(recipes, options, store)
        yield from _one_process(tasks, options, report) if options.workers == 1 else _pool(tasks, options, report)
    except (DataError, StoreError, CheckpointError) as error:
        raise RunError(str(error)) from None
    except OSError as error:
        raise RunError(f"{error.filename or options.runs}: {error.strerror or error}") from None


def _one_process(tasks: Sequence[Task], options: Options, report: Report) -> Iterator[Row]:
    store = Store(options.runs)
    _use_threads(options)
    for task in tasks:
        for row in train_arm(task, options, report):
            if is_first():
                store.append(row)
            yield row
        if is_first():
            _checkpoint(task, options).unlink(missing_ok=True)


def _pool(tasks: Sequence[Task], options: Options, report: Report) -> Iterator[Row]:
    """The same with several processes of one thread each; the rows are written by this one."""
    store = Store(options.runs)
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, _Workers(context, options) as pool:
        steps: Any = manager.Queue()
        futures: dict[Future[list[Row]], Task] = {pool.submit(_work, task, options, steps): task for task in tasks}
        for future in _finished(futures, steps, report):
            try:
                rows = future.result()
            except BrokenProcessPool:
                raise RunError("a worker process was killed, perhaps for memory; run again to continue") from None
            for row in rows:
                store.append(row)
                yield row
            _checkpoint(futures[future], options).unlink(missing_ok=True)  # not before its rows are on the disk


class _Workers(ProcessPoolExecutor):
    """A pool that does not begin what has not begun when it is left by an error."""

    def __init__(self, context: Any, options: Options) -> None:
        super().__init__(options.workers, mp_context=context, initializer=_use_threads, initargs=(options,))

    def __exit__(self, *arguments: object) -> None:
        self.shutdown(wait=True, cancel_futures=True)


def _finished(futures: Iterable[Future[list[Row]]], steps: Any, report: Report) -> Iterator[Future[list[Row]]]:
    """Each future when it is done; passes on the steps that workers report meanwhile."""
    waiting = set(futures)
    while waiting:
        with contextlib.suppress(queue.Empty):
            report(*steps.get(timeout=0.2))
        done = {future for future in waiting if future.done()}
        waiting -= done
        yield from as_completed(done)


def _use_threads(options: Options) -> None:
    """One thread for networks that are too small for two: on a busy machine threads wait for each other."""
    tiny = options.device == "cpu" and options.preset in ONE_THREAD
    torch.set_num_threads(1 if tiny else max(1, (os.cpu_count() or 1) // options.workers))


def _work(task: Task, options: Options, steps: Any) -> list[Row]:
    return list(train_arm(task, options, lambda *progress: steps.put(progress)))


@cache
def _dataset(name: str, images: int, options: Options) -> Dataset:
    return load(
        name, images, test_images=options.test_images, root=options.data_root, download=options.download,
        device=options.device,
    )  # fmt: skip


@cache
def _exam(name: str, options: Options) -> Exam:
    return prepare(_dataset(name, 1, options))


def train_arm(task: Task, options: Options, report: Report) -> Iterator[Row]:
    """Train an arm for its seeds, side by side, and measure each network."""
    recipe = task.recipe
    dataset = _dataset(recipe.data, recipe.images, options)
    trained = train(
        recipe, task.seeds, dataset, device=options.device, checkpoint=_checkpoint(task, options),
        progress=lambda made, steps: report(task.label, made, steps),
        compile=options.compile, bf16=options.bf16, deterministic=options.deterministic,
    )  # fmt: skip
    exam = _exam(recipe.data, options)
    for index in range(len(task.seeds)):
        yield _row(task, trained, index, exam, options)


def _checkpoint(task: Task, options: Options) -> Path:
    return Store(options.runs).checkpoint(options.preset, task.recipe.digest(), task.seeds, bf16=options.bf16)


def _row(task: Task, trained: Trained, index: int, exam: Exam, options: Options) -> Row:
    seed, recipe, model = task.seeds[index], task.recipe, trained.models[index]
    row = Row(
        recipe.digest(), task.label, "model", options.preset, seed, recipe=recipe.to_dict(),
        probe=trained.probe, claims=networks.claims_hash(), seconds=trained.seconds / len(task.seeds),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        computed={
            **{name: getattr(options, name) for name in ("device", "bf16", "compile", "deterministic")},
            "threads": torch.get_num_threads(),
        },
    )  # fmt: skip
    if seed in trained.failed:
        return Row(**{**vars(row), "status": "nan", "message": trained.failed[seed]})
    measured = evaluate(_on(model, options.device), exam, recipe.sigma)
    if seed == 0 and is_first():
        Store(options.runs).save_pictures(recipe.digest(), measured)
    more = {**_end_of_training(trained.losses[index]), "psnr_thumbnail": _thumbnail_psnr(recipe, exam)}
    curves = measured.curves | {"loss": _loss_curve(trained.losses[index])}
    found = {"metrics": measured.metrics | more, "curves": curves, "by_image": measured.by_image}
    return Row(**{**vars(row), **found})


def _end_of_training(losses: torch.Tensor) -> dict[str, float]:
    """The mean loss of the last tenth of the steps, and the share by which it is below that of the tenth before."""
    tenth = max(1, len(losses) // 10)
    last, before = float(losses[-tenth:].mean()), float(losses[-2 * tenth : -tenth].mean())
    return {"final_loss": last, "loss_change": 1 - last / before}


def _loss_curve(losses: torch.Tensor) -> Curve:
    """The mean loss of each tenth of the steps, over the last step of that tenth."""
    ends = [len(losses) * part // 10 for part in range(11)]
    parts = [(end, float(losses[start:end].mean())) for start, end in pairwise(ends) if end > start]
    return Curve([float(end) for end, _ in parts], [mean for _, mean in parts])


def _thumbnail_psnr(recipe: Recipe, exam: Exam) -> float:
    """PSNR of the test images averaged to the grid of tokens and enlarged again: a network that sees has more."""
    side = lattice_side(recipe.model.lp_tokens)
    small = functional.adaptive_avg_pool2d(exam.images, side)
    colours = interpolate(small, pixel_grid(exam.images.shape[-1]), "bicubic")
    return float(psnr(colours, exam.images.flatten(2).transpose(1, 2)).mean())


def _on(model: torch.nn.Module, device: str) -> Predict:
    def predict(images: torch.Tensor, coords: torch.Tensor) -> torch.Tensor:
        colours: torch.Tensor = model(images.to(device), coords.to(device))
        return colours

    return predict


def references(recipes: Sequence[Recipe], options: Options, store: Store) -> Iterator[Row]:
    """Interpolation, and the oracle of every σ, on each of the data sets, as rows without a seed."""
    done = store.rows()
    for data in sorted({recipe.data for recipe in recipes}):
        sigmas = sorted({recipe.sigma for recipe in recipes if recipe.data == data} | {0.32})
        methods: dict[str, tuple[Predict, float]] = {mode: (_interpolation(mode), 0.32) for mode in MODES}
        methods |= {f"oracle {sigma:g} px": (_oracle(sigma), sigma) for sigma in sigmas}
        for label, (predict, sigma) in methods.items():
            arm = f"{data} {label}"
            if (options.preset, arm, None) in done or not is_first():
                continue
            exam = _exam(data, options)
            measured = evaluate(predict, exam, sigma)
            row = Row(
                arm, label, "reference", options.preset, None,
                recipe={"data": data}, metrics=measured.metrics, curves=measured.curves,
            )  # fmt: skip
            store.save_pictures(arm, measured)
            store.append(row)
            yield row
        yield from _truth_row(data, options, store)


def _truth_row(data: str, options: Options, store: Store) -> Iterator[Row]:
    """The true 128 px images as a row: their pictures, spectrum, and energy above Nyquist."""
    arm = f"{data} truth"
    if (options.preset, arm, None) in store.rows() or not is_first():
        return
    exam = _exam(data, options)
    if exam.sharp is None:
        return
    frequency, power = radial_power(exam.sharp)
    curve = Curve([float(x) for x in frequency], [float(y) for y in power])
    energy = float(energy_above(exam.sharp, NYQUIST).mean())
    row = Row(
        arm, "truth", "reference", options.preset, None,
        recipe={"data": data}, metrics={"energy_above_nyquist": energy}, curves={"radial_power": curve},
    )  # fmt: skip
    store.save_arrays(arm, _truth(exam))
    store.append(row)
    yield row


def _truth(exam: Exam) -> dict[str, torch.Tensor]:
    """The true pictures, as `Measured.pictures`."""
    assert exam.sharp is not None
    pictures = {"128": exam.sharp, "32": exam.images}
    return {
        size: (images[:2].cpu().permute(0, 2, 3, 1).clamp(0, 1) * 255).round().to(torch.uint8)
        for size, images in pictures.items()
    }


def _interpolation(mode: str) -> Predict:
    return lambda images, coords: interpolate(images, coords, mode)


def _oracle(sigma: float) -> Predict:
    return lambda images, coords: nadaraya_watson(images, coords, sigma)
