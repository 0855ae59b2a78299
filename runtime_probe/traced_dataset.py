"""A stand-in for a data set that sends, with every sample, what happened while it was made.

It travels to loader workers, forked or spawned, and stands for the data set in every other respect:
attributes are read from and written to the real one, `isinstance` holds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

from torch.utils.data import get_worker_info

from runtime_probe.kept_draws import KeptDraws, KeptRead
from runtime_probe.rng_audit import Audit, Generators, Stream, audited, content_digest, generators_or_none

AUDITED_SAMPLES = 16  # per worker and epoch; the first audit costs about a millisecond, the others a tenth of it


@dataclass(frozen=True)
class Sampling:
    """Which samples are traced: each `every`-th index, below `numbers`, in the first `epochs`; None: no limit.

    Of a tensor in a sample about `elements` elements are read.
    """

    every: int = 1
    numbers: int | None = None
    epochs: int | None = None
    elements: int | None = None

    def wants(self, number: int, epoch: int) -> bool:
        """Whether a sample is traced."""
        if self.epochs is not None and epoch >= self.epochs:
            return False
        return number % self.every == 0 and (self.numbers is None or number < self.numbers)


ALL = Sampling()


@dataclass(frozen=True)
class Trace:
    """How one sample was made. `streams` and `seeds` are empty unless it was audited."""

    index: int
    worker: int
    order: int
    content: str
    streams: tuple[Stream, ...] = ()
    seeds: tuple[str, ...] = ()
    audited: bool = False
    sites: tuple[str, ...] = ()  # where it was seeded
    augments: bool = False  # seeded, it drew in a function that is given stored data
    kept: tuple[KeptRead, ...] = ()  # what it reads of what was drawn before the training


@dataclass(frozen=True)
class Traced:
    """A sample with its trace, or None if it is not among those that are traced."""

    sample: Any
    trace: Trace | None


@dataclass(frozen=True)
class TracedBatch:
    """A collated batch with the traces of its samples."""

    batch: Any
    traces: tuple[Trace, ...]

    def pin_memory(self) -> TracedBatch:
        """Called by the loader's pinning thread."""
        from torch.utils.data._utils.pin_memory import pin_memory

        return TracedBatch(pin_memory(self.batch), self.traces)


class _Counter:
    """Counts samples of one epoch in one worker."""

    def __init__(self) -> None:
        self.epoch: object = object()
        self.order = -1
        self.generators: Generators = []


