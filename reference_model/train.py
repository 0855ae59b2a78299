"""The trainer: several seeds of one recipe, watched by runtime_probe, resumable, on one or more processes."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from reference_model import checkpoint as checkpoints
from reference_model.distributed import average, gradients, is_first, own_device, own_share, process_group
from reference_model.ensemble import Ensemble, prefers_stack
from reference_model.images import Dataset
from reference_model.jitter import SCHEDULES, Jitter, Loop
from reference_model.model import build
from reference_model.optimizers import optimizers
from reference_model.recipe import Recipe
from reference_model.targets import SIZE, TargetPlan, check_targets
from runtime_probe import probe_coords

LAST_RATE = 1e-8  # where the cosine of the learning rate ends
ORDER_STREAM = 0x6F7264657200  # "order": keeps the batch order apart from the jitter and the initialisation


@dataclass(frozen=True)
class Trained:
    """Trained networks, one for each of `seeds`, and what happened on the way.

    `models` are in evaluation mode, on the device of the run. `losses` (S, steps) is the mean squared error of each
    step, NaN for steps that were not made. `probe` is what runtime_probe saw: its report as JSON types. `seconds` is
    the time of the training loop, also of its parts before an interruption; `resumed` the number of epochs that an
    earlier process had made. `failed` names the seeds whose loss became NaN or infinite, and when.
    """

    seeds: tuple[int, ...]
    models: list[nn.Module]
    losses: Tensor
    probe: dict[str, Any]
    seconds: float
    resumed: int = 0
    failed: dict[int, str] = field(default_factory=dict)


def train(
    recipe: Recipe,
    seeds: Sequence[int],
    dataset: Dataset,
    *,
    device: torch.device | str = "cpu",
    checkpoint: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    compile: bool | str = False,
    bf16: bool = False,
    deterministic: bool = False,
    stacked: bool | None = None,
) -> Trained:
    """Train `recipe` once for each of `seeds`, side by side; continues from `checkpoint` when that file exists.

    Args:
        recipe: what is trained; names in it that do not exist, or do not go together, are a ValueError.
        seeds: each determines its run's initialisation, batch order and jitter, by generators of their own.
        dataset: the same for every seed.
        device: "cpu" or "cuda"; under torchrun each local rank takes its own GPU.
        checkpoint: written after every epoch. A run that continues from it ends, on a CPU, bit for bit as an
            uninterrupted one. `checkpoint.CheckpointError` when it cannot be read or is of another run.
        progress: called with (steps made, steps of the run) after each step.
        compile: True for `torch.compile`, with CUDA graphs on a GPU; a string names another backend.
        bf16: compute in bfloat16 where autocast allows it; parameters and losses stay float32.
        deterministic: only kernels that give the same bits on every run, or an error where there is none.
        stacked: run the seeds as one batched call; None chooses by `ensemble.prefers_stack`.

    Under torchrun every process computes its share of each batch and gradients are averaged, so that the losses are
    those of one process. Processes then share the jitter that a batch shares, which the probe rightly calls
    RANKS_DUPLICATED. A seed whose loss becomes NaN is in `Trained.failed`; the others go on.
    """
    device = own_device(torch.device(device))
    with process_group(device), _determinism(deterministic):
        run = Run(recipe, tuple(seeds), dataset, device, stacked, bf16)
        if compile:
            compile_ensemble(run.ensemble, compile, device)
        if checkpoint is not None:
            run.load(checkpoint)
        return _train(run, checkpoint, progress)


def _train(run: Run, checkpoint: Path | None, progress: Callable[[int, int], None] | None) -> Trained:
    recipe, device, before, started = run.recipe, run.device, run.epochs_made, time.perf_counter()
    coordinates = run.schedule()  # clean or jittered, correctly or not: reference_model/jitter.py
    with probe_coords(run.ensemble, argument="coords", provenance=0) as probe:
        for epoch in range(recipe.epochs):
            order = (batch_order(recipe, run.seeds, epoch) % len(run.images)).to(device)  # (S, batches, B)
            for batch in probe.batches(range(recipe.batches)):
                coords = next(coordinates)  # (S, Q, 2), or (S, B, Q, 2) where every sample has its own jitter
                coords = own_share(coords) if coords.ndim == 4 else coords
                samples = own_share(order[:, batch])  # (S, B)
                if epoch < before:
                    run.ensemble.replay(run.images[samples], coords)
                    continue
                run.step(epoch, batch, samples, coords)
                if progress is not None and is_first():
                    progress(epoch * recipe.batches + batch + 1, recipe.epochs * recipe.batches)
            if epoch >= before:
                run.end_epoch(epoch)
                if checkpoint is not None and is_first():
                    run.save(checkpoint, run.seconds + time.perf_counter() - started)
            if len(run.failed) == len(run.seeds):
                break
    seconds = run.seconds + time.perf_counter() - started
    return Trained(run.seeds, run.models(), run.losses, probe.to_dict(), seconds, before, run.failed)


def batch_order(recipe: Recipe, seeds: Sequence[int], epoch: int) -> Tensor:
    """Sample numbers (S, batches, B) of an epoch, a permutation for each seed; the last incomplete batch is left out.

    It depends on nothing but the seed, the epoch, and the numbers of images and of samples in a batch.
    """
    if recipe.batches < 1:
        raise ValueError(f"{recipe.images} samples an epoch do not fill a batch of {recipe.batch}")
    orders = []
    for seed in seeds:
        generator = torch.Generator().manual_seed(ORDER_STREAM + seed * 1_000_003 + epoch)
        order = torch.randperm(recipe.images, generator=generator)
        orders.append(order[: recipe.batches * recipe.batch].reshape(recipe.batches, recipe.batch))
    return torch.stack(orders)


def learning_rate(recipe: Recipe, step: int) -> float:
    """Linear warm-up over `recipe.warmup` epochs, then a cosine to LAST_RATE at the end of the run."""
    warmup, total = recipe.warmup * recipe.batches, recipe.epochs * recipe.batches
    if step < warmup:
        return recipe.learning_rate * (step + 1) / warmup
    done = (step - warmup) / max(1, total - warmup)
    return LAST_RATE + (recipe.learning_rate - LAST_RATE) * (1 + math.cos(math.pi * done)) / 2


class Run:
    """The state of a training run: networks, optimizers, losses, and how far it is. `train` drives it."""

    def __init__(
        self,
        recipe: Recipe,
        seeds: tuple[int, ...],
        dataset: Dataset,
        device: torch.device,
        stacked: bool | None,
        bf16: bool,
    ) -> None:
        check_targets(recipe)
        self.recipe, self.seeds, self.device = recipe, seeds, device
        self.images = dataset.train.to(device)
        self.plan = TargetPlan(recipe.targets, dataset, seeds, recipe.epochs, device)
        stacked = self._stacks() if stacked is None else stacked
        self.ensemble = Ensemble(self._fresh(), stacked=stacked, bf16=bf16).to(device)
        self.optimizers = optimizers(self.ensemble, recipe)
        self.losses = torch.full((len(seeds), recipe.epochs * recipe.batches), math.nan)
        self.recent: list[Tensor] = []  # the losses of this epoch, (S,) each, still on the device
        self.failed: dict[int, str] = {}
        self.epochs_made = 0
        self.seconds = 0.0

    def _stacks(self) -> bool:
        """Whether to train the seeds as one batched call: Muon takes matrices, not stacks of them."""
        return self.recipe.optimizer != "muon" and prefers_stack(self.device, len(self.seeds))

    def _fresh(self) -> list[nn.Module]:
        return [build(self.recipe.model, seed) for seed in self.seeds]

    def schedule(self) -> Iterator[Tensor]:
        """The coordinates of every batch from the first on, (S, Q, 2) or (S, B, Q, 2)."""
        recipe = self.recipe
        if recipe.schedule not in SCHEDULES:
            raise ValueError(f"unknown schedule {recipe.schedule!r}: there is {', '.join(SCHEDULES)}")
        jitter = Jitter(
            self.seeds, recipe.sigma, SIZE,
            distribution=recipe.distribution, scope=recipe.scope, batch=recipe.batch, device=self.device,
        )  # fmt: skip
        loop = Loop(recipe.epochs, recipe.batches, self.plan.grid, self.plan.size)
        return SCHEDULES[recipe.schedule](loop, jitter)

    def step(self, epoch: int, batch: int, samples: Tensor, coords: Tensor) -> None:
        """One optimizer step: samples (S, B) are indices of images, coords (S, Q, 2) or (S, B, Q, 2)."""
        self.ensemble.zero_grad()  # before the forward: with CUDA graphs, gradients lie in memory that it uses again
        rate = learning_rate(self.recipe, epoch * self.recipe.batches + batch)
        for group in [group for optimizer in self.optimizers for group in optimizer.param_groups]:
            group["lr"] = rate
        truth = self.plan.colours_of(epoch, batch, samples)  # (S, B, Q, C)
        colours = self.ensemble(self.images[samples], coords)
        errors = (colours - truth).square().mean((1, 2, 3))  # (S,)
        loss = errors.sum()  # no parameter is shared, so each seed's gradient is its own
        loss.backward()
        average(gradients(self.ensemble))
        for optimizer in self.optimizers:
            optimizer.step()
        self.recent.append(errors.detach())

    def end_epoch(self, epoch: int) -> None:
        """Fetch the losses, the only wait for the device, and see which seeds have failed."""
        errors = torch.stack(self.recent, dim=1)  # (S, batches)
        average([errors])
        self.losses[:, epoch * self.recipe.batches : (epoch + 1) * self.recipe.batches] = errors.cpu()
        self.recent.clear()
        self.epochs_made = epoch + 1
        self._stop_failed()

    def _stop_failed(self) -> None:
        made = self.losses[:, : self.epochs_made * self.recipe.batches]
        for row, seed in enumerate(self.seeds):
            wrong = (~made[row].isfinite()).nonzero()
            if len(wrong):
                self.failed[seed] = f"loss became NaN or infinite at step {int(wrong[0]) + 1}"
                self.ensemble.stopped.add(row)

    def _owner(self) -> dict[str, Any]:
        return {"recipe": self.recipe.digest(), "seeds": list(self.seeds), "stacked": self.ensemble.stacked}

    def save(self, path: Path, seconds: float) -> None:
        """Write the checkpoint of the epochs made so far."""
        state = {
            **self._owner(), "epochs_made": self.epochs_made, "losses": self.losses, "seconds": seconds,
            "ensemble": self.ensemble.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
        }  # fmt: skip
        checkpoints.save(state, path)

    def load(self, path: Path) -> None:
        """Continue from a checkpoint, if there is one."""
        state = checkpoints.load(path, self._owner(), self.device)
        if state is None:
            return
        self.ensemble.load_state_dict(state["ensemble"])
        for optimizer, values in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(values)
        self.losses, self.seconds, self.epochs_made = state["losses"].cpu(), state["seconds"], state["epochs_made"]
        self._stop_failed()

    def models(self) -> list[nn.Module]:
        """The trained networks, for evaluation."""
        return [network.to(self.device).eval() for network in self.ensemble.unstack(self._fresh())]


def compile_ensemble(ensemble: Ensemble, how: bool | str, device: torch.device) -> None:
    """One graph of all networks: with CUDA graphs on a GPU, or by the backend that `how` names."""
    if isinstance(how, str):
        ensemble.compile(backend=how, fullgraph=True)
    else:
        ensemble.compile(fullgraph=True, mode="reduce-overhead" if device.type == "cuda" else None)


@contextmanager
def _determinism(wanted: bool) -> Iterator[None]:
    """torch's deterministic mode, taken back at the end."""
    before = torch.are_deterministic_algorithms_enabled()
    if wanted:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what cuBLAS asks for in this mode
        torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
