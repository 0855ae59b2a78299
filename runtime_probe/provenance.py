"""Which line drew the numbers that reach the model: a `TorchFunctionMode` for the first forwards.

While it is on, the result of every random operation carries the place in the source where it was drawn,
and every other operation passes the places of its arguments on to its results. Draws by NumPy or Python,
in loader workers, and before the probe started are not visible to it.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import CodeType, FrameType
from typing import Any

import torch
from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary

from runtime_probe.generators import bytes_of, states
from runtime_probe.modes import ProbeMode, put_on, take_off
from runtime_probe.rng_audit import own_generators
from runtime_probe.selections import Selections
from runtime_probe.sites import OWN, Site, is_given_data, is_in_sample, is_library, user_frames
from runtime_probe.traces import Draw, ProvenanceReport, Trace, Use, report_on
from runtime_probe.unused import UnusedDraws

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
    "unsqueeze squeeze flatten permute transpose requires_grad_ cuda cpu mul __mul__ __rmul__ div __truediv__ stack "
    "cat concat concatenate chunk split unbind __getitem__ __get__ tile repeat_interleave movedim swapaxes".split()
)
ADDING = frozenset("add add_ __add__ __radd__ __iadd__ sub sub_ __sub__ __rsub__ rsub __isub__ addcmul".split())
MOVING = ADDING | frozenset(
    "mul mul_ __mul__ __rmul__ __imul__ matmul __matmul__ __rmatmul__ bmm einsum where lerp lerp_ masked_fill "
    "masked_fill_ masked_scatter index_add normal".split()
)
ORDERS = frozenset("randperm multinomial".split())
PLACES = ORDERS | {"randint"}
COMBINING = ADDING | frozenset("mul mul_ __mul__ __rmul__ __imul__ where lerp lerp_ masked_fill masked_fill_".split())
PICKING = frozenset(
    "__getitem__ index_select gather take stack cat concat concatenate chunk split unbind narrow select "
    "embedding".split()
)
GATHERING = frozenset("__getitem__ index_select gather take".split())
LOOKING = frozenset("size dim numel stride is_contiguous __len__ __get__ element_size data_ptr".split())
MAX_NUMBERS = 4096
LOOKS_INSIDE = 2  # forwards of each model in which draws inside it are followed
MAX_DRAWS = 8  # per tensor, the last ones; enough to name the lines
MAX_PLACES = 6  # of the user's calls that lead to a draw


class Provenance(ProbeMode):
    """Follows draws into the model's argument while it is on the stack of function modes."""

    def __init__(self, forwards: int) -> None:
        super().__init__()
        self.window = forwards
        self._process = os.getpid()
        self._traces = WeakIdKeyDictionary()
        self._serials = itertools.count()
        self._uses: dict[object, list[Use]] = {}
        self._forwards = 0
        self.lines: dict[tuple[str, Site], int] = {}  # that drew between the forwards, and how often
        self.unused = UnusedDraws()
        self.selections = Selections()
        self.is_inside: Callable[[], bool] = lambda: False  # a network is running
        self.on_torch_draw: Callable[[str, FrameType, Tensor | None], None] = lambda function, frame, values: None
        self.on_draw: Callable[[Draw], None] = lambda draw: None
        self.on_use: Callable[[object, Trace], None] = lambda stream, trace: None
        self._given_data: dict[tuple[CodeType, int], bool] = {}
        self._floats: dict[float, Draw] = {}  # numbers that NumPy and Python drew
        self._call: Site | None = None
        self._on = False
        self._given: WeakIdKeyDictionary | None = None  # coordinates of the model that runs, while it is looked into
        self._noise: Draw | None = None
        self._first = 0  # serial number from which on draws are the running model's own
        self._above = 0  # modes of the user above this one when it was paused
        self._inside: dict[str, int] | None = None  # the global streams when the model that is looked into began

    @property
    def on(self) -> bool:
        """Whether the mode is on the stack."""
        return self._on

    def start(self) -> None:
        """Push the mode, or put it back where it was, unless its window is over or `torch.jit.trace` records."""
        if not self._on and self._forwards < self.window and torch._C._get_tracing_state() is None:
            put_on(self, self._above)
            self._on = True

    def pause(self) -> None:
        """Take the mode off the stack of this thread, wherever it is in it; modes above it stay."""
        above = take_off(self) if self._on else None
        if above is not None:
            self._on, self._above = False, above

    def end(self) -> None:
        """Stop for good, even where another thread's stack still holds the mode: it only passes calls on then."""
        self.pause()
        self._on, self.window = False, 0

    def use(self, stream: object, tensor: Tensor, first: bool = False, training: bool = True) -> None:
        """A model is called with a tensor of a stream; `first`: of its streams, so this is a forward of its own."""
        if self._forwards < self.window or (not first and self._forwards == self.window > 0):
            self._forwards += first
            trace = self._traces.get(tensor, Trace())
            self.unused.used(trace.draws)
            self.unused.given(tensor, trace.draws)
            self.selections.given(trace.draws, self._forwards)
            self._uses.setdefault(stream, []).append(Use(trace, self._forwards, tuple(tensor.shape)))
            self.on_use(stream, trace)
            if self._call is None and training:
                self._call = next(user_frames(sys._getframe(1)), None)

    @property
    def in_window(self) -> bool:
        """Whether draws are still followed."""
        return 0 < self._forwards <= self.window

    def drawn_since(self, tensor: Tensor) -> bool:
        """Whether a tensor contains a draw that was made after the forward before the last one that was told."""
        return any(draw.forward >= self._forwards - 1 for draw in self._traces.get(tensor, Trace()).draws)

    @property
    def looking(self) -> bool:
        """Whether the model that runs is looked into."""
        return self._given is not None or self._inside is not None

    def look_inside(self, module: torch.nn.Module, coords: Tensor, compiled: bool) -> None:
        """The model that runs was given these coordinates: see whether it draws and adds to them by itself."""
        if self._forwards >= self.window:
            return
        self._inside = states_around(module)
        if compiled:
            return
        self._given, self._noise, self._first = WeakIdKeyDictionary(), None, next(self._serials)
        self._given[coords] = True
        self.start()

    def look_outside(self, module: torch.nn.Module) -> Draw | None:
        """The model has run; the draw that it added to its coordinates, if there was one.

        What NumPy, Python and compiled code draw cannot be followed: a network that does is taken to use it so.
        """
        compiled = self._given is None
        before, self._inside = self._inside, None
        found, self._given, self._noise = self._noise, None, None
        if found is not None or before is None:
            return found
        after = states_around(module)
        moved = [name for name, state in before.items() if after.get(name) != state]
        drew = [name for name in moved if name != "torch" or (compiled and not has_dropout(module))]
        return Draw(drew[0], _forward_of(module), None, next(self._serials)) if drew else None

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation, then pass the traces on."""
        result = func(*args, **(kwargs or {}))
        if not torch.compiler.is_compiling() and self._on and os.getpid() == self._process and not _is_own():
            try:
                self._follow(func.__name__, args, kwargs or {}, result)
            except Exception:  # the program's operation has succeeded: what cannot be followed ends the following
                self._on, self.window = False, 0
        return result

    def _follow(self, name: str, args: Any, kwargs: dict[str, Any], result: Any) -> None:
        sources = list(_tensors((*args, *kwargs.values())))
        targets = [args[0]] if name == "__setitem__" else list(_tensors((result,)))
        if not targets:
            if name not in LOOKING:
                self._use_all(sources)
            return
        if self._given is not None:
            self._follow_given(name, sources, targets, self._given)
        trace = self._trace_of(name, sources, targets, [v for v in (*args, *kwargs.values()) if isinstance(v, float)])
        if name in GATHERING and len(sources) > 1:
            self._picked(sources[1], sources[0])
        if trace.draws and (targets[0].requires_grad or self.is_inside()):
            self._use_all(sources)
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

    def _picked(self, index: Tensor, source: Tensor) -> None:
        """Entries are picked with an index: one that was drawn picks the same places for as long as it is kept."""
        draws = self._traces.get(index, Trace()).draws
        if draws and draws[-1].operation in PLACES:
            self.selections.picked(index, source, draws[-1], self._forwards)

    def _use_all(self, tensors: list[Tensor]) -> None:
        for tensor in tensors:
            self.unused.used(self._traces.get(tensor, Trace()).draws)

    def drawn_number(self, value: float, function: str, frame: FrameType) -> None:
        """NumPy or Python drew a number in a frame: a tensor that it is mixed into contains that draw."""
        if self._on and len(self._floats) < MAX_NUMBERS and not value.is_integer():
            self._floats[value] = self._draw(function, frame)

    def _trace_of(self, name: str, sources: list[Tensor], targets: list[Tensor], numbers: list[float]) -> Trace:
        if name in DRAWS:
            if isinstance(targets[0], torch.nn.Parameter) or any(isinstance(s, torch.nn.Parameter) for s in sources):
                return Trace()  # a parameter is initialised
            draw = self._draw(name, sys._getframe(3), targets[0])
            draw = replace(draw, values=_digest(targets[0])) if self._forwards else draw
            return Trace((draw,), whole=frozenset([draw.serial]))
        known = [trace for source in sources if (trace := self._traces.get(source)) is not None]
        drawn = [self._floats[number] for number in numbers if number in self._floats]
        known += [Trace((draw,), whole=frozenset([draw.serial])) for draw in drawn]
        if not known and not sources:
            return Trace(origin=_origin(name))
        draws = {draw.serial: draw for trace in known for draw in trace.draws}
        kept = tuple(draws.values())[-MAX_DRAWS:]
        whole = frozenset[int]().union(*(trace.whole for trace in known)) if name not in PICKING else frozenset()
        return Trace(
            kept,
            next((trace.origin for trace in known if trace.origin), None),
            self._combined(name, known, sources, targets[0]),
            self._gathered(name, known),
            whole.intersection(draw.serial for draw in kept),
        )

    def _draw(self, name: str, called: FrameType, values: Tensor | None = None) -> Draw:
        unknown = Site("unknown", 0, "unknown")
        frame = _user_frame(called)
        if frame is not None and name in DRAWS and not self.is_inside():
            self.on_torch_draw(f"torch.{name}", frame, values)
        sites = list(itertools.islice(user_frames(frame), MAX_PLACES))
        site, caller = (*sites, None, None)[:2]
        if site is not None and self._forwards and name in DRAWS and not self.is_inside():
            self.lines[name, site] = self.lines.get((name, site), 0) + 1
        given = self._forwards == 0 and frame is not None and self._is_given_data(frame)
        draw = Draw(name, site or unknown, caller, next(self._serials), self._forwards, given, outer=tuple(sites[2:]))
        if name in DRAWS:
            self.on_draw(draw)
        return draw

    def _is_given_data(self, frame: FrameType) -> bool:
        line = (frame.f_code, frame.f_lineno)
        if line not in self._given_data:
            self._given_data[line] = is_given_data(frame)
        return self._given_data[line]

    def noise_in(self, tensor: Tensor) -> Draw | None:
        """The last draw of noise that a tensor contains, as far as it was followed."""
        draws = self._traces.get(tensor, Trace()).draws
        return next((draw for draw in reversed(draws) if _is_noise(draw)), None)

    def _combined(
        self, name: str, known: list[Trace], sources: list[Tensor], target: Tensor
    ) -> tuple[Draw, int] | None:
        """The latest noise that this operation mixes into something else, or the one that is mixed in already.

        What the making of a sample keeps from before may belong to made-up data: `kept_draws.py` judges that.
        """
        if name in COMBINING:
            data = [{draw.serial for draw in self._traces.get(source, Trace()).draws} for source in sources]
            drawn = (draw for trace in known for draw in trace.draws if draw.serial in trace.whole)
            noise = [draw for draw in drawn if _is_noise(draw) and any(draw.serial not in held for held in data)]
            latest = max(noise, key=lambda draw: draw.serial, default=None)
            if latest is not None and not (latest.forward < self._forwards and is_in_sample(sys._getframe(4))):
                self.unused.mixed(latest, sources, target)
                return latest, self._forwards
        return max((trace.combined for trace in known if trace.combined), key=lambda c: c[1], default=None)

    def _gathered(self, name: str, known: list[Trace]) -> tuple[Draw, int] | None:
        if name in GATHERING and len(known) > 0:
            order = [draw for trace in known[1:] or known for draw in trace.draws if draw.operation in ORDERS]
            if order and len(known[-1].draws) and known[-1].draws[-1].operation in ORDERS:
                return order[-1], self._forwards
        return max((trace.gathered for trace in known if trace.gathered), key=lambda g: g[1], default=None)

    def drawn_values(self) -> list[int]:
        """Digests of the noise in the streams, forward by forward: the same in two processes that draw alike."""
        uses = (use for all_ in self._uses.values() for use in all_)
        return [draw.values for use in uses for draw in use.trace.draws if draw.values is not None and _is_noise(draw)]

    def report(self, stream: object | None = None, shape: tuple[int, ...] | None = None) -> ProvenanceReport:
        """What was seen so far of a stream, or of all; of the tensors of one shape, or of all."""
        uses = self._uses.get(stream, []) if stream is not None else [u for all_ in self._uses.values() for u in all_]
        return report_on([use for use in uses if shape is None or use.shape == shape], self._call)


DIGESTED = 64  # numbers of a draw


def _digest(drawn: Tensor) -> int | None:
    """A digest of a draw that is large enough not to be drawn twice by chance; looked at where it costs no waiting."""
    if drawn.device.type != "cpu" or not drawn.is_floating_point() or drawn.numel() < 8:
        return None
    numbers = bytes_of(drawn.detach().reshape(-1)[:DIGESTED].double())
    return int.from_bytes(hashlib.blake2b(numbers, digest_size=7).digest(), "big")


def _origin(name: str) -> tuple[str, Site] | None:
    """Where a tensor is made, if a user's function makes it and not a loader or a library."""
    frame = sys._getframe(4)
    if is_library(frame.f_code.co_filename) and not frame.f_code.co_filename.endswith("functional.py"):
        return None
    site = next(user_frames(frame), None)
    return (name, site) if site else None


