"""Audits the samples of every training loader of a program that knows nothing of it.

While a DataLoader makes its iterator it is given a traced stand-in for its data set; what it hands out is
unpacked again before anybody sees it. Samplers, workers' seeds and random states are those of the plain loader.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import (
    DataLoader,
    DistributedSampler,
    IterableDataset,
    IterDataPipe,
    MapDataPipe,
    RandomSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from torch.utils.data.dataloader import _BaseDataLoaderIter

from runtime_probe.findings import Finding, LoaderReport
from runtime_probe.guard import Guard
from runtime_probe.kept_draws import KeptDraws, KeptRead
from runtime_probe.loader_record import LoaderRecord
from runtime_probe.traced_dataset import Sampling, TracedBatch, TracedCollate, TracedDataset, TracedIterable
from runtime_probe.verdict import Flag, Verdict

SAMPLES = 256  # of each data set are compared across epochs
EPOCHS = 4  # of each loader are audited: two decide, two more confirm
ELEMENTS = 2**16  # of a tensor in a sample are read
MAX_LOADERS = 16


@dataclass(eq=False)
class _Audited:
    """A loader that is audited. `trained` says that an optimizer stepped between two of its batches, `evaluated`
    that a network ran in evaluation mode, or gradients were off.
    """

    record: LoaderRecord
    epoch: torch.Tensor  # from 0; shared with persistent workers, which outlive an epoch
    kinds: tuple[type, ...] = ()  # the data set's class, and those of the ones it is a part of
    steps: int = 0
    trained: bool = False
    evaluated: bool = False
    batches: int = 0

    def stepped(self, steps: int, evaluating: bool) -> None:
        """The next batch is asked for, after so many optimizer steps."""
        self.trained |= steps > self.steps
        self.evaluated |= evaluating and steps == self.steps
        self.steps = steps

    def unpacked(self, batch: Any) -> Any:
        """A batch has come: keep its traces, hand it on."""
        self.batches += 1
        if not isinstance(batch, TracedBatch):
            return batch
        self.record.add(batch.traces)
        return batch.batch


class LoaderAudit:
    """Stands in for data sets while iterators are made; `steps()` counts the optimizer steps of the program."""

    def __init__(self, steps: Callable[[], int], evaluating: Callable[[], bool] = lambda: False) -> None:
        self._steps = steps
        self._evaluating = lambda: evaluating() or not torch.is_grad_enabled()
        self._loaders: weakref.WeakKeyDictionary[DataLoader[Any], _Audited] = weakref.WeakKeyDictionary()
        self._datasets: weakref.WeakKeyDictionary[Any, dict[object, _Audited]] = weakref.WeakKeyDictionary()
        self._all: list[_Audited] = []
        self.kept = KeptDraws()

    def iterate(self, loader: DataLoader[Any], start: Callable[[DataLoader[Any]], Any], guard: Guard) -> Any:
        """`start(loader)`, which is `DataLoader.__iter__`, with traced samples if this loader is to be audited."""
        audited = guard(self._next_epoch, loader)
        if audited is None:
            return start(loader)
        self.kept.close()
        with _traced(loader, audited, self.kept):
            iterator = start(loader)
        guard(_unpack, iterator, audited, self._steps, self._evaluating)
        return iterator

    def datasets(self) -> list[type]:
        """The classes of the data sets that were trained on, those inside of others included."""
        return [kind for audited in self._all if audited.trained for kind in audited.kinds]

    def reports(self) -> tuple[LoaderReport, ...]:
        """The reports on the loaders that were trained on, and on those that a network was evaluated on."""
        return tuple(report for report, _, _ in self.details())

    def details(self) -> Iterator[tuple[LoaderReport, tuple[type, ...], int]]:
        """The same reports, each with the classes of its data set and the number of its workers."""
        for audited in self._all:
            audited.record.evaluation = audited.evaluated and not audited.trained
            if audited.trained or audited.evaluated:
                yield audited.record.report(), audited.kinds, audited.record.num_workers

    def kept_reads(self) -> Iterator[KeptRead]:
        """What was drawn before the training and is read when samples of training are made."""
        samples = (sample for audited in self._all if audited.trained for sample in audited.record.audits)
        yield from dict.fromkeys(read for sample in samples for read in sample.trace.kept)

    def drawn_once(self) -> Iterator[tuple[str, int]]:
        """The loaders that made their samples with draws and were read once: their name, and how many batches."""
        for audited in self._all:
            record = audited.record
            drew = any(stream.used for sample in record.audits for stream in sample.trace.streams)
            if record.epoch == 0 and drew and (audited.trained or not audited.evaluated):
                yield record.name, audited.batches

    def _made_again(self, loader: DataLoader[Any]) -> _Audited | None:
        """A loader like one before, over the same data set: programs make a new one for every epoch."""
        with suppress(TypeError):
            audited = self._datasets.get(loader.dataset, {}).get(_settings(loader))
            if audited is not None and not loader.persistent_workers:
                self._loaders[loader] = audited
                return audited
        return None

    def _next_epoch(self, loader: DataLoader[Any]) -> _Audited | None:
        audited = self._loaders.get(loader) or self._made_again(loader)
        if audited is None:
            if len(self._all) >= MAX_LOADERS or not _is_auditable(loader):
                return None
            record = LoaderRecord(loader.num_workers, name=f"the loader of {_name(loader.dataset)}")
            record.shuffles = _shuffles(loader)
            audited = self._loaders[loader] = _Audited(record, _counter(loader), tuple(_kinds(loader.dataset)))
            self._all.append(audited)
            with suppress(TypeError):  # a list has no weak references
                self._datasets.setdefault(loader.dataset, {})[_settings(loader)] = audited
        audited.epoch += 1
        if int(audited.epoch) >= EPOCHS:
            return None
        audited.record.epoch += 1
        audited.steps = self._steps()
        return audited


def _settings(loader: DataLoader[Any]) -> tuple[object, ...]:
    return loader.batch_size, loader.num_workers, loader.drop_last, type(loader.sampler)


def _is_auditable(loader: DataLoader[Any]) -> bool:
    """Loaders with iterators of their own are left alone."""
    plain = type(loader)._get_iterator is DataLoader._get_iterator
    piped = isinstance(loader.dataset, (IterDataPipe, MapDataPipe))
    traced = issubclass(type(loader.dataset), (TracedDataset, TracedIterable))
    return plain and not piped and not traced


def _kinds(dataset: Any) -> Iterator[type]:
    for _ in range(4):
        if dataset is None:
            return
        yield type(dataset)
        dataset = getattr(dataset, "dataset", None)


def _shuffles(loader: DataLoader[Any]) -> bool:
    """Whether the order of the samples is meant to differ from epoch to epoch."""
    sampler = getattr(loader.batch_sampler, "sampler", loader.sampler)
    if isinstance(sampler, DistributedSampler):
        return sampler.shuffle
    return isinstance(sampler, (RandomSampler, SubsetRandomSampler, WeightedRandomSampler))


def _counter(loader: DataLoader[Any]) -> torch.Tensor:
    epoch = torch.full((), -1, dtype=torch.int64, device="cpu")
    return epoch.share_memory_() if loader.persistent_workers else epoch


class _RecordedOrder:
    """A sampler, or batch sampler, whose indices are noted while an iterator takes them."""

    def __init__(self, sampler: Any, record: LoaderRecord) -> None:
        self._sampler, self._record = sampler, record

    def __iter__(self) -> Iterator[Any]:
        for indices in self._sampler:
            self._record.ordered(indices)
            yield indices

    def __len__(self) -> int:
        return len(self._sampler)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_sampler"], name)


@contextmanager
def _traced(loader: DataLoader[Any], audited: _Audited, kept: KeptDraws) -> Iterator[None]:
    """For the length of the block the loader has the traced data set; DataLoader forbids plain assignment."""
    own = vars(loader)
    dataset, collate = own["dataset"], own["collate_fn"]
    wrapper = TracedIterable if isinstance(dataset, IterableDataset) else TracedDataset
    order = "batch_sampler" if own.get("batch_sampler") is not None else "sampler"
    sampler = own[order]
    own.update(dataset=wrapper(dataset, audited.epoch, _sampling(dataset), kept), collate_fn=TracedCollate(collate))
    if audited.record.shuffles and not isinstance(dataset, IterableDataset):
        own[order] = _RecordedOrder(sampler, audited.record)
    try:
        yield
    finally:
        own.update({"dataset": dataset, "collate_fn": collate, order: sampler})


def _sampling(dataset: Any) -> Sampling:
    """About SAMPLES indices, the same in every epoch, spread over the data set where its length is known."""
    try:
        length = 0 if isinstance(dataset, IterableDataset) else len(dataset)
    except Exception:  # there are data sets without a length; samplers know how many samples there are
        length = 0
    if length:
        return Sampling(every=-(-length // SAMPLES), epochs=EPOCHS, elements=ELEMENTS)
    return Sampling(numbers=SAMPLES, epochs=EPOCHS, elements=ELEMENTS)


def _unpack(iterator: Any, audited: _Audited, steps: Callable[[], int], evaluating: Callable[[], bool]) -> None:
    """Make the iterator hand out plain batches, for as long as it lives and whether or not a probe still runs."""
    assert isinstance(iterator, _BaseDataLoaderIter)
    if "_next_data" in vars(iterator):  # persistent workers: the iterator of the epoch before
        return
    itself = weakref.ref(iterator)  # a cycle would keep its workers alive until the garbage is collected
    original = type(iterator)._next_data

    def next_data() -> Any:
        audited.stepped(steps(), evaluating())
        return audited.unpacked(original(itself()))  # type: ignore[arg-type]

    vars(iterator)["_next_data"] = next_data


def _name(dataset: Any) -> str:
    """The data set's class, and that of the one it is a part of."""
    name = type(dataset).__name__
    inner = getattr(dataset, "dataset", None)
    return name if inner is None else f"{name} of {type(inner).__name__}"


