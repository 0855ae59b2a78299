"""Draws of NumPy's and Python's generators in this process: at which lines, how often, and for what.

The functions of `numpy.random`, `random` and `secrets`, and the generators that a program makes, are wrapped while it
runs under `python -m runtime_probe`, until something is compiled: a compiler knows the real functions only. What torch
draws is told by what follows it to its line.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

import torch

from runtime_probe.replaced import Around, Replaced
from runtime_probe.sites import Site, caller, is_given_data, is_in_dataset, is_library, user_frames
from runtime_probe.stand_ins import NUMPY, PYTHON, watch_generators

MOST_CALLS = 100_000  # then the functions are as they were
MAX_LINES = 512
PICKING = frozenset("choice choices sample".split())
GLOBAL = ("np.random.", "random.", "torch.")
HASHED = 64  # numbers of one draw
COMPARED = 64  # batches of one line whose numbers are kept
ENOUGH = 24  # bits that the numbers of a batch have at least, so that two batches are not equal by chance


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
    trained: int = 0  # forwards of training that came next
    values: dict[int, tuple[int, int]] = field(default_factory=dict)  # batch -> a digest of its numbers, their bits

    @property
    def is_global(self) -> bool:
        """Whether it draws from a global stream."""
        return self.function.startswith(GLOBAL) and not self.function.startswith("random.Random.")

    def drew(self, values: Any) -> None:
        """These numbers were drawn, in the batch that was counted last."""
        if len(self.values) < COMPARED or self.last_batch in self.values:
            digest, bits = self.values.get(self.last_batch, (0, 0))
            own, more = _digest(values)
            self.values[self.last_batch] = hash((digest, own)), bits + more

    @property
    def repeated(self) -> int:
        """In how many batches it drew the same numbers, if these are so many that it is no chance."""
        counts = Counter(digest for digest, bits in self.values.values() if bits >= ENOUGH)
        return max(counts.values(), default=0)

    def __str__(self) -> str:
        called = f", called from {self.callers[0]}" if self.callers else ""
        times = f"{self.times} time{'s' * (self.times != 1)}"
        return f"`{self.function}` at {self.site} in {self.site.function}{called}; drawn {times}"


def _digest(values: Any) -> tuple[int, int]:
    """A digest of drawn numbers, and about how many bits of chance are in them."""
    if isinstance(values, (int, float)):
        return hash(values), 32 if isinstance(values, float) else 1
    kind = getattr(getattr(values, "dtype", None), "kind", "")
    if kind not in tuple("fiub"):
        return 0, 0
    numbers = values.reshape(-1)[:HASHED]
    return hash(numbers.tobytes()), numbers.size * (32 if kind == "f" else 1)


class DrawLog:
    """Records the draws between `install` and `remove`; `batch()` is the number of the batch of training that runs."""

    def __init__(self, batch: Callable[[], int]) -> None:
        self._batch = batch
        self._lines: dict[tuple[CodeType, int, str], DrawLine] = {}
        self._calls = 0
        self._replaced = Replaced()
        self.complete = False  # everything that was called was seen
        self._since: set[DrawLine] = set()  # the last forward
        self.on_float: Callable[[float, str, FrameType], None] = lambda value, function, frame: None
        self.on_values: Callable[[Any, DrawLine], None] = lambda values, line: None

    def install(self) -> None:
        """Stand for the functions, and for `torch.compile`, which puts them back."""
        self.complete = True
        for name in PYTHON:
            self._replaced.replace(random, name, self._around(f"random.{name}"))
        numpy = sys.modules.get("numpy")
        if numpy is not None:
            for name in NUMPY:
                self._replaced.replace(numpy.random, name, self._around(f"np.random.{name}"))
        watch_generators(self._replaced, self._around)
        self._replaced.replace(torch, "compile", self._around_compile)

    def remove(self) -> None:
        """Put the functions back."""
        self._replaced.restore()

    def lines(self) -> Iterator[DrawLine]:
        """Every line that drew, in the order of their first draw."""
        yield from self._lines.values()

    def forward(self, training: bool) -> None:
        """A network runs: what was drawn since the last time is taken to be for it."""
        for line in self._since if training else ():
            line.trained += 1
        self._since.clear()

    def _around(self, title: str) -> Around:
        picks = title.split(".")[-1] in PICKING

        def around(original: Callable[..., Any]) -> Callable[..., Any]:
            def draw(*args: Any, **kwargs: Any) -> Any:
                frame = caller(sys._getframe(1))
                result = original(*args, **kwargs)
                if frame.f_code.co_filename == random.__file__:  # `uniform` is made of `random`
                    return result
                if self._replaced:
                    self._count(title, frame, result)
                if type(result) is float and not picks:
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

    def _count(self, function: str, frame: FrameType, result: Any) -> None:
        self._calls += 1
        if self._calls > MOST_CALLS:
            self.complete = False
            self.remove()
            return
        try:
            line = self.record(function, frame)
            if line is not None:
                line.drew(result)
                self._since.add(line)
                self.on_values(result, line)
        except Exception:  # the program's draw has succeeded
            self.complete = False
            self.remove()

    def record(self, function: str, frame: FrameType) -> DrawLine | None:
        """A function draws that was called in a frame; None where this is not counted."""
        key = (frame.f_code, frame.f_lineno, function)
        line = self._lines.get(key)
        batch = self._batch()
        if line is None:
            if len(self._lines) >= MAX_LINES or is_library(frame.f_code.co_filename):
                return None
            sites = list(user_frames(frame))
            given = torch._C._get_tracing_state() is None and is_given_data(frame)  # shapes are tensors while traced
            line = self._lines[key] = DrawLine(
                function, sites[0], tuple(sites[1:4]), given, is_in_dataset(frame), first_batch=batch
            )
        line.batches += line.times == 0 or line.last_batch != batch
        line.times += 1
        line.last_batch = batch
        return line
