"""Running one function over many items, in this process or in several."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

__all__ = ["Workers", "cores"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def cores() -> int:
    """How many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        return os.cpu_count() or 1


class Workers:
    """Up to `count` processes, started at the first piece of work that is worth it."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._pool is None:
            return
        if kind is not None:
            _terminate_children()
        self._pool.shutdown(cancel_futures=True)

    def map(
        self,
        function: Callable[[Item], Result],
        items: Iterable[Item],
        lost: Callable[[Item], Result],
        *,
        is_worth_it: bool = True,
    ) -> Iterator[Result]:
        """The results in the order of the items; `lost` gives that of an item whose process died of it."""
        work = list(items)
        if self.count < 2 or len(work) < 2 or not is_worth_it:
            return map(function, work)
        return self._map(function, work, lost)

    def _map(
        self, function: Callable[[Item], Result], work: list[Item], lost: Callable[[Item], Result]
    ) -> Iterator[Result]:
        from concurrent.futures.process import BrokenProcessPool

        if self._pool is None:
            self._pool = _pool(self.count)
        done = 0
        try:
            for result in self._pool.map(function, work):
                yield result
                done += 1
        except BrokenProcessPool:  # killed for its memory, or a crash of the interpreter
            self._pool = None
            for item in work[done:]:
                yield _alone(function, item, lost)


def _alone(function: Callable[[Item], Result], item: Item, lost: Callable[[Item], Result]) -> Result:
    """The result of one item, in a process of its own."""
    from concurrent.futures.process import BrokenProcessPool

    with _pool(1) as pool:
        try:
            return pool.submit(function, item).result()
        except BrokenProcessPool:
            return lost(item)


def _pool(count: int) -> ProcessPoolExecutor:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_all_start_methods, get_context

    method = "fork" if "fork" in get_all_start_methods() and os.uname().sysname == "Linux" else None
    return ProcessPoolExecutor(count, mp_context=get_context(method), initializer=_start_worker)


def _start_worker() -> None:
    """An interrupt is the parent's to handle: a child would print a traceback. Garbage is collected by hand."""
    import gc
    import signal

    gc.disable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _terminate_children() -> None:
    import multiprocessing

    for child in multiprocessing.active_children():
        child.terminate()
