"""A stand-in for a data set that sends, with every sample, what happened while it was made.

It travels to loader workers, forked or spawned, and stands for the data set in every other respect:
attributes are read from and written to the real one, `isinstance` holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch.utils.data import IterableDataset, get_worker_info

from runtime_probe.rng_audit import Stream, audited, content_digest

AUDITED_SAMPLES = 2  # per worker and epoch; an audit costs about a millisecond


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


@dataclass(frozen=True)
class Traced:
    """A sample with its trace."""

    sample: Any
    trace: Trace


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
        self.epoch = object()
        self.order = -1


class TracedDataset:
    """Wraps a map-style data set."""

    def __init__(self, dataset: Any, epoch: Any) -> None:
        vars(self).update(_dataset=dataset, _epoch=epoch, _counter=_Counter())
        if hasattr(dataset, "__getitems__"):
            vars(self)["__getitems__"] = self._getitems

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return type(vars(self)["_dataset"])

    def __getattr__(self, name: str) -> Any:
        if "_dataset" not in vars(self):  # while it is being unpickled
            raise AttributeError(name)
        return getattr(vars(self)["_dataset"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(vars(self)["_dataset"], name, value)

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: Any) -> Traced:
        return self._made(index, lambda: self._dataset[index])

    def __reduce__(self) -> tuple[Any, ...]:
        return TracedDataset, (self._dataset, self._epoch)

    def _getitems(self, indices: Sequence[Any]) -> list[Traced]:
        samples: list[Any] = []
        first = self._made(indices[0], lambda: samples.extend(self._dataset.__getitems__(list(indices))))
        trace = first.trace
        return [
            Traced(sample, Trace(_number(i), trace.worker, trace.order, content_digest(sample), *_rest(trace, n == 0)))
            for n, (i, sample) in enumerate(zip(indices, samples, strict=True))
        ]

    def _made(self, index: Any, make: Callable[[], Any]) -> Traced:
        return made(self._counter, int(self._epoch), self._dataset, index, make)


class TracedIterable(IterableDataset[Any]):
    """Wraps an iterable data set; the sample's number in its worker stands for its index."""

    def __init__(self, dataset: Any, epoch: Any) -> None:
        self._dataset, self._epoch, self._counter = dataset, epoch, _Counter()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._dataset, name)

    def __iter__(self) -> Iterator[Traced]:
        iterator = iter(self._dataset)
        end = object()
        number = 0
        while True:
            traced = made(self._counter, int(self._epoch), self._dataset, number, lambda: next(iterator, end))
            if traced.sample is end:
                return
            yield traced
            number += 1


def made(counter: _Counter, epoch: int, dataset: Any, index: Any, make: Callable[[], Any]) -> Traced:
    """Make a sample and its trace; the first samples of a worker and epoch are audited."""
    if counter.epoch != epoch:
        counter.epoch, counter.order = epoch, -1
    counter.order += 1
    info = get_worker_info()
    worker = info.id if info is not None else -1
    if counter.order >= AUDITED_SAMPLES:
        sample = make()
        return Traced(sample, Trace(_number(index), worker, counter.order, _content(sample)))
    streams: list[Stream] = []
    seeds: list[str] = []
    with audited(dataset, streams, seeds):
        sample = make()
    trace = Trace(_number(index), worker, counter.order, _content(sample), tuple(streams), tuple(seeds), True)
    return Traced(sample, trace)


def _content(sample: Any) -> str:
    return "" if type(sample) is object else content_digest(sample)


def _number(index: Any) -> int:
    return int(index) if isinstance(index, int) or hasattr(index, "__index__") else hash(index)


def _rest(trace: Trace, first: bool) -> tuple[Any, ...]:
    return (trace.streams, trace.seeds, trace.audited) if first else ()


class TracedCollate:
    """Takes the traces off before the real collate function sees the samples."""

    def __init__(self, collate: Callable[[Any], Any]) -> None:
        self._collate = collate

    def __call__(self, items: Any) -> TracedBatch:
        """Collate samples, or convert the single one of `batch_size=None`."""
        if isinstance(items, Traced):
            return TracedBatch(self._collate(items.sample), (items.trace,))
        return TracedBatch(self._collate([item.sample for item in items]), tuple(item.trace for item in items))
