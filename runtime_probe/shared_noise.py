"""Noise that NumPy drew once and that all batches contain: told by the numbers, since arrays cannot be followed.

What is drawn is independent of everything that is not made of it. Where the ranks of a batch's values go together with
those of a drawn array of the same shape, far beyond chance, the batch is made of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from runtime_probe.draws import DrawLine

FORWARDS = 32  # in which the inputs are compared
MAX_LINES = 16
FEWEST = 256  # numbers that are drawn at once
COMPARED = 4096  # of them
CHANCE = 8.0  # standard deviations of a rank correlation by chance
ITSELF = 0.95  # rank correlation of what is hardly more than the drawn array: data that are made of it
SERVED = 5  # batches after the first one that contain the same draw


@dataclass(eq=False)
class _Noise:
    """The last array that one line drew, in which batch, and the later ones that contained it."""

    shape: tuple[int, ...]
    values: Tensor
    batch: int
    served: set[int] = field(default_factory=set)
    ranks: tuple[Tensor, ...] = ()

    def is_in(self, given: Tensor) -> bool:
        """Whether a tensor of the same shape is made of it, and of something else."""
        if not self.ranks:
            self.ranks = tuple(map(_ranks, _sides(self.values)))
        values = given.detach().reshape(-1)[:COMPARED].cpu().double()
        limit = CHANCE / (len(values) - 1) ** 0.5
        found = [abs(float(own @ other)) for own, other in zip(self.ranks, map(_ranks, _sides(values)), strict=True)]
        return limit < max(found) and found[0] < ITSELF


def _sides(values: Tensor) -> tuple[Tensor, Tensor]:
    """The numbers, and how far they are from their median: a product of two centred numbers has no correlation."""
    return values, (values - values.median()).abs()


def _ranks(values: Tensor) -> Tensor:
    """Ranks of mean 0 and length 1: the product of two such vectors is the rank correlation."""
    ranks = values.argsort(stable=True).argsort().double()
    ranks -= ranks.mean()
    return torch.nn.functional.normalize(ranks, dim=0)


class SharedNoise:
    """Told of every array that is drawn and of every input; `batch()` is the number of the batch of training."""

    def __init__(self, batch: Callable[[], int]) -> None:
        self._batch = batch
        self._last: dict[DrawLine, _Noise] = {}
        self._worst: dict[DrawLine, _Noise] = {}
        self._new: Counter[DrawLine] = Counter()  # batches that contained an array of their own
        self._before: dict[object, Tensor] = {}
        self._forwards: dict[object, int] = {}

    def drawn(self, values: Any, line: DrawLine) -> None:
        """A line drew an array of numbers."""
        if (
            getattr(getattr(values, "dtype", None), "kind", "") != "f"
            or values.size < FEWEST
            or len(self._last) >= MAX_LINES
        ):
            return
        head = torch.from_numpy(values.reshape(-1)[:COMPARED].astype("float64"))
        self._last[line] = _Noise(_shape(values.shape), head, self._batch())

    def given(self, stream: object, tensor: Tensor, drawn_since: bool) -> None:
        """A network that trains is given a tensor; `drawn_since`: torch's draws of this very batch are in it."""
        forwards = self._forwards[stream] = self._forwards.get(stream, 0) + 1
        shape = _shape(tensor.shape)
        alike = [(line, noise) for line, noise in self._last.items() if noise.shape == shape]
        if forwards > FORWARDS or not alike or drawn_since:
            return
        head = tensor.detach().reshape(-1)[:COMPARED].clone()
        before, self._before[stream] = self._before.get(stream), head
        if before is None or torch.equal(before, head):  # the whole of the data in every step
            return
        contained = [(line, noise) for line, noise in alike if noise.is_in(tensor)]
        new = [line for line, noise in contained if noise.batch == self._batch()]
        self._new.update(new)
        if new:
            return
        for line, noise in contained:
            noise.served.add(self._batch())
            worst = self._worst.setdefault(line, noise)
            self._worst[line] = max(worst, noise, key=lambda each: len(each.served))

    def found(self) -> Iterator[tuple[DrawLine, int]]:
        """The lines whose one draw was in many batches, and in how many."""
        for line, noise in self._worst.items():
            if len(noise.served) >= SERVED:
                yield line, len(noise.served) + 1

    def new(self) -> Iterator[tuple[DrawLine, int]]:
        """The lines that drew an array of its own for each batch, and for how many."""
        yield from ((line, batches) for line, batches in self._new.items() if batches > SERVED)


def _shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)