class _StandIn:
    """Has the class, the attributes and the length of the real data set; writing to it writes to the real one."""

    def __init__(self, dataset: Any, epoch: Any, sampling: Sampling = ALL, kept: KeptDraws | None = None) -> None:
        vars(self).update(_dataset=dataset, _epoch=epoch, _sampling=sampling, _counter=_Counter(), _kept=kept)

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return type(vars(self)["_dataset"])

    def __getattr__(self, name: str) -> Any:
        if "_dataset" not in vars(self):  # while it is being unpickled
            raise AttributeError(name)
        return getattr(vars(self)["_dataset"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(vars(self)["_dataset"], name, value)

    def __delattr__(self, name: str) -> None:
        delattr(vars(self)["_dataset"], name)

    def __len__(self) -> int:
        return len(self._dataset)

    def _made(self, index: Any, make: Callable[[], Any]) -> Traced:
        return made(self._counter, int(self._epoch), self._dataset, index, make, self._sampling, self._kept)


class TracedDataset(_StandIn):
    """Wraps a map-style data set."""

    def __init__(self, dataset: Any, epoch: Any, sampling: Sampling = ALL, kept: KeptDraws | None = None) -> None:
        super().__init__(dataset, epoch, sampling, kept)
        if hasattr(dataset, "__getitems__"):
            vars(self)["__getitems__"] = self._getitems

    def __getitem__(self, index: Any) -> Traced:
        return self._made(index, lambda: self._dataset[index])

    def __reduce__(self) -> tuple[Any, ...]:
        return TracedDataset, (self._dataset, self._epoch, self._sampling)

    def _getitems(self, indices: Sequence[Any]) -> Any:
        """The whole batch is made at once: its audit stands with the first sample."""
        whole = self._made(indices[0], lambda: self._dataset.__getitems__(indices))
        if type(whole.sample) is not list or len(whole.sample) != len(indices):
            return Traced(whole.sample, None)  # a batch in a form of its own, for a collate function of its own
        return [
            self._one_of(whole, n, i, sample) for n, (i, sample) in enumerate(zip(indices, whole.sample, strict=True))
        ]

    def _one_of(self, whole: Traced, place: int, index: Any, sample: Any) -> Traced:
        audit = whole.trace if place == 0 and whole.trace is not None and whole.trace.audited else None
        number = _number(index)
        is_traced = self._sampling.wants(number, int(self._epoch))
        if audit is None and not is_traced:
            return Traced(sample, None)
        content = content_digest(sample, self._sampling.elements) if is_traced else ""
        if audit is not None:
            return Traced(sample, replace(audit, content=content))
        return Traced(sample, Trace(number, _worker(), self._counter.order, content))


class TracedIterable(_StandIn):
    """Wraps an iterable data set; the sample's number in its worker stands for its index."""

    def __reduce__(self) -> tuple[Any, ...]:
        return TracedIterable, (self._dataset, self._epoch, self._sampling)

    def __iter__(self) -> Iterator[Traced]:
        iterator = iter(self._dataset)
        info = get_worker_info()
        number, step = (0, 1) if info is None else (info.id, info.num_workers)
        while True:
            traced = self._made(number, lambda: next(iterator, _END))
            if traced.sample is _END:
                return
            yield traced
            number += step


_END = object()


def made(
    counter: _Counter,
    epoch: int,
    dataset: Any,
    index: Any,
    make: Callable[[], Any],
    sampling: Sampling = ALL,
    kept: KeptDraws | None = None,
) -> Traced:
    """Make a sample and its trace; the first samples of a worker and epoch are audited."""
    if counter.epoch != epoch:
        counter.epoch, counter.order = epoch, -1
        counter.generators = generators_or_none(dataset)
    counter.order += 1
    number = _number(index)
    is_traced = sampling.wants(number, epoch)
    is_audited = counter.order < AUDITED_SAMPLES and (sampling.epochs is None or epoch < sampling.epochs)
    if not is_audited and not is_traced:
        return Traced(make(), None)
    audit = Audit()
    with audited(counter.generators, audit) if is_audited else nullcontext():
        sample, reads = kept.reading(make, _length(dataset)) if kept and counter.order == 0 else (make(), ())
    content = content_digest(sample, sampling.elements) if is_traced and sample is not _END else ""
    trace = Trace(
        number, _worker(), counter.order, content, tuple(audit.streams), tuple(audit.seeds), is_audited,
        tuple(dict.fromkeys(audit.sites)), audit.augments, reads,
    )  # fmt: skip
    return Traced(sample, trace)


def _length(dataset: Any) -> int | None:
    try:
        return len(dataset)
    except Exception:
        return None


def _worker() -> int:
    info = get_worker_info()
    return info.id if info is not None else -1


def _number(index: Any) -> int:
    """A sample's index as a number that is the same in every process."""
    if hasattr(index, "__index__"):
        return int(index)
    return int.from_bytes(hashlib.blake2b(repr(index).encode(), digest_size=7).digest(), "big")


class TracedCollate:
    """Takes the traces off before the real collate function sees the samples."""

    def __init__(self, collate: Callable[[Any], Any]) -> None:
        self._collate = collate

    def __call__(self, items: Any) -> Any:
        """Collate samples, or convert the single one of `batch_size=None`."""
        if isinstance(items, Traced):
            return TracedBatch(self._collate(items.sample), () if items.trace is None else (items.trace,))
        if not items or not all(isinstance(item, Traced) for item in items):
            return self._collate(items)
        traces = tuple(item.trace for item in items if item.trace is not None)
        return TracedBatch(self._collate([item.sample for item in items]), traces)
