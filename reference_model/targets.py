"""Which points of which resolution a batch is trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from reference_model.grids import pixel_grid
from reference_model.images import Dataset
from reference_model.recipe import Recipe

SIZE = 32  # pixels a side of the images that the encoder sees
RESOLUTIONS = (32, 48, 64)
POINTS = SIZE * SIZE  # decoded points of a batch, whatever the resolution

Choice = Callable[[int, torch.Generator], Tensor]


def _stream(*numbers: int) -> torch.Generator:
    """A generator for one decision, found again from its numbers, so that a resumed run decides the same."""
    seed = 0
    for number in numbers:
        seed = (seed * 1_000_003 + number + 1) % (2**63)
    return torch.Generator().manual_seed(seed)


def _scattered(size: int, generator: torch.Generator) -> Tensor:
    """Indices of POINTS different pixels anywhere in a size × size image, (POINTS,)."""
    if size == SIZE:
        return torch.arange(POINTS)
    return torch.randperm(size * size, generator=generator)[:POINTS]


def _window(size: int, generator: torch.Generator) -> Tensor:
    """Indices of a SIZE × SIZE crop of a size × size image, (POINTS,); its coordinates stay those of the image.

    The crop goes on at the opposite border, so that every place is decoded equally often; crops that stay inside
    come to a corner 32 times as seldom as to the middle in each direction.
    """
    top, left = torch.randint(size, (2,), generator=generator).tolist()
    rows = torch.arange(top, top + SIZE) % size * size
    return (rows[:, None] + torch.arange(left, left + SIZE) % size).flatten()


@dataclass(frozen=True)
class Targets:
    """`resolution(epoch, epochs, batch)` in pixels a side, and which of its pixels are decoded."""

    resolution: Callable[[int, int, int], int]
    choose: Choice


def _any_resolution(epoch: int, epochs: int, batch: int) -> int:
    """One of RESOLUTIONS at random; the same for every seed, so that seeds can be trained together."""
    return RESOLUTIONS[int(torch.randint(len(RESOLUTIONS), (), generator=_stream(7, epoch, batch)))]


TARGETS: dict[str, Targets] = {
    "pixels": Targets(lambda epoch, epochs, batch: SIZE, _scattered),
    "multiscale": Targets(_any_resolution, _scattered),
    "patches": Targets(lambda epoch, epochs, batch: RESOLUTIONS[-1], _window),
}


KEEPS_THE_GRID = (
    "none",
    "commented_out",
    "inside",
    "clamped",
    "reseeded",
)  # schedules that use each batch's own points


def check_targets(recipe: Recipe) -> None:
    """ValueError for targets that do not exist, or do not go with the rest of the recipe."""
    if recipe.targets not in TARGETS:
        raise ValueError(f"unknown targets {recipe.targets!r}: there is {', '.join(TARGETS)}")
    if recipe.targets != "pixels" and recipe.schedule not in KEEPS_THE_GRID:
        raise ValueError(
            f"schedule {recipe.schedule!r} holds coordinates while the points of {recipe.targets!r} change"
        )


class TargetPlan:
    """The clean coordinates and the true colours of every batch of a run."""

    def __init__(self, name: str, dataset: Dataset, seeds: Sequence[int], epochs: int, device: torch.device) -> None:
        self.targets, self.seeds, self.epochs = TARGETS[name], tuple(seeds), epochs
        sizes = (SIZE,) if name == "pixels" else RESOLUTIONS
        self.grids = {size: pixel_grid(size, device) for size in sizes}
        self.colours = {
            size: dataset.target(size).to(device).flatten(2).transpose(1, 2) for size in sizes
        }  # (N, n², C)
        self.everything = torch.arange(POINTS, device=device).expand(len(self.seeds), -1)

    def size(self, epoch: int, batch: int) -> int:
        """Pixels a side of the targets of this batch."""
        return self.targets.resolution(epoch, self.epochs, batch)

    def chosen(self, epoch: int, batch: int) -> Tensor:
        """Indices (S, Q) of the decoded pixels."""
        size = self.size(epoch, batch)
        if size == SIZE:
            return self.everything
        picked = [self.targets.choose(size, _stream(11, seed, epoch, batch)) for seed in self.seeds]
        return torch.stack(picked).to(self.everything.device)

    def grid(self, epoch: int, batch: int) -> Tensor:
        """Clean coordinates (S, Q, 2)."""
        return self.grids[self.size(epoch, batch)][self.chosen(epoch, batch)]

    def colours_of(self, epoch: int, batch: int, samples: Tensor) -> Tensor:
        """True colours (S, B, Q, C) of the decoded pixels; `samples` (S, B) are indices of training images."""
        size = self.size(epoch, batch)
        if size == SIZE:
            return self.colours[size][samples]
        return self.colours[size][samples.unsqueeze(-1), self.chosen(epoch, batch).unsqueeze(1)]
