"""Tells `Borders` about every DataLoader iteration and every optimizer step of this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from runtime_probe.borders import Borders
from runtime_probe.guard import Guard
from runtime_probe.loader_audit import LoaderAudit
from runtime_probe.replaced import Replaced

_END = object()


def next_or(advance: Callable[[Any], Any], iterator: Any, end: object) -> Any:
    """`advance(iterator)`, or `end` when it is exhausted."""
    try:
        return advance(iterator)
    except StopIteration:
        return end


class LoaderWatch:
    """Tells a `Borders` about every DataLoader iteration of this process, between `install` and `remove`."""

    def __init__(self, borders: Borders, guard: Guard, audit: LoaderAudit | None = None) -> None:
        self._borders: Borders | None = borders
        self._guard = guard
        self._audit = audit
        self._replaced = Replaced()

    def install(self) -> None:
        """Stand for `DataLoader.__iter__` and the `__next__` of its iterators."""
        from torch.utils.data import DataLoader
        from torch.utils.data.dataloader import _BaseDataLoaderIter

        self._replaced.replace(DataLoader, "__iter__", self._around_iter)
        self._replaced.replace(_BaseDataLoaderIter, "__next__", self._around_next)

    def remove(self) -> None:
        """Put them back."""
        self._borders = None
        self._replaced.restore()

    def _around_iter(self, original: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def __iter__(loader: Any) -> Any:  # noqa: N807
            audit = self._audit if self._borders is not None else None
            iterator = original(loader) if audit is None else audit.iterate(loader, original, self._guard)
            if self._borders is not None:
                self._guard(self._borders.loader_started, iterator, loader.num_workers)
            return iterator

        return __iter__

    def _around_next(self, original: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def __next__(iterator: Any) -> Any:  # noqa: N807
            batch = next_or(original, iterator, _END)
            if self._borders is not None and batch is _END:
                self._guard(self._borders.loader_exhausted, iterator)
            elif self._borders is not None:
                self._guard(self._borders.loader_advanced, iterator, batch)
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
