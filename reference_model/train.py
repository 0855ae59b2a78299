"""The trainer: several seeds of one recipe, watched by runtime_probe, resumable, on one or more processes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed, nn

from reference_model.discriminator import WEIGHT, Adversary
from reference_model.ensemble import Ensemble
from reference_model.images import Dataset
from reference_model.jitter import SCHEDULES, Jitter, Loop
from reference_model.model import build
from reference_model.recipe import Recipe
from reference_model.targets import SIZE, TargetPlan
from runtime_probe import probe_coords

LAST_RATE = 1e-8  # where the cosine of the learning rate ends
ORDER_STREAM = 0x6F7264657200  # "order": keeps the batch order apart from the jitter and the initialisation


@dataclass(frozen=True)
class Trained:
    """Trained networks, one for each seed (in `seeds`), with what happened on the way.

    `losses` (S, steps) is the mean squared error of each step, `probe` what runtime_probe saw, `seconds` the time
    of the steps of this call. `failed` names the seeds whose loss became NaN, and when.
    """

    seeds: tuple[int, ...]
    networks: list[nn.Module]
    losses: Tensor
    probe: dict[str, Any]
    seconds: float
    failed: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Speed:
    """How to compute, as opposed to what. `stacked` None chooses: one batched call on a GPU, a loop on a CPU."""

    compile: bool = False
    bf16: bool = False
    deterministic: bool = False
    stacked: bool | None = None
    backend: str = "inductor"


def batch_order(recipe: Recipe, seeds: Sequence[int], count: int, epoch: int) -> Tensor:
    """Indices (S, batches, B) of the training images of an epoch; a last incomplete batch is left out."""
    batches = max(1, count // recipe.batch)
    size = min(recipe.batch, count)
    orders = []
    for seed in seeds:
        generator = torch.Generator().manual_seed(ORDER_STREAM + seed * 1_000_003 + epoch)
        orders.append(torch.randperm(count, generator=generator)[: batches * size].reshape(batches, size))
    return torch.stack(orders)


def learning_rate(recipe: Recipe, step: int, batches: int) -> float:
    """Linear warm-up over `recipe.warmup` epochs, then a cosine to LAST_RATE at the last of the steps."""
    warmup, total = recipe.warmup * batches, recipe.epochs * batches
    if step < warmup:
        return recipe.learning_rate * (step + 1) / warmup
    done = (step - warmup) / max(1, total - warmup)
    return LAST_RATE + (recipe.learning_rate - LAST_RATE) * (1 + math.cos(math.pi * done)) / 2


def train(
    recipe: Recipe,
    seeds: Sequence[int],
    dataset: Dataset,
    *,
    device: torch.device | str = "cpu",
    checkpoint: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    speed: Speed | None = None,
) -> Trained:
    """Train `recipe` once for each of `seeds`; continues from `checkpoint` when that file exists.

    `progress(epochs done, epochs)` is called after each epoch. Under torchrun every process computes its slice of
    each batch and the gradients are averaged, so the losses are those of one process. A seed whose loss becomes
    NaN is reported in `failed`; the others go on.
    """
    run = _Run(recipe, tuple(seeds), dataset, torch.device(device), speed or Speed())
    if checkpoint is not None:
        run.resume(checkpoint)
    started = time.perf_counter()
    with probe_coords(run.ensemble, argument="coords") as probe:
        for epoch in range(run.epoch, recipe.epochs):
            order = batch_order(recipe, run.seeds, len(run.images), epoch).to(run.device)
            for batch in probe.batches(range(run.batches)):
                coords = next(run.coords)  # jittered by the schedule of the recipe: reference_model/jitter.py
                run.step(epoch, batch, order[:, batch], coords)
            run.end_epoch(epoch, checkpoint)
            if progress is not None:
                progress(epoch + 1, recipe.epochs)
            if len(run.failed) == len(run.seeds):
                break
    seconds = time.perf_counter() - started
    return Trained(run.seeds, run.networks(), run.losses, _seen(probe, run.resumed), seconds, run.failed)


def _seen(probe: Any, resumed: int) -> dict[str, Any]:
    """The probe's findings as JSON types; a resumed run was watched from epoch `resumed` on."""
    report = probe.to_dict()
    return {**report, "watched_from_epoch": resumed}


