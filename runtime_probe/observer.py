"""Watches one model: fingerprints on the hot path, batches and epochs on the cold one."""

from __future__ import annotations

import enum
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor

from runtime_probe.arguments import (
    Choice,
    Chooser,
    choose,
    dense,
    find,
    first_rows,
    leaves,
    signature_of,
    unwrapped,
)
from runtime_probe.borders import Borders, Position, Source, storage_of
from runtime_probe.errors import CoordinateArgumentError
from runtime_probe.fingerprint import TILE, distinct_part, weighted_sum, weights_for, words
from runtime_probe.geometry import Snapshot
from runtime_probe.ring import Ring
from runtime_probe.timeline import Batch, History
from runtime_probe.traces import Draw

MAX_SERIES = 32  # shapes followed one by one; further ones share a series
SNAPSHOT_ELEMENTS = 2**18
SNAPSHOT_BYTES = 8 * 2**20  # for one series
CONTIGUOUS_SNAPSHOTS = 8  # then pairs at powers of two
KEPT_UNITS = 4096
LARGE_OTHER = 4096  # elements of another input that are enough to notice that it changed
COMPARED_WITH_OTHERS = 64  # forwards


class Phase(enum.Enum):
    """How a forward ran."""

    TRAIN = "training"
    EVAL = "evaluation"
    BLIND = "training mode without gradients"  # a teacher, or the forward of a reentrant checkpoint
    GRAD_IN_EVAL = "evaluation mode with gradients"


class Event(NamedTuple):
    """One forward whose fingerprint is in the ring. `has_other`: a fingerprint of the other inputs follows it.

    `steps` is how many steps the optimizers had made.
    """

    series: Series
    position: Position
    has_other: bool
    steps: int


Unit = tuple[Position, int, tuple[int, ...]]  # where, fingerprint of the batch, distinct fingerprints of its forwards


@dataclass
class Series:
    """All forwards with coordinates of one shape, type and phase; of the shape (): of all further shapes."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    phase: Phase
    shared: bool
    given: tuple[int, ...] = ()  # the shape of the argument itself
    history: History = field(default_factory=lambda: History(epochs_known=False))
    snapshots: list[Snapshot] = field(default_factory=list)
    sources: dict[Source, int] = field(default_factory=dict)
    units: deque[Unit] = field(default_factory=lambda: deque(maxlen=KEPT_UNITS))
    forwards: int = 0
    loaded: int = 0  # forwards in which the values came straight from a loader
    num_workers: int = 0
    _steps: int = -1
    _batches: int = 0
    _bytes: int = 0
    _last: Position | None = None
    _open: Position | None = None
    _values: list[int] = field(default_factory=list)

    def enter(self, position: Position, part: Tensor) -> None:
        """A forward happens now: keep a copy of the coordinates of some first forwards of batches."""
        self.forwards += 1
        if position == self._last and not (position.source is Source.STEPS and position.batch == 0):
            return
        self._last = position
        number = self._batches
        self._batches += 1
        if _is_due(number) and self._bytes < SNAPSHOT_BYTES and self.shape:
            copy = _reduced(part).clone()
            self._bytes += copy.numel() * copy.element_size()
            self.snapshots.append(Snapshot(number, position.epoch, copy, self.shared))

    def close(self) -> Batch | None:
        """The batch is over: hand its fingerprints to the history as one value."""
        if self._open is None:
            return None
        values = tuple(dict.fromkeys(self._values))
        value = values[0] if len(values) == 1 else hash(values)
        self.sources[self._open.source] = self.sources.get(self._open.source, 0) + 1
        self.history.epochs_known |= self._open.source in (Source.EXPLICIT, Source.LOADER)
        batch = self.history.add((self._open.source, self._open.epoch), value)
        self.units.append((self._open, value, values))
        self.num_workers = max(self.num_workers, self._open.num_workers)
        self._open, self._values = None, []
        return batch

    def drop_untrained(self, steps: int) -> None:
        """Forget the last batch if it was not trained on: no step followed, and others were trained on before it."""
        counted = self._open is not None and self._open.source in (Source.STEPS, Source.LOADER)
        if counted and steps > 0 and self._steps == steps and len(self.units) > 1:
            self._open, self._values = None, []

    def add(self, position: Position, value: int, steps: int = -1) -> Batch | None:
        """Add a forward's fingerprint; returns the batch that this closes, if it belongs to the next one."""
        closed = self.close() if position != self._open else None
        self._open, self._steps = position, steps
        if len(self._values) < KEPT_UNITS:
            self._values.append(value)
        return closed


