"""Numbers that were drawn before the training and that the making of every sample reads: a default, a constant.

One sample of each data set is made under a profile function, which is shown the functions that make it. What they read
by name is compared with what was drawn before the first loader was read.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import CodeType, FrameType, FunctionType
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from runtime_probe.sites import is_given_data, is_library

if TYPE_CHECKING:
    from runtime_probe.draws import DrawLine

T = TypeVar("T")

MAX_VALUES = 4096
FEWEST = 4  # numbers of an array that are compared
MOST = 4096


@dataclass(frozen=True)
class KeptRead:
    """A function that is given data reads, under a name, what a line drew. `default`: it is an argument's default."""

    function: str
    name: str
    line: str
    default: bool

    def __str__(self) -> str:
        what = "the default of the argument" if self.default else "read as"
        return f"{self.line}; {what} `{self.name}` in {self.function}"


class KeptDraws:
    """Told of what is drawn (`drawn`) until the first sample is made; `reading(make)` makes a sample."""

    def __init__(self) -> None:
        self._floats: dict[float, DrawLine] = {}
        self._arrays: list[tuple[torch.Tensor, DrawLine]] = []
        self._is_open = True

    def drawn(self, values: Any, line: DrawLine) -> None:
        """A line drew a number or an array."""
        if not self._is_open or len(self._floats) + len(self._arrays) >= MAX_VALUES:
            return
        if isinstance(values, torch.Tensor) and values.numel() == 1 and values.device.type == "cpu":
            values = float(values)
        if isinstance(values, float) and not values.is_integer():
            self._floats[values] = line
        numbers = _numbers(values)
        if numbers is not None:
            self._arrays.append((numbers.clone(), line))

    def close(self) -> None:
        """Samples are made from now on: what is drawn belongs to them."""
        self._is_open = False

    def reading(self, make: Callable[[], T], samples: int | None) -> tuple[T, tuple[KeptRead, ...]]:
        """`make()`, and what the functions that it calls read. `samples`: the length of the data set, if known."""
        if sys.getprofile() is not None or not (self._floats or self._arrays):
            return make(), ()
        found: list[KeptRead] = []
        seen: set[CodeType] = set()

        def look(frame: FrameType, event: str, _: object) -> None:
            if event == "call" and frame.f_code not in seen:
                seen.add(frame.f_code)
                with suppress(Exception):  # what cannot be looked at is left out
                    found.extend(self._reads(frame, samples))

        sys.setprofile(look)
        try:
            sample = make()
        finally:
            sys.setprofile(None)
        return sample, tuple(found)

    def _reads(self, frame: FrameType, samples: int | None) -> Iterator[KeptRead]:
        code = frame.f_code
        if is_library(code.co_filename) or not is_given_data(frame):
            return
        defaults = _defaults(frame)
        for name, value in _read(frame):
            line = self._line_of(value)
            if line is None or (not isinstance(value, float) and tuple(value.shape[:1]) == (samples,)):
                continue  # an array with an entry for each sample is the data
            default = any(value is other for other in defaults)
            yield KeptRead(code.co_name, name, str(line), default)

    def _line_of(self, value: Any) -> DrawLine | None:
        if isinstance(value, float):
            return self._floats.get(value)
        numbers = _numbers(value)
        if numbers is None:
            return None
        alike = (line for drawn, line in self._arrays if drawn.shape == numbers.shape and _is_made_of(numbers, drawn))
        return next(alike, None)


def _read(frame: FrameType) -> Iterator[tuple[str, Any]]:
    """The values that a function is called with and may read by name: arguments, globals, attributes of its object."""
    code, variables = frame.f_code, frame.f_locals
    yield from variables.items()
    attributes = getattr(variables.get("self"), "__dict__", {})
    for name in code.co_names:
        if name in frame.f_globals:
            yield name, frame.f_globals[name]
        if name in attributes:
            yield f"self.{name}", attributes[name]


def _defaults(frame: FrameType) -> tuple[Any, ...]:
    """The defaults of the function that a frame runs, if it is found under its name."""
    code = frame.f_code
    owners = (frame.f_globals, *(vars(kind) for kind in type(frame.f_locals.get("self")).__mro__))
    for owner in owners:
        function = owner.get(code.co_name)
        if isinstance(function, FunctionType) and function.__code__ is code:
            return (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
    return ()


def _numbers(value: Any) -> torch.Tensor | None:
    if isinstance(value, torch.Tensor):
        plain = value.is_floating_point() and value.layout == torch.strided and value.device.type == "cpu"
        return value.detach().reshape(-1).double() if plain and FEWEST <= value.numel() <= MOST else None
    if getattr(getattr(value, "dtype", None), "kind", "") == "f" and FEWEST <= value.size <= MOST:
        return torch.from_numpy(value.reshape(-1).astype("float64"))
    return None


def _is_made_of(numbers: torch.Tensor, drawn: torch.Tensor) -> bool:
    """Whether numbers are drawn ones, scaled and moved."""
    both = torch.stack([numbers, drawn])
    both = both - both.mean(1, keepdim=True)
    lengths = both.norm(dim=1)
    return bool(lengths.min() > 0) and abs(float(both[0] @ both[1] / lengths.prod())) > 1 - 1e-9