class _Run:
    """The state of a training run."""

    def __init__(
        self, recipe: Recipe, seeds: tuple[int, ...], dataset: Dataset, device: torch.device, speed: Speed
    ) -> None:
        if speed.deterministic:
            torch.use_deterministic_algorithms(True)
        self.recipe, self.seeds, self.device, self.speed = recipe, seeds, device, speed
        self.images = dataset.train.to(device)
        self.plan = TargetPlan(recipe.targets, dataset, seeds, recipe.epochs, device)
        self.batches = max(1, len(self.images) // recipe.batch)
        stacked = device.type == "cuda" if speed.stacked is None else speed.stacked
        self.ensemble = Ensemble(self._fresh(), stacked=stacked).to(device)
        self.optimizer = torch.optim.Adam(self.ensemble.parameters(), lr=recipe.learning_rate)
        self.adversary = Adversary(list(seeds), recipe.model.channels, 16, device) if recipe.adversarial else None
        self.forward = torch.compile(self.ensemble, backend=speed.backend) if speed.compile else self.ensemble
        self.losses = torch.full((len(seeds), recipe.epochs * self.batches), math.nan)
        self.recent: list[Tensor] = []
        self.failed: dict[int, str] = {}
        self.epoch = self.resumed = 0
        self.coords = self._schedule()

    def _fresh(self) -> list[nn.Module]:
        return [build(self.recipe.network, self.recipe.model, seed) for seed in self.seeds]

    def _schedule(self) -> Iterator[Tensor]:
        """The coordinates of every batch from the first on, (S, Q, 2) or (S, B, Q, 2)."""
        recipe = self.recipe
        jitter = Jitter(
            self.seeds, recipe.sigma, SIZE,
            distribution=recipe.distribution, scope=recipe.scope, batch=min(recipe.batch, len(self.images)),
        )  # fmt: skip
        loop = Loop(recipe.epochs, self.batches, self.plan.grid, self.plan.size, recipe.draws or 1)
        return SCHEDULES[recipe.schedule](loop, jitter)

    def step(self, epoch: int, batch: int, samples: Tensor, coords: Tensor) -> None:
        """One optimizer step: samples (S, B) are indices of images, coords (S, Q, 2) or (S, B, Q, 2)."""
        samples, coords = self._own_share(samples, coords)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.recipe, epoch * self.batches + batch, self.batches)
        truth = self.plan.colours_of(epoch, batch, samples)
        with torch.autocast(self.device.type, torch.bfloat16) if self.speed.bf16 else nullcontext():
            colours = self.forward(self.images[samples], coords)
        errors = (colours.float() - truth).square().mean((1, 2, 3))  # (S,)
        loss = errors.sum()  # each seed's gradient is its own: no parameter is shared
        if self.adversary is not None:
            loss = loss + WEIGHT * self.adversary.generator_loss(colours.float()).sum()
        self.optimizer.zero_grad()
        loss.backward()
        self._average_gradients()
        self.optimizer.step()
        if self.adversary is not None:
            self.adversary.learn(colours.float(), truth)
        self.recent.append(errors.detach())

    def _own_share(self, samples: Tensor, coords: Tensor) -> tuple[Tensor, Tensor]:
        """This process's samples of the batch, and their coordinates."""
        if not _distributed():
            return samples, coords
        rank, world = distributed.get_rank(), distributed.get_world_size()
        if samples.shape[1] % world:
            raise ValueError(f"{world} processes cannot share batches of {samples.shape[1]} evenly")
        own = slice(rank, None, world)
        return samples[:, own], coords[:, own] if coords.ndim == 4 else coords

    def _average_gradients(self) -> None:
        if not _distributed():
            return
        gradients = [p.grad for p in self.ensemble.parameters() if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        flat /= distributed.get_world_size()
        for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def end_epoch(self, epoch: int, checkpoint: Path | None) -> None:
        """Fetch the losses (the only wait for the device), look for NaN, and save."""
        errors = torch.stack(self.recent, dim=1)
        if _distributed():
            distributed.all_reduce(errors)
            errors /= distributed.get_world_size()
        self.losses[:, epoch * self.batches : (epoch + 1) * self.batches] = errors.cpu()
        self.recent.clear()
        for row, seed in enumerate(self.seeds):
            finite = self.losses[row, : (epoch + 1) * self.batches].isfinite()
            if seed not in self.failed and not bool(finite.all()):
                self.failed[seed] = f"the loss became NaN or infinite at step {int((~finite).nonzero()[0])}"
        if checkpoint is not None and (not _distributed() or distributed.get_rank() == 0):
            self._save(epoch + 1, checkpoint)

    def _save(self, epoch: int, checkpoint: Path) -> None:
        state = {
            "recipe": self.recipe.digest(), "seeds": self.seeds, "epoch": epoch, "losses": self.losses,
            "failed": self.failed, "ensemble": self.ensemble.state_dict(), "optimizer": self.optimizer.state_dict(),
            "adversary": self.adversary.state() if self.adversary is not None else None,
        }  # fmt: skip
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        partial = checkpoint.with_name(checkpoint.name + ".partial")
        torch.save(state, partial)
        partial.replace(checkpoint)

    def resume(self, checkpoint: Path) -> None:
        """Continue from `checkpoint` if it exists and is of the same recipe and seeds."""
        if not checkpoint.is_file():
            return
        state = torch.load(checkpoint, map_location=self.device, weights_only=True)
        if state["recipe"] != self.recipe.digest() or tuple(state["seeds"]) != self.seeds:
            return
        self.ensemble.load_state_dict(state["ensemble"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.adversary is not None:
            self.adversary.load(state["adversary"])
        self.losses, self.failed = state["losses"].cpu(), dict(state["failed"])
        self.epoch = self.resumed = int(state["epoch"])
        for _batch in range(self.epoch * self.batches):
            next(self.coords)

    def networks(self) -> list[nn.Module]:
        """The trained networks, for evaluation."""
        return [network.to(self.device).eval() for network in self.ensemble.unstack(self._fresh())]


def _distributed() -> bool:
    return distributed.is_available() and distributed.is_initialized()
