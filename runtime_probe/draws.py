"""Draws of NumPy's and Python's global generators in this process: at which lines, how often, and for what.

The functions of `numpy.random` and `random` are wrapped while a program runs under `python -m runtime_probe`, until
something is compiled: a compiler knows the real functions only. Generators of the program's own are not seen
here; torch's draws are told by what follows them to their line.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

import torch

from runtime_probe.replaced import Around, Replaced
from runtime_probe.sites import Site, caller, is_given_data, is_in_dataset, is_library, user_frames

MOST_CALLS = 100_000  # then the functions are as they were
MAX_LINES = 512
NUMPY = (
    "rand randn randint random random_sample choice normal uniform standard_normal permutation shuffle binomial beta "
    "poisson exponential laplace gamma dirichlet multivariate_normal"
).split()
PICKING = frozenset("random.choice random.choices random.sample np.random.choice".split())
PYTHON = "random randint randrange uniform choice choices sample shuffle gauss normalvariate betavariate".split()


@dataclass(eq=False)
class DrawLine:
    """A line that draws: how often, in how many batches of training, and in which (0: before the first step).

    `given_data`: the function it stands in had been handed data; `in_dataset`: a data set was making itself.
    """

    function: str
    site: Site
    callers: tuple[Site, ...]
    given_data: bool
    in_dataset: bool
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
        self._replaced = Replaced()
        self.complete = False  # everything that was called was seen
        self.on_float: Callable[[float, str, FrameType], None] = lambda value, function, frame: None

    def install(self) -> None:
        """Stand for the functions, and for `torch.compile`, which puts them back."""
        self.complete = True
        for name in PYTHON:
            self._replaced.replace(random, name, self._around(f"random.{name}"))
        numpy = sys.modules.get("numpy")
        if numpy is not None:
            for name in NUMPY:
                self._replaced.replace(numpy.random, name, self._around(f"np.random.{name}"))
        self._replaced.replace(torch, "compile", self._around_compile)

    def remove(self) -> None:
        """Put the functions back."""
        self._replaced.restore()

    def lines(self) -> Iterator[DrawLine]:
        """Every line that drew, in the order of their first draw."""
        yield from self._lines.values()

    def _around(self, title: str) -> Around:
        def around(original: Callable[..., Any]) -> Callable[..., Any]:
            def draw(*args: Any, **kwargs: Any) -> Any:
                frame = caller(sys._getframe(1))
                if self._replaced:
                    self._count(title, frame)
                result = original(*args, **kwargs)
                if type(result) is float and title not in PICKING:
                    self.on_float(result, title, frame)
                return result

            return draw

        return around

    def _around_compile(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def compile(*args: Any, **kwargs: Any) -> Any:
            self.complete = False
            self.remove()
            return original(*args, **kwargs)

        return compile

    def _count(self, function: str, frame: FrameType) -> None:
        self._calls += 1
        if self._calls > MOST_CALLS:
            self.complete = False
            self.remove()
        else:
            self.record(function, frame)

    def record(self, function: str, frame: FrameType) -> None:
        """A function draws that was called in a frame."""
        key = (frame.f_code, frame.f_lineno, function)
        line = self._lines.get(key)
        batch = self._batch()
        if line is None:
            if len(self._lines) >= MAX_LINES or is_library(frame.f_code.co_filename):
                return
            sites = list(user_frames(frame))
            line = self._lines[key] = DrawLine(
                function, sites[0], tuple(sites[1:4]), is_given_data(frame), is_in_dataset(frame), first_batch=batch
            )
        line.batches += line.times == 0 or line.last_batch != batch
        line.times += 1
        line.last_batch = batch
