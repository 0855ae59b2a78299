"""Fits many networks at once, each under its own schedule of jitter."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from reference_model.fitted.arms import BANDS, Fit
from reference_model.fitted.network import Fitters
from reference_model.grids import pixel_grid
from reference_model.jitter import SCHEDULES, Jitter, Loop
from reference_model.model import FourierCode

SIZE = 32
WARMUP = 0.05  # of the steps
BETAS = (0.9, 0.99)  # of Adam; 0.999 needs three times as many steps to come as near to the oracle


@dataclass(frozen=True)
class Fitted:
    """Trained networks in the order of the fits, the loss (N, steps) of every step, seconds for each network."""

    networks: Fitters
    losses: Tensor
    seconds: float


def stream(fit: Fit) -> int:
    """The seed of a fit's random numbers: of its image and its seed, so that arms are paired."""
    return int(hashlib.sha256(f"{fit.image} {fit.seed}".encode()).hexdigest()[:8], 16)


def coordinates(fit: Fit) -> Iterator[Tensor]:
    """The (1, Q, 2) coordinates of every step, drawn where the schedule says; the same object while they are held."""
    jitter = Jitter((stream(fit),), fit.sigma, SIZE)
    grid = pixel_grid(SIZE)[None]
    loop = Loop(fit.epochs, fit.batches, lambda epoch, batch: grid, lambda epoch, batch: SIZE)
    return SCHEDULES[fit.schedule](loop, jitter)


def learning_rate(highest: float, step: int, steps: int) -> float:
    """Linear warm-up over WARMUP of the steps, times a cosine from `highest` to 0."""
    return highest * min(1.0, (step + 1) / (WARMUP * steps)) * (1 + math.cos(math.pi * step / steps)) / 2


def train(fits: Sequence[Fit], images: Tensor) -> Fitted:
    """Fit each of `images` (N, 3, 32, 32) by the network of the same place in `fits`.

    All pixels in every step, mean squared error, Adam. The fits share bands, width, steps and learning rate;
    ValueError when they do not.
    """
    first = fits[0]
    if any((f.bands, f.width, f.steps, f.learning_rate) != (first.bands, first.width, first.steps,
                                                            first.learning_rate) for f in fits):  # fmt: skip
        raise ValueError("networks that are trained together share bands, width, steps and learning rate")
    networks = Fitters(BANDS[first.bands], first.width, [stream(fit) for fit in fits])
    optimizer = torch.optim.Adam(networks.parameters(), lr=first.learning_rate, betas=BETAS, eps=1e-12, fused=True)
    colours = images.flatten(2).transpose(1, 2).contiguous()  # (N, Q, 3)
    schedules = [coordinates(fit) for fit in fits]
    codes = _Codes(networks, len(fits))
    losses = torch.empty(len(fits), first.steps)
    started = time.perf_counter()
    for step in range(first.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(first.learning_rate, step, first.steps)
        optimizer.zero_grad()
        errors = (networks(codes([next(schedule) for schedule in schedules])) - colours).square().mean((1, 2))  # (N,)
        errors.sum().backward()  # no parameter is shared, so each network's gradient is its own
        optimizer.step()
        losses[:, step] = errors.detach()
    return Fitted(networks.eval(), losses, (time.perf_counter() - started) / len(fits))


class _Codes:
    """The networks' Fourier codes; those of coordinates that are still the same object are not computed again.

    The codes are overwritten in place: what autograd keeps of them is used up when the next step begins.
    """

    def __init__(self, networks: Fitters, count: int) -> None:
        self._networks = networks
        self._seen: list[Tensor | None] = [None] * count
        self._codes = [torch.empty(count, SIZE * SIZE, FourierCode.features) for _ in networks.codes]

    def __call__(self, coords: Sequence[Tensor]) -> list[Tensor]:
        """coords: N of (1, Q, 2) -> for each band (N, Q, 64)."""
        changed = [place for place, now in enumerate(coords) if now is not self._seen[place]]
        if changed:
            fresh = self._networks.encode(torch.cat([coords[place] for place in changed]))
            for code, part in zip(self._codes, fresh, strict=True):
                code[changed] = part
            self._seen = list(coords)
        return self._codes
