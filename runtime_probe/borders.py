"""Where one batch ends and the next begins, and one epoch and the next."""

from __future__ import annotations

import enum
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor
from torch.optim import Optimizer

T = TypeVar("T")

STEPS_PER_BATCH_LIMIT = 16  # more optimizer steps than this on one loader batch: the loader is not the batch loop


class Source(enum.Enum):
    """What the borders came from, the most exact first."""

    EXPLICIT = "probe.batches"
    LOADER = "DataLoader iteration"
    STEPS = "optimizer steps"
    INPUTS = "changes of the other inputs"
    FORWARDS = "single forwards"


class Position(NamedTuple):
    """The batch and epoch (both counted from 0) in which something happened, and who says so."""

    source: Source
    epoch: int
    batch: int
    num_workers: int = 0


def storage_of(tensor: Tensor) -> int:
    """The address of a dense tensor's memory, shared by its views; 0 for other tensors."""
    return tensor.untyped_storage().data_ptr() if tensor.layout == torch.strided and not tensor.is_meta else 0


def tensors_in(value: object, depth: int = 4) -> Iterator[Tensor]:
    """The tensors in nested tuples, lists and dictionaries, as loaders collate them."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping) and depth:
        for child in value.values():
            yield from tensors_in(child, depth - 1)
    elif isinstance(value, (tuple, list)) and depth:
        for child in value[:64]:
            yield from tensors_in(child, depth - 1)


@dataclass
class _Iteration:
    """One running `for` over a loader."""

    iterator: weakref.ref[Any]
    epoch: int
    num_workers: int
    steps_at_batch: int = 0
    used: bool = False
    exhausted: bool = False


class Borders:
    """Counts batches and epochs from every source at once and answers `position()` with the best one."""

    def __init__(self, on_epoch_end: Callable[[], None]) -> None:
        self.steps = 0  # of the optimizers that train a watched model
        self.all_steps = 0
        self._on_epoch_end = on_epoch_end
        self._explicit_depth = 0
        self._epochs = 0
        self._batches = 0
        self._iterations: list[_Iteration] = []
        self._optimizers: weakref.WeakSet[Optimizer] = weakref.WeakSet()
        self._optimizers_seen = 0  # the set forgets those that are gone
        self._owned: Callable[[Optimizer], bool] = lambda optimizer: True
        self.handed_out: frozenset[int] = frozenset()  # the memory of the tensors of the loader's last batch
        self.on_step: Callable[[Optimizer], object] = lambda optimizer: None

    def count_only(self, owned: Callable[[Optimizer], bool]) -> None:
        """Count only steps of optimizers for which `owned` is true (not those of a discriminator)."""
        self._owned = owned

    def position(self) -> Position:
        """Where the program is now."""
        if self._explicit_depth:
            return Position(Source.EXPLICIT, self._epochs - 1, self._batches, self._workers())
        running = self._running()
        if running is not None:
            running.used = True
            return Position(Source.LOADER, running.epoch, self._batches, running.num_workers)
        return Position(Source.STEPS, 0, self.steps)

    def batches(self, iterable: Iterable[T]) -> Iterator[T]:
        """Yield from `iterable`, each item a batch and the whole an epoch."""
        self.begin_epoch()
        try:
            for batch in iterable:
                self.begin_batch()
                yield batch
        finally:
            self.end_epoch()

    @property
    def begun(self) -> int:
        """How many batches have begun, of any epoch."""
        return self._batches

    @property
    def epochs(self) -> int:
        """How many epochs have begun, of any loader."""
        return self._epochs

    def begin_epoch(self) -> None:
        """An epoch begins, says the caller, who is exact."""
        self._epochs += 1
        self._explicit_depth += 1

    def begin_batch(self) -> None:
        """A batch begins, says the caller."""
        self._batches += 1

    def end_epoch(self) -> None:
        """The epoch is over; the other sources count again."""
        self._explicit_depth -= 1
        self._on_epoch_end()

    def loader_started(self, iterator: object, num_workers: int) -> None:
        """A DataLoader began an epoch."""
        self._iterations = [it for it in self._iterations if it.iterator() not in (iterator, None)]
        self._iterations.append(_Iteration(weakref.ref(iterator), self._epochs, num_workers, self.steps))
        if not self._explicit_depth:
            self._epochs += 1

    def loader_advanced(self, iterator: object, batch: object = None) -> None:
        """A DataLoader handed out a batch."""
        self.handed_out = frozenset(storage_of(tensor) for tensor in tensors_in(batch))
        iteration = self._find(iterator)
        if iteration is None or self._explicit_depth:
            return
        self._iterations.remove(iteration)
        self._iterations.append(iteration)
        iteration.steps_at_batch = self.steps
        self._batches += 1

    def loader_exhausted(self, iterator: object) -> None:
        """A DataLoader ended. It stays current: wrappers that fetch ahead still hand out its last batch."""
        iteration = self._find(iterator)
        if iteration is None or self._explicit_depth:
            return
        iteration.exhausted = True
        self._batches += 1
        if not iteration.used:  # read to the end before any forward: the batch loop is elsewhere
            self._iterations.remove(iteration)
        elif any(not other.exhausted for other in self._iterations):
            self._iterations.remove(iteration)  # a validation pass inside a training epoch
        else:
            self._on_epoch_end()

    def stepped(self, optimizer: Optimizer, *_: object) -> None:
        """The optimizer post hook."""
        self.all_steps += 1
        self.on_step(optimizer)
        if self._owned(optimizer):
            self.steps += 1
            if optimizer not in self._optimizers:
                self._optimizers.add(optimizer)
                self._optimizers_seen += 1

    @property
    def optimizers(self) -> int:
        """How many optimizers have stepped."""
        return self._optimizers_seen

    def _find(self, iterator: object) -> _Iteration | None:
        return next((it for it in self._iterations if it.iterator() is iterator), None)

    def _running(self) -> _Iteration | None:
        while self._iterations and not self._is_batch_loop(self._iterations[-1]):
            self._iterations.pop()
        return self._iterations[-1] if self._iterations else None

    def _is_batch_loop(self, iteration: _Iteration) -> bool:
        if iteration.iterator() is None and not iteration.exhausted:
            return False  # `next(iter(loader))`: the iterator is gone, its one batch is trained on for long
        limit = 2 if iteration.exhausted else STEPS_PER_BATCH_LIMIT
        return self.steps - iteration.steps_at_batch <= limit

    def _workers(self) -> int:
        return self._iterations[-1].num_workers if self._iterations else 0
