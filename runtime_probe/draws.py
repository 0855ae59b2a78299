"""Draws of NumPy's and Python's global generators in this process: at which lines, how often, and for what.

The functions of `numpy.random` and `random` are wrapped while a program runs under `python -m runtime_probe`, until
something is compiled: a compiler knows the real functions only. Generators of the program's own are not seen here.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

import torch

from runtime_probe.sites import Site, is_given_data, is_library, user_frames

MOST_CALLS = 100_000  # then the functions are as they were
MAX_LINES = 512
NUMPY = (
    "rand randn randint random random_sample choice normal uniform standard_normal permutation shuffle binomial beta "
    "poisson exponential laplace gamma dirichlet multivariate_normal"
).split()
PYTHON = "random randint randrange uniform choice choices sample shuffle gauss normalvariate betavariate".split()


@dataclass(eq=False)
class DrawLine:
    """A line that draws: how often, in how many batches of training, and in which (0: before the first step).

    `given_data`: the function it stands in had been handed data.
    """

    function: str
    site: Site
    callers: tuple[Site, ...]
    given_data: bool
    times: int = 0
    batches: int = 0
    first_batch: int = 0
    last_batch: int = 0

    def __str__(self) -> str:
        called = f", called from {self.callers[0]}" if self.callers else ""
        return f"`{self.function}` at {self.site} in {self.site.function}{called}; drawn {self.times} times"


class DrawLog:
    """Records the draws between `install` and `remove`; `batch()` is the number of the batch of training that runs."""

    def __init__(self, batch: Callable[[], int]) -> None:
        self._batch = batch
        self._lines: dict[tuple[CodeType, int, str], DrawLine] = {}
        self._calls = 0
        self._undo: list[Callable[[], None]] = []
        self.complete = False  # everything that was called was seen

    def install(self) -> None:
        """Wrap the functions, and `torch.compile`, which puts them back."""
        self.complete = True
        self._wrap_all(random, PYTHON)
        numpy = sys.modules.get("numpy")
        if numpy is not None:
            self._wrap_all(numpy.random, NUMPY)
        compile_ = torch.compile

        def compile(*args: Any, **kwargs: Any) -> Any:
            self.complete = False
            self.remove()
            return compile_(*args, **kwargs)

        torch.compile = compile
        self._undo.append(lambda: setattr(torch, "compile", compile_))

    def remove(self) -> None:
        """Put the functions back."""
        while self._undo:
            self._undo.pop()()

    def lines(self) -> Iterator[DrawLine]:
        """Every line that drew, in the order of their first draw."""
        yield from self._lines.values()

    def _wrap_all(self, owner: Any, names: list[str]) -> None:
        for name in names:
            original = getattr(owner, name, None)
            if original is not None:
                self._wrap(owner, name, original)

    def _wrap(self, owner: Any, name: str, original: Any) -> None:
        title = f"{owner.__name__}.{name}".replace("numpy.", "np.")

        def draw(*args: Any, **kwargs: Any) -> Any:
            if self._undo:
                self._record(title, sys._getframe(1))
            return original(*args, **kwargs)

        draw.__name__ = draw.__qualname__ = name
        draw.__module__, draw.__doc__ = owner.__name__, original.__doc__
        setattr(owner, name, draw)

        def undo() -> None:
            if getattr(owner, name) is draw:
                setattr(owner, name, original)

        self._undo.append(undo)

    def _record(self, function: str, frame: FrameType) -> None:
        self._calls += 1
        if self._calls > MOST_CALLS:
            self.complete = False
            self.remove()
            return
        key = (frame.f_code, frame.f_lineno, function)
        line = self._lines.get(key)
        batch = self._batch()
        if line is None:
            if len(self._lines) >= MAX_LINES or is_library(frame.f_code.co_filename):
                return
            sites = list(user_frames(frame))
            line = self._lines[key] = DrawLine(
                function, sites[0], tuple(sites[1:4]), is_given_data(frame), first_batch=batch
            )
        line.batches += line.times == 0 or line.last_batch != batch
        line.times += 1
        line.last_batch = batch
