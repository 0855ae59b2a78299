"""Where one batch ends and the next begins, and one epoch and the next."""

from __future__ import annotations

import enum
import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import torch
from torch.optim import Optimizer

if TYPE_CHECKING:
    from runtime_probe.loader_audit import LoaderAudit

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
        self._owned: Callable[[Optimizer], bool] = lambda optimizer: True

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

    def loader_advanced(self, iterator: object) -> None:
        """A DataLoader handed out a batch."""
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
        if self._owned(optimizer):
            self.steps += 1
            self._optimizers.add(optimizer)

    @property
    def optimizers(self) -> int:
        """How many optimizers have stepped."""
        return len(self._optimizers)

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


_END = object()


def next_or(advance: Callable[[Any], Any], iterator: Any, end: object) -> Any:
    """`advance(iterator)`, or `end` when it is exhausted."""
    try:
        return advance(iterator)
    except StopIteration:
        return end


class LoaderWatch:
    """Tells a `Borders` about every DataLoader iteration of this process, between `install` and `remove`."""

    def __init__(self, borders: Borders, audit: LoaderAudit | None = None) -> None:
        self._borders: Borders | None = borders
        self._audit = audit
        self._undo: list[Callable[[], None]] = []

    def install(self) -> None:
        """Wrap `DataLoader.__iter__` and the `__next__` of its iterators."""
        from torch.utils.data import DataLoader
        from torch.utils.data.dataloader import _BaseDataLoaderIter

        self._wrap(DataLoader, "__iter__", self._around_iter)
        self._wrap(_BaseDataLoaderIter, "__next__", self._around_next)

    def remove(self) -> None:
        """Take the wrappers off again."""
        self._borders = None
        for undo in reversed(self._undo):
            undo()
        self._undo.clear()

    def _wrap(self, owner: type, name: str, around: Callable[[Any], Any]) -> None:
        original = getattr(owner, name)
        wrapper = around(original)
        setattr(owner, name, wrapper)

        def undo() -> None:
            if getattr(owner, name) is wrapper:  # else another probe wrapped it later; ours is inert by now
                setattr(owner, name, original)

        self._undo.append(undo)

    def _around_iter(self, original: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def __iter__(loader: Any) -> Any:  # noqa: N807
            audit = self._audit if self._borders is not None else None
            iterator = original(loader) if audit is None else audit.iterate(loader, original)
            if self._borders is not None:
                self._borders.loader_started(iterator, loader.num_workers)
            return iterator

        return __iter__

    def _around_next(self, original: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def __next__(iterator: Any) -> Any:  # noqa: N807
            batch = next_or(original, iterator, _END)
            if self._borders is not None and batch is _END:
                self._borders.loader_exhausted(iterator)
            elif self._borders is not None:
                self._borders.loader_advanced(iterator)
            if batch is _END:
                raise StopIteration
            return batch

        return __next__


class StepWatch:
    """Counts optimizer steps between `install` and `remove`."""

    def __init__(self, borders: Borders) -> None:
        self._borders = borders
        self._handle: torch.utils.hooks.RemovableHandle | None = None

    def install(self) -> None:
        """Register the global hook that PyTorch calls after every `optimizer.step()`."""
        from torch.optim.optimizer import register_optimizer_step_post_hook

        self._handle = register_optimizer_step_post_hook(self._borders.stepped)

    def remove(self) -> None:
        """Remove the hook."""
        if self._handle is not None:
            self._handle.remove()
            self._handle = None
