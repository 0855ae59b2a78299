"""Data that the program keeps and that its augmentation writes into: a random walk away from the original.

Found in the functions that are on the stack when a network is called: arrays whose entries are what the network is
given, and that have moved since the last look without having become something else.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from runtime_probe.sites import Site, is_library

SAMPLED = 4096  # entries of an array that are compared
FOUND_IN = 2**24  # entries of an array among which the network's input is looked for
MAX_ARRAYS = 32
OF_DATASET = "data set "
GROWTH = 3  # looks in a row at which the distance has to have grown


@dataclass(eq=False)
class _Array:
    """One array of the program: its name, the place, its first values and the distances to them at each look."""

    name: str
    site: Site
    first: Tensor
    distances: list[float] = field(default_factory=list)
    given: bool = False
    stride: float = 0.0  # the distance of the entries that moved at all


@dataclass(frozen=True)
class WalkingArray:
    """An array that moves away from its first values while a network is trained on it."""

    name: str
    site: Site
    distances: tuple[float, ...]


class StoredArrays:
    """Looks at the arrays of the user's functions; `walking()` are those that an augmentation writes into."""

    LOOKS: ClassVar[frozenset[int]] = frozenset([1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 128, 256, 512])

    def __init__(self) -> None:
        self._arrays: dict[tuple[int, str], _Array] = {}

    def look(self, given: Tensor, frame: FrameType | None) -> None:
        """A network is given `given`: compare the arrays of the functions on the stack with their first values."""
        for owner, name, value, site in _arrays(frame):
            values = _sample(value)
            if values is None:
                continue
            known = self._arrays.get((owner, name))
            if known is None:
                if len(self._arrays) < MAX_ARRAYS:
                    self._arrays[owner, name] = _Array(name, site, values)
            elif known.first.shape == values.shape:
                known.distances.append(_distance(known.first, values))
                known.stride = _stride(known.first, values)
                known.given |= name.startswith(OF_DATASET) or _is_part_of(given, value)

    def walking(self) -> list[WalkingArray]:
        """Arrays that moved at nearly every look, farther and farther, and stay recognisable."""
        return [
            WalkingArray(a.name, a.site, tuple(a.distances)) for a in self._arrays.values() if a.given and _walks(a)
        ]


def _walks(array: _Array) -> bool:
    moved = [d for d, _ in itertools.groupby(array.distances) if d > 0]  # it may move once an epoch only
    spread = float(array.first.std())
    if len(moved) < GROWTH + 1 or moved[-1] > 1.2 * spread * 2**0.5:  # unrelated values are sqrt(2) spreads away
        return False
    if array.name.startswith(OF_DATASET) and array.stride > spread:  # entries that are replaced, one after the other
        return False
    growing = sum(later > earlier for earlier, later in itertools.pairwise(moved))
    return growing >= 0.9 * (len(moved) - 1) and growing >= GROWTH


def _arrays(frame: FrameType | None) -> Iterator[tuple[int, str, Any, Site]]:
    """(owner, name, array, where) of the arrays in the user's functions, generators that they iterate included."""
    while frame is not None:
        code = frame.f_code
        if not is_library(code.co_filename):
            site = Site(code.co_filename, frame.f_lineno, code.co_name)
            variables = frame.f_globals if code.co_name == "<module>" else frame.f_locals
            owner = 0 if code.co_name == "<module>" else hash(code)
            for name, value in list(variables.items())[:256]:
                if _is_array(value):
                    yield owner, name, value, site
                elif isinstance(value, (DataLoader, Dataset)):
                    yield from _arrays_of(value, site)
            if code.co_name == "<module>":
                return
        frame = frame.f_back


def _arrays_of(value: DataLoader[Any] | Dataset[Any], site: Site) -> Iterator[tuple[int, str, Any, Site]]:
    """The arrays of a data set in this process; those in workers are copies that end with them."""
    dataset: Any = value
    if isinstance(value, DataLoader):
        dataset = value.dataset if value.num_workers == 0 else None
    for name, kept in list(getattr(dataset, "__dict__", {}).items())[:64]:
        if _is_array(kept):
            yield id(dataset), f"{OF_DATASET}{type(dataset).__name__}.{name}", kept, site


def _is_array(value: Any) -> bool:
    if isinstance(value, Tensor):
        plain = not isinstance(value, torch.nn.Parameter) and not value.requires_grad and value.device.type == "cpu"
        return plain and value.is_floating_point() and value.ndim > 1 and value.layout == torch.strided
    numpy = sys.modules.get("numpy")
    return numpy is not None and type(value) is numpy.ndarray and value.dtype.kind == "f" and value.ndim > 1


def _sample(value: Any) -> Tensor | None:
    count = value.numel() if isinstance(value, Tensor) else value.size
    if count < 16:
        return None
    step = max(1, count // SAMPLED) | 1  # odd, so that all columns of a table are met
    flat = (
        value.detach().reshape(-1) if isinstance(value, Tensor) else torch.from_numpy(value.reshape(-1)[::step].copy())
    )
    return (flat[::step].clone() if isinstance(value, Tensor) else flat).double()


def _distance(first: Tensor, now: Tensor) -> float:
    return float((now - first).square().mean().sqrt())


def _stride(first: Tensor, now: Tensor) -> float:
    """How far the entries that moved at all are from where they were."""
    moved = (now - first)[now != first]
    return _distance(moved * 0, moved) if len(moved) else 0.0


def _is_part_of(given: Tensor, value: Any) -> bool:
    """Whether the first entries that a network is given are somewhere in the array, one after the other."""
    array = value.detach() if isinstance(value, Tensor) else torch.from_numpy(value)
    if array.numel() > FOUND_IN or given.numel() < 8 or array.numel() < given.numel():
        return False
    if array.numel() == given.numel():  # the input itself, made anew in every batch
        return False
    head = given.detach().reshape(-1)[:8]
    flat = array.reshape(-1).to(head.dtype)
    starts = (flat[: len(flat) - 7] == head[0]).nonzero().flatten()[:64]
    return any(torch.equal(flat[start : start + 8], head) for start in starts.tolist())