def _is_own() -> bool:
    """Whether the probe itself runs the operation that the mode was told of, and not for a program that it watches."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code is Provenance.__torch_function__.__code__:
        frame = frame.f_back  # another probe's mode, which passes the program's operation on
    return frame is not None and frame.f_code.co_filename.startswith(OWN)


def _is_noise(draw: Draw) -> bool:
    """Not a layer's draw, nor an order; names with a dot are those of NumPy and Python."""
    return (draw.operation in NOISE or "." in draw.operation) and draw.operation not in ORDERS


def _user_frame(frame: FrameType | None) -> FrameType | None:
    while frame is not None and is_library(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def states_around(module: torch.nn.Module) -> dict[str, int]:
    """The states of the global streams, and of NumPy's and torch's generators that a network keeps."""
    return {**states(), **{path: hash(state) for path, state in own_generators(module)}}


def has_dropout(module: torch.nn.Module) -> bool:
    """Whether a network has layers that draw by design."""
    return any("drop" in type(part).__name__.lower() and getattr(part, "p", 1) != 0 for part in module.modules())


def _forward_of(module: torch.nn.Module) -> Site:
    code = getattr(getattr(type(module), "forward", None), "__code__", None)
    return Site(code.co_filename, code.co_firstlineno, "forward") if code is not None else Site("?", 0, "forward")


def _tensors(values: tuple[Any, ...]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (tuple, list)):
            yield from _tensors(tuple(value))
