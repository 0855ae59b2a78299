"""Draws of Python and NumPy in what `torch.jit.trace` records: in the traced module they are constants."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from runtime_probe.draws import DrawLine, DrawLog
from runtime_probe.replaced import Replaced

ENOUGH = 3  # batches of training in which it is called


@dataclass(eq=False)
class Baked:
    """A traced module, the lines that drew while it was recorded, and the batches in which training called it."""

    module: weakref.ref[Any]
    name: str
    lines: tuple[DrawLine, ...]
    batches: set[int] = field(default_factory=set)


class TracedDraws:
    """Stands around `torch.jit.trace` between `install` and `remove`; `batch()` is the batch of training that runs.

    `pause()` takes what must not be recorded off the stack of function modes, `resume()` puts it back.
    """

    def __init__(
        self, draws: DrawLog, batch: Callable[[], int], pause: Callable[[], None], resume: Callable[[], None]
    ) -> None:
        self._draws, self._batch, self._pause, self._resume = draws, batch, pause, resume
        self._baked: list[Baked] = []
        self._replaced = Replaced()

    def install(self) -> None:
        """Stand around the function."""
        self._replaced.replace(torch.jit, "trace", self._around)

    def remove(self) -> None:
        """Put it back."""
        self._replaced.restore()

    def called(self, module: nn.Module) -> None:
        """A scripted or traced module is called."""
        for baked in self._baked if torch.is_grad_enabled() else ():
            if baked.module() is module:
                baked.batches.add(self._batch())

    def found(self) -> Iterator[Baked]:
        """The traced modules that draw nothing although what they were made of does, and that training calls."""
        yield from (baked for baked in self._baked if len(baked.batches) >= ENOUGH)

    def _around(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def trace(*args: Any, **kwargs: Any) -> Any:
            before = {line: line.times for line in self._draws.lines()}
            self._pause()
            try:
                traced = original(*args, **kwargs)
            finally:
                self._resume()
            lines = tuple(
                line
                for line in self._draws.lines()
                if line.times > before.get(line, 0) and not line.function.startswith("torch.")
            )
            if lines and isinstance(traced, nn.Module):
                self._baked.append(Baked(weakref.ref(traced), type(args[0]).__name__ if args else "?", lines))
            return traced

        return trace
