"""Which line drew the numbers that reach the model: a `TorchFunctionMode` for the first forwards.

While it is on, the result of every random operation carries the place in the source where it was drawn,
and every other operation passes the places of its arguments on to its results. Draws by NumPy or Python,
in loader workers, and before the probe started are not visible to it.
"""

from __future__ import annotations

import itertools
import os
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack, _pop_mode, _push_mode
from torch.utils.weak import WeakIdKeyDictionary

DRAWS = frozenset(
    "rand randn randint randperm normal bernoulli multinomial poisson binomial rand_like randn_like randint_like "
    "normal_ uniform_ random_ bernoulli_ exponential_ cauchy_ log_normal_ geometric_ dropout dropout1d dropout2d "
    "dropout3d alpha_dropout feature_dropout rrelu _sample_dirichlet _standard_gamma trunc_normal_".split()
)
# Draws that are noise by themselves, not a layer's; operations that leave coordinates what they are; and
# those that move them by noise.
NOISE = frozenset(name for name in DRAWS if not name.endswith("dropout") and not name[-1].isdigit() and name != "rrelu")
KEEPING = frozenset(
    "to float double half bfloat16 type type_as clone contiguous detach view view_as reshape expand expand_as repeat "
    "unsqueeze squeeze flatten permute transpose requires_grad_ cuda cpu mul __mul__ __rmul__ div __truediv__".split()
)
ADDING = frozenset("add add_ __add__ __radd__ __iadd__ sub sub_ __sub__ __rsub__ rsub __isub__ addcmul".split())
MOVING = ADDING | frozenset("mul mul_ __mul__ __rmul__ __imul__ matmul __matmul__ __rmatmul__ bmm einsum".split())
LOOKS_INSIDE = 2  # forwards of each model in which draws inside it are followed
MAX_DRAWS = 8  # per tensor, the last ones; enough to name the lines


@dataclass(frozen=True)
class Site:
    """A place in the user's source: file, 1-based line, and function name."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{Path(self.file).name}:{self.line}"


@dataclass(frozen=True)
class Draw:
    """One execution of a random operation: where it is written, who called that, and a serial number."""

    operation: str
    site: Site
    caller: Site | None
    serial: int


@dataclass(frozen=True)
class Trace:
    """What is known about a tensor: the draws in it, and where its first ingredient was made."""

    draws: tuple[Draw, ...] = ()
    origin: tuple[str, Site] | None = None


@dataclass(frozen=True)
class Source:
    """A line that drew coordinates of the model: how often it drew, and for how many forwards."""

    operation: str
    site: Site
    caller: Site | None
    draws: int
    forwards: int

    def __str__(self) -> str:
        called = "" if self.caller is None else f", called from {self.caller}"
        times, forwards = _count(self.draws, "time"), _count(self.forwards, "forward")
        return f"`{self.operation}` at {self.site} in {self.site.function}{called}; drawn {times} for {forwards}"


@dataclass(frozen=True)
class ProvenanceReport:
    """The lines that drew, the line that made the coordinates, and the model's call, as far as they were seen."""

    sources: tuple[Source, ...]
    origin: tuple[str, Site] | None
    call: Site | None
    forwards: int


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'s' * (number != 1)}"