def _is_due(number: int) -> bool:
    """Batches that are copied: 0-7, then 15, 16, 31, 32, ... (pairs, to compare neighbours at all distances)."""
    return number < CONTIGUOUS_SNAPSHOTS or number & (number - 1) == 0 or number & (number + 1) == 0


def _reduced(part: Tensor) -> Tensor:
    """At most SNAPSHOT_ELEMENTS elements: evenly picked samples, or the first sample, or a piece of it."""
    if part.numel() <= SNAPSHOT_ELEMENTS:
        return part
    if part.ndim > 2 and part[0].numel() <= SNAPSHOT_ELEMENTS:
        kept = max(1, SNAPSHOT_ELEMENTS // part[0].numel())
        return part[:: -(-len(part) // kept)]
    while part.ndim > 2 and part.numel() > 4 * SNAPSHOT_ELEMENTS:
        part = part[0]
    if part.numel() <= 4 * SNAPSHOT_ELEMENTS and part.ndim > 2:
        return part
    return first_rows(part.reshape(-1, part.shape[-1]), SNAPSHOT_ELEMENTS)


@dataclass
class _Whole:
    """The batches of all series together: what is used in one batch, in whatever shapes, is one value."""

    history: History = field(default_factory=lambda: History(epochs_known=False))
    _open: Position | None = None
    _values: list[tuple[tuple[int, ...], int]] = field(default_factory=list)

    def add(self, position: Position, shape: tuple[int, ...], value: int) -> None:
        """A series closes a batch."""
        if position != self._open:
            self.close()
        self._open = position
        self._values.append((shape, value))

    def close(self) -> None:
        """All series have closed the batch."""
        if self._open is not None:
            values = sorted(set(self._values))
            self.history.add((self._open.source, self._open.epoch), hash(tuple(values)))
        self._open, self._values = None, []


class Observer:
    """The series of one model. `forward` is the hot path; `drain` moves fingerprints to the histories."""

    def __init__(
        self,
        module: torch.nn.Module,
        name: str,
        borders: Borders,
        argument: Chooser = None,
        choice: Choice | None = None,
        part: bool = False,
    ) -> None:
        self.module = module
        self.name = name
        self.series: OrderedDict[tuple[Any, ...], Series] = OrderedDict()
        self._whole = _Whole()
        self.choice = choice
        self.part = part  # only a part of each tensor is read, and nothing is copied
        self.skipped = 0
        self.recomputed = 0
        self.looked_inside = 0  # forwards in which draws inside the model were followed
        self.noise_inside: Draw | None = None  # what the model draws and adds to its coordinates by itself
        self.others_change = False  # other inputs changed while these values stayed
        self.on_batch: Callable[[Series, Batch], None] | None = None
        self._borders = borders
        self._argument = argument
        self._names = signature_of(module)
        self._rings: dict[torch.device, tuple[Ring, deque[Event]]] = {}
        self._events: list[deque[Event]] = []
        self._weights: dict[torch.device, Tensor] = {}
        self._early: list[tuple[Event, int, int | None]] = []
        self._last: tuple[int, int] | None = None  # fingerprints of these and of the other inputs
        self._lock = threading.Lock()

    def forward(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], page_size: int = 256) -> Tensor | None:
        """Record one forward; returns the coordinates, or None when there is nothing to record.

        Raises CoordinateArgumentError when no argument can be watched.
        """
        if torch._C._current_graph_task_id() != -1:  # a checkpoint recomputes this forward in the backward pass
            self._recompute()
            return None
        if self.choice is None and _without_values(self._names, args, kwargs):
            return None  # a call that only measures shapes, before the first real one
        coords = self.coordinates(args, kwargs)
        if coords is None:
            self.skipped += 1
            return None
        if isinstance(coords, FakeTensor):
            return None
        phase = self._phase()
        with self._lock:
            self._record(coords, phase, args, kwargs, page_size)
        return coords

    def coordinates(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Tensor | None:
        """The coordinate argument of a call, or None when this call has none."""
        if callable(self._argument):
            return self._called(self._argument(args, kwargs))
        if self.choice is None:
            self.choice = choose(self.module, args, kwargs, self._argument)
        return find(self._names, args, kwargs, self.choice.path)

    def _called(self, result: object) -> Tensor | None:
        self.choice = self.choice or Choice("argument(args, kwargs)", "chosen by the caller's function")
        if result is not None and not isinstance(result, Tensor):
            raise CoordinateArgumentError(f"argument(args, kwargs) gave a {type(result).__name__}, not a tensor")
        return None if result is None else unwrapped(result)

    def _record(
        self, coords: Tensor, phase: Phase, args: tuple[Any, ...], kwargs: Mapping[str, Any], page_size: int
    ) -> None:
        assert self.choice is not None
        position = self._borders.position()
        values = dense(coords, self.choice.path)
        if not self.part and (values.ndim == 1 or (values.ndim == 2 and values.shape[-1] > 3)):
            values = values.unsqueeze(-1)  # one component: x, y or t, or depths along rays
        part = distinct_part(values)
        series = self._series_of(values, part, phase, tuple(coords.shape))
        series.loaded += storage_of(values) in self._borders.handed_out
        if self.part:
            series.forwards += 1
            part = _sampled(part)
        else:
            series.enter(position, part)
        bits = words(part)
        ring, events = self._ring(part.device, page_size)
        ring.append(weighted_sum(bits, self._weights_for(bits.numel(), bits.device)))
        other = None
        if (position.source is Source.STEPS and position.batch == 0) or self._is_compared(series):
            other = _other_inputs(self._names, args, kwargs, coords, part.device)
        if other is not None:
            ring.append(other)
        events.append(Event(series, position, other is not None, self._borders.steps))

    def _is_compared(self, series: Series) -> bool:
        """The other inputs of some first forwards are compared: do they change while these values stay?"""
        return not self.part and not self.others_change and series.forwards <= COMPARED_WITH_OTHERS

    def _weights_for(self, length: int, device: torch.device) -> Tensor:
        length = min(length, TILE)
        weights = self._weights.get(device)
        if weights is None or weights.numel() < length:
            weights = self._weights[device] = weights_for(length, device)
        return weights if weights.numel() == length else weights[:length]

    def _ring(self, device: torch.device, page_size: int) -> tuple[Ring, deque[Event]]:
        if device not in self._rings:
            self._rings[device] = (Ring(device, page_size), deque())
            self._events.append(self._rings[device][1])
        return self._rings[device]

    def _series_of(self, values: Tensor, part: Tensor, phase: Phase, given: tuple[int, ...]) -> Series:
        shape = tuple(values.shape) if part.shape == values.shape else tuple(part.shape)
        key: tuple[object, ...] = (shape, values.dtype, phase, values.device)
        series = self.series.get(key)
        if series is None and len(self.series) >= MAX_SERIES:
            shape = ()
            key = (shape, None, phase, values.device)
            series = self.series.get(key)
        if series is None:
            shared = part.ndim < values.ndim and 0 in values.stride()
            series = self.series[key] = Series(shape, values.dtype, phase, shared, given)
        return series

    def _phase(self) -> Phase:
        if self.module.training:
            return Phase.TRAIN if torch.is_grad_enabled() else Phase.BLIND
        return Phase.GRAD_IN_EVAL if torch.is_grad_enabled() else Phase.EVAL

    def _recompute(self) -> None:
        self.recomputed += 1
        if self.recomputed == 1:  # so the forwards without gradients were those of a reentrant checkpoint
            for series in self.series.values():
                if series.phase is Phase.BLIND:
                    series.phase = Phase.TRAIN

    @property
    def whole(self) -> History:
        """All training batches, whatever their shapes."""
        return self._whole.history

    @property
    def optimizers(self) -> int:
        """How many optimizers of the model have stepped."""
        return max(1, self._borders.optimizers)

    @property
    def forwards(self) -> int:
        """Forwards recorded so far."""
        return sum(series.forwards for series in self.series.values())

    @property
    def pending(self) -> int:
        """Forwards whose fingerprints have not been read yet."""
        return max(map(len, self._events), default=0)

    def drain(self, wait: bool = False) -> None:
        """Move the fingerprints that have reached the host into the histories."""
        with self._lock:
            for ring, events in self._rings.values():
                self._consume(deque(ring.read(wait)), events)

    def finish(self) -> None:
        """Everything has been seen."""
        self.drain(wait=True)
        self._resolve_early()
        for series in self.series.values():
            series.drop_untrained(self._borders.steps)
        self.end_epoch()

    def end_epoch(self) -> None:
        """An epoch is over, so the open batches are."""
        self.drain(wait=True)
        for series in self.series.values():
            self._closed(series, series.close())
        self._whole.close()

    def _consume(self, values: deque[int], events: deque[Event]) -> None:
        while values:
            event = events.popleft()
            value = values.popleft()
            other = values.popleft() if event.has_other else None
            if other is not None:
                self._compare(value, other)
            if event.position.source is Source.STEPS and event.position.batch == 0:
                self._early.append((event, value, other))
                if len(self._early) >= KEPT_UNITS:
                    self._resolve_early()
                continue
            if self._early:
                self._resolve_early()
            self._closed(event.series, event.series.add(event.position, value, event.steps))

    def _compare(self, value: int, other: int) -> None:
        if self._last is not None and self._last[0] == value and self._last[1] != other:
            self.others_change = True
        self._last = (value, other)

    def _resolve_early(self) -> None:
        """Forwards before the first optimizer step are one batch; without any, other inputs tell batches apart."""
        early, self._early = self._early, []
        batch, last = 0, None
        for event, value, other in early:
            position = event.position
            if self._borders.steps == 0:
                batch += other is None or other != last
                last = other
                position = Position(Source.FORWARDS if other is None else Source.INPUTS, 0, batch)
            self._closed(event.series, event.series.add(position, value, event.steps))

    def _closed(self, series: Series, batch: Batch | None) -> None:
        if batch is None:
            return
        if series.phase is Phase.TRAIN:
            self.whole.epochs_known |= series.history.epochs_known
            position = series.units[-1][0]
            self._whole.add(position, series.shape, batch.value)
        if self.on_batch is not None:
            self.on_batch(series, batch)


def _sampled(part: Tensor) -> Tensor:
    """About LARGE_OTHER elements, evenly picked."""
    if part.numel() <= LARGE_OTHER:
        return part
    return part.reshape(-1)[:: (part.numel() // LARGE_OTHER) | 1]


def _without_values(names: tuple[str, ...], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """True for a call with fake tensors, as tools make that count memory or operations."""
    return any(isinstance(leaf.tensor, FakeTensor) for leaf in leaves(names, args, kwargs))


def _other_inputs(
    names: tuple[str, ...], args: tuple[Any, ...], kwargs: Mapping[str, Any], coords: Tensor, device: torch.device
) -> Tensor | None:
    """A fingerprint of parts of the other inputs, enough to notice that the batch changed; None without any."""
    total = None
    for leaf in leaves(names, args, kwargs):
        tensor = leaf.tensor
        if tensor is coords or tensor.layout != torch.strided or tensor.is_meta or not tensor.numel():
            continue
        flat = tensor.detach().reshape(-1)
        bits = words(flat[:: max(1, flat.numel() // LARGE_OTHER)].contiguous())
        value = weighted_sum(bits, weights_for(len(bits), bits.device)).to(device, non_blocking=True)
        total = value if total is None else total * 3 + value
    return total
