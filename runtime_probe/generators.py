"""The global random streams of the process: in which state they are, and whether they come back to an old one."""

from __future__ import annotations

import ctypes
import itertools
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch

ALWAYS = 256  # first batches of a network at which the streams are looked at; then a few at powers of two
IN_A_ROW = 8


def bytes_of(tensor: torch.Tensor) -> bytes:
    """The bytes of a dense tensor on the CPU, without NumPy: PyTorch is installed without it, too."""
    return ctypes.string_at(tensor.data_ptr(), tensor.numel() * tensor.element_size())


def torch_state() -> int:
    """A digest of the state of torch's default generators: the CPU's, and the accelerator's where one is in use."""
    state = hash(bytes_of(torch.get_rng_state()))
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        state = hash((state, *((g.initial_seed(), g.get_offset()) for g in torch.cuda.default_generators)))
    return state


def numpy_state() -> int:
    """The same for NumPy's legacy global generator; 0 while NumPy is not imported."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not hasattr(numpy, "random"):
        return 0
    name, key, place, has_gauss, cached = numpy.random.get_state()
    return hash((name, key.tobytes(), place, has_gauss, cached))


def python_state() -> int:
    """The same for the functions of Python's module `random`."""
    return hash(random.getstate())


STREAMS: dict[str, Callable[[], int]] = {
    "torch": torch_state,
    "numpy.random": numpy_state,
    "random": python_state,
}


def states() -> dict[str, int]:
    """The state of every global stream."""
    return {name: read() for name, read in STREAMS.items()}


@dataclass(frozen=True)
class Rewind:
    """A stream that came back to where it had been: `first` and `again` are batches of one network, from 0.

    `batches` counts the batches in which it went on as it had before.
    """

    stream: str
    first: int
    again: int
    batches: int
    seen: int


@dataclass
class Rewinds:
    """The streams' states at the beginning of the batches of one network in training."""

    _states: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: {name: [] for name in STREAMS})

    def look(self, batch: int) -> None:
        """A batch begins: keep the states, unless enough were kept."""
        if batch < ALWAYS or batch & ~(IN_A_ROW - 1) & (batch & ~(IN_A_ROW - 1)) - 1 == 0:
            for name, read in STREAMS.items():
                self._states[name].append((batch, read()))

    def moves(self, name: str) -> tuple[int, int]:
        """From how many batches to the next a stream was drawn from, of how many."""
        pairs = [(a, b) for (n, a), (m, b) in itertools.pairwise(self._states[name]) if m == n + 1]
        return sum(a != b for a, b in pairs), len(pairs)

    def stood_still(self, name: str, epochs: int = 0) -> bool:
        """Whether nothing was drawn from one batch to the next, but for the numbers that loaders draw every epoch."""
        moved, pairs = self.moves(name)
        return pairs > 1 and moved <= min(epochs, pairs - 1)

    def found(self) -> Iterator[Rewind]:
        """The streams that went the same way twice. One that nothing was drawn from stands still: no finding."""
        for name, seen in self._states.items():
            rewind = _rewind(name, seen)
            if rewind is not None:
                yield rewind


def _rewind(name: str, seen: list[tuple[int, int]]) -> Rewind | None:
    steps: dict[tuple[int, int], int] = {}
    first, again, times = -1, -1, 0
    for (batch, state), (following, after) in itertools.pairwise(seen):
        if following != batch + 1 or state == after:
            continue
        earlier = steps.setdefault((state, after), batch)
        if earlier != batch:
            times += 1
            first, again = (earlier, batch) if times == 1 else (first, again)
    return Rewind(name, first, again, times, len(seen)) if times else None