def violations(report: LoaderReport) -> tuple[Finding, ...]:
    """What is wrong with a loader of which nobody said that it augments, and what is worth knowing.

    The same samples in every epoch are a finding only if drawn in vain: neither where nothing is drawn nor where
    every sample has a seed of its own, as in synthetic data sets. An evaluation should repeat, and must not draw.
    """
    if report.evaluation:
        return tuple(f for f in report.findings if f.word is Flag.EVAL_JITTER and report.draws)
    repeated = report.verdict is Verdict.CYCLING and not report.seeded_by_index
    wrong = tuple(f for f in report.violations if isinstance(f.word, Flag) or repeated)
    return (*wrong, *(f for f in report.findings if f.word is Flag.SHARED_IN_SAMPLE))


def sentence(report: LoaderReport) -> str:
    """What was seen of a loader, in one line."""
    compared = f"{report.name}: {report.samples} samples compared in {report.epochs} epoch{'s' * (report.epochs != 1)}"
    drawn = f"; drawn from {', '.join(report.draws[:4])}" if report.draws else ", and no draw was seen"
    what = {
        Verdict.FRESH: "they differ from epoch to epoch",
        Verdict.FROZEN: "they are the same in every epoch",
        Verdict.CYCLING: "epochs repeat them, or their random numbers",
    }
    if report.verdict not in what:
        return f"{compared}: too little to say whether they change; train for two epochs"
    right = ", as it should be for an evaluation" if report.evaluation and report.verdict is not Verdict.FRESH else ""
    return f"{compared}: {what[report.verdict]}{drawn}{right}"