_LIBRARIES = tuple(
    f"{directory.rstrip('/')}/"
    for directory in (
        str(Path(__file__).parent),
        str(Path(torch.__file__).parent),
        *(sysconfig.get_paths()[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")),
    )
)


def is_library(file: str) -> bool:
    """True for files of Python, of installed packages and of the probe; they are never the user's line."""
    return file.startswith(("<", *_LIBRARIES)) or "/site-packages/" in file or "/dist-packages/" in file


def user_frames(frame: FrameType | None) -> Iterator[Site]:
    """The user's places on the stack, innermost first, up to the module that is run or imported."""
    while frame is not None:
        if not is_library(frame.f_code.co_filename):
            yield Site(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
            if frame.f_code.co_name == "<module>":
                return
        frame = frame.f_back


class Provenance(TorchFunctionMode):
    """Follows draws into the model's argument while it is on the stack of function modes."""

    def __init__(self, forwards: int) -> None:
        super().__init__()
        self.window = forwards
        self._process = os.getpid()
        self._traces = WeakIdKeyDictionary()
        self._serials = itertools.count()
        self._uses: list[Trace] = []
        self._call: Site | None = None
        self._on = False
        self._given: WeakIdKeyDictionary | None = None  # coordinates of the model that runs, while it is looked into
        self._noise: Draw | None = None
        self._first = 0  # serial number from which on draws are the running model's own
        self._above = 0  # modes of the user above this one when it was paused

    @property
    def on(self) -> bool:
        """Whether the mode is on the stack."""
        return self._on

    def start(self) -> None:
        """Push the mode, or put it back where it was, unless its window is over."""
        if not self._on and len(self._uses) < self.window:
            _put_on(self, self._above)
            self._on = True

    def pause(self) -> None:
        """Take the mode off the stack of this thread, wherever it is in it; modes above it stay."""
        above = _take_off(self) if self._on else None
        if above is not None:
            self._on, self._above = False, above

    def end(self) -> None:
        """Stop for good, even where another thread's stack still holds the mode: it only passes calls on then."""
        self.pause()
        self._on, self.window = False, 0

    def use(self, coords: Tensor) -> None:
        """The model is called with these coordinates."""
        if len(self._uses) < self.window:
            self._uses.append(self._traces.get(coords, Trace()))
            if self._call is None:
                self._call = next(user_frames(sys._getframe(1)), None)

    @property
    def looking(self) -> bool:
        """Whether the model that runs is looked into."""
        return self._given is not None

    def look_inside(self, coords: Tensor) -> None:
        """The model that runs was given these coordinates: see whether it draws and adds to them by itself."""
        if len(self._uses) >= self.window:
            return
        self._given, self._noise, self._first = WeakIdKeyDictionary(), None, next(self._serials)
        self._given[coords] = True
        self.start()

    def look_outside(self) -> Draw | None:
        """The model has run; the draw that it added to its coordinates, if there was one."""
        found, self._given, self._noise = self._noise, None, None
        return found

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation, then pass the traces on."""
        result = func(*args, **(kwargs or {}))
        if not torch.compiler.is_compiling() and self._on and os.getpid() == self._process:
            self._follow(func.__name__, args, kwargs or {}, result)
        return result

    def _follow(self, name: str, args: Any, kwargs: dict[str, Any], result: Any) -> None:
        targets = list(_tensors((result,)))
        if name == "__setitem__":
            targets = [args[0]]
        if not targets:
            return
        sources = list(_tensors((*args, *kwargs.values())))
        if self._given is not None:
            self._follow_given(name, sources, targets, self._given)
        trace = self._trace_of(name, sources)
        for target in targets:
            self._traces[target] = trace

    def _follow_given(
        self, name: str, sources: list[Tensor], targets: list[Tensor], given: WeakIdKeyDictionary
    ) -> None:
        """Pass on that a tensor still is the model's coordinates; notice the noise that is added to them."""
        if not any(source in given for source in sources):
            return
        others = [source for source in sources if source not in given]
        drawn = (self._traces.get(source, Trace()) for source in others)
        drawn_here = (draw for trace in drawn for draw in trace.draws if draw.serial > self._first)
        noise = next((draw for draw in drawn_here if draw.operation in NOISE), None)
        if noise is not None and name in MOVING:
            self._noise = self._noise or noise
        elif name in KEEPING or (name in ADDING and not others):
            for target in targets:
                given[target] = True

    def _trace_of(self, name: str, sources: list[Tensor]) -> Trace:
        if name in DRAWS:
            sites = list(itertools.islice(user_frames(sys._getframe(3)), 2))
            unknown = Site("unknown", 0, "unknown")
            site, caller = (*sites, None, None)[:2]
            return Trace((Draw(name, site or unknown, caller, next(self._serials)),))
        known = [trace for source in sources if (trace := self._traces.get(source)) is not None]
        if not known and not sources:
            site = next(user_frames(sys._getframe(3)), None)
            return Trace(origin=(name, site) if site else None)
        draws = {draw.serial: draw for trace in known for draw in trace.draws}
        origin = next((trace.origin for trace in known if trace.origin), None)
        return Trace(tuple(draws.values())[-MAX_DRAWS:], origin)

    def report(self) -> ProvenanceReport:
        """What was seen so far."""
        lines: dict[tuple[str, Site, Site | None], set[int]] = {}
        forwards: dict[tuple[str, Site, Site | None], int] = {}
        for trace in self._uses:
            keys = {(draw.operation, draw.site, draw.caller) for draw in trace.draws}
            for draw in trace.draws:
                lines.setdefault((draw.operation, draw.site, draw.caller), set()).add(draw.serial)
            for key in keys:
                forwards[key] = forwards.get(key, 0) + 1
        sources = tuple(Source(*key, len(serials), forwards[key]) for key, serials in lines.items())
        origin = next((trace.origin for trace in self._uses if trace.origin), None)
        return ProvenanceReport(sources, origin, self._call, len(self._uses))


def _tensors(values: tuple[Any, ...]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (tuple, list)):
            yield from _tensors(tuple(value))


def _take_off(mode: TorchFunctionMode) -> int | None:
    """Remove a mode from the stack; returns how many modes of the user were above it, or None when it is not there."""
    stack = _get_current_function_mode_stack()
    if not any(other is mode for other in stack):
        return None
    above = []
    while (top := _pop_mode()) is not mode:
        above.append(top)
    for other in reversed(above):
        _push_mode(other)
    return sum(not isinstance(other, Provenance) for other in above)


def _put_on(mode: TorchFunctionMode, above: int) -> None:
    """Push a mode under the last `above` others, so that a user who leaves one of them leaves the right one."""
    others = [_pop_mode() for _ in _get_current_function_mode_stack()[-above:]] if above else []
    for other in (mode, *reversed(others)):
        _push_mode(other)
