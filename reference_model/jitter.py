"""Coordinate jitter done right, and done wrong in every way the experiments measure.

A *schedule* is the pair of training loops seen from the coordinates: it yields the coordinates of each batch,
epochs * batches times. Each of them is written as the two nested loops of a trainer, so that a reader sees
where the draw stands. The trainer consumes a schedule and never draws coordinates itself; a resumed run
starts its schedule again and skips, so no generator state has to be saved.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from reference_model.grids import pitch

STREAM = 0x6A69747465720000  # "jitter": keeps this stream apart from the batch order and the initialisation


class Jitter:
    """Adds a new draw of noise at every call.

    `sigma` is the standard deviation in pixels of an image of `size` pixels a side, `distribution`
    "gaussian" or "uniform" (of equal standard deviation). `scope` "shared" gives all samples of a batch one
    draw, "per_sample" gives each of the `batch` samples its own. Every seed has a generator on the CPU: the
    numbers are the same on every device, and whatever other seeds are trained beside it.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        sigma: float,
        size: int,
        *,
        distribution: str = "gaussian",
        scope: str = "shared",
        batch: int = 1,
        device: torch.device | str = "cpu",
    ) -> None:
        if distribution not in ("gaussian", "uniform"):
            raise ValueError(f"distribution must be 'gaussian' or 'uniform', not {distribution!r}")
        if scope not in ("shared", "per_sample"):
            raise ValueError(f"scope must be 'shared' or 'per_sample', not {scope!r}")
        self.seeds, self.sigma, self.size = tuple(seeds), sigma, size
        self.distribution, self.scope, self.batch, self.device = distribution, scope, batch, device
        self.reseed()

    def reseed(self) -> None:
        """Start the streams again; every draw after this repeats."""
        self._generators = [torch.Generator().manual_seed(STREAM + seed) for seed in self.seeds]

    def __call__(self, coords: Tensor, size: int | None = None) -> Tensor:
        """`coords` + noise.

        `coords` is (S, Q, 2) or (S, B, Q, 2) in units of [0, 1]; `size`, when given, is the resolution in whose
        pixels `sigma` counts for this draw. Returns the shape of `coords`, or (S, B, Q, 2) when each sample
        gets its own draw. Not clamped.
        """
        if self.scope == "per_sample" and coords.ndim == 3:
            coords = coords.unsqueeze(1).expand(-1, self.batch, -1, -1)
        noise = torch.stack([self._draw(coords.shape[1:], generator) for generator in self._generators])
        if coords.is_cuda:
            noise = noise.pin_memory()  # a copy from other memory waits for all that the device has yet to do
        return coords + noise.to(coords.device, non_blocking=True) * (self.sigma * pitch(size or self.size))

    def _draw(self, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Noise of mean 0 and standard deviation 1."""
        if self.distribution == "uniform":
            return (torch.rand(*shape, generator=generator) * 2 - 1) * math.sqrt(3)
        return torch.randn(*shape, generator=generator)


@dataclass(frozen=True)
class Loop:
    """The loops of a training run: `grid(epoch, batch)` gives the clean (S, Q, 2) coordinates of a batch.

    `size(epoch, batch)` is the resolution of the targets of that batch.
    """

    epochs: int
    batches: int
    grid: Callable[[int, int], Tensor]
    size: Callable[[int, int], int]


Schedule = Callable[[Loop, Jitter], Iterator[Tensor]]


def none(loop: Loop, jitter: Jitter) -> Iterator[Tensor]:
    """No jitter was ever meant."""
    for epoch in range(loop.epochs):
        for batch in range(loop.batches):
            yield loop.grid(epoch, batch)


def commented_out(loop: Loop, jitter: Jitter) -> Iterator[Tensor]:
    """Jitter was meant, and its call is a comment: the trainer of the seed document."""
    for epoch in range(loop.epochs):
        for batch in range(loop.batches):
            coord = loop.grid(epoch, batch)
            # coord = jitter(coord)  # jitlint: ignore[JIT201] this is the bug that the experiment measures
            yield coord


def inside(loop: Loop, jitter: Jitter) -> Iterator[Tensor]:
    """Correct: a new draw in every batch."""
    for epoch in range(loop.epochs):
        for batch in range(loop.batches):
            yield jitter(loop.grid(epoch, batch), loop.size(epoch, batch))


def outside(loop: Loop, jitter: Jitter) -> Iterator[Tensor]:
    """The notebook of the seed document: drawn above the batch loop, one draw an epoch."""
    for epoch in range(loop.epochs):
        coord = jitter(loop.grid(epoch, 0), loop.size(epoch, 0))
        for _batch in range(loop.batches):
            yield coord


def before_epochs(loop: Loop, jitter: Jitter) -> Iterator[Tensor]:
    """Drawn once, above both loops."""
    coord = jitter(loop.grid(0, 0), loop.size(0, 0))
    for _epoch in range(loop.epochs):
        for _batch in range(loop.batches):
            yield coord


def reseeded(loop: Loop, jitter: Jitter) -> Iterator[Tensor]:
    """The generator is seeded in every epoch: each epoch repeats the draws of the first."""
    for epoch in range(loop.epochs):
        jitter.reseed()
        for batch in range(loop.batches):
            yield jitter(loop.grid(epoch, batch), loop.size(epoch, batch))


def accumulating(loop: Loop, jitter: Jitter) -> Iterator[Tensor]:
    """The jittered coordinates are jittered again: a random walk that starts anew in every epoch."""
    for epoch in range(loop.epochs):
        coord = loop.grid(epoch, 0)
        for batch in range(loop.batches):
            coord = jitter(coord, loop.size(epoch, batch))
            yield coord


def clamped(loop: Loop, jitter: Jitter) -> Iterator[Tensor]:
    """A new draw in every batch, clamped to [0, 1]: the outermost pixels pile up on the border."""
    for epoch in range(loop.epochs):
        for batch in range(loop.batches):
            yield jitter(loop.grid(epoch, batch), loop.size(epoch, batch)).clamp(0, 1)


SCHEDULES: dict[str, Schedule] = {
    schedule.__name__: schedule
    for schedule in (
        none, commented_out, inside, outside, before_epochs, reseeded, accumulating, clamped,
    )
}  # fmt: skip
