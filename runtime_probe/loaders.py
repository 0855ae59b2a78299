"""`probe_loader`: is the augmentation of a loader's samples really happening?"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset

from runtime_probe.loader_verdict import LoaderReport, Sample, classify_loader
from runtime_probe.policy import OnViolation, Policy
from runtime_probe.probe import is_off
from runtime_probe.traced_dataset import Trace, TracedBatch, TracedCollate, TracedDataset, TracedIterable
from runtime_probe.verdict import Flag, Verdict

REMEMBERED_SAMPLES = 4096  # indices whose contents are compared across epochs
KEPT_AUDITS = 2048


def probe_loader(
    loader: DataLoader[Any], evaluation: bool = False, on_violation: OnViolation = "report"
) -> LoaderProbe:
    """Watch the samples of a DataLoader: `for batch in probe_loader(loader)`; two epochs are needed.

    Compares the same sample across epochs, and audits the random streams of the data set in every worker
    (forked or spawned, persistent or not). The loader itself is not changed; its random numbers are not touched.

    Args:
        loader: a `torch.utils.data.DataLoader` over a map-style or iterable data set.
        evaluation: its samples should be the same in every epoch; fresh ones raise EVAL_JITTER.
        on_violation: as in `probe_coords`, acted on at the end of each epoch.

    Raises ValueError for anything but a DataLoader.
    """
    if not isinstance(loader, DataLoader):
        raise ValueError(f"probe_loader watches torch.utils.data.DataLoader, not {type(loader).__name__}")
    return LoaderProbe(loader, evaluation, on_violation)


@dataclass
class _Seen:
    """What the loader's traces left behind: bounded."""

    audits: list[Sample] = field(default_factory=list)
    contents: dict[int, list[str]] = field(default_factory=dict)
    batches: int = 0


class LoaderProbe:
    """Stands in for the loader in a `for` statement; everything else is read from the loader."""

    def __init__(self, loader: DataLoader[Any], evaluation: bool, on_violation: OnViolation) -> None:
        self._loader = loader
        self._evaluation = evaluation
        self._policy = Policy(on_violation)
        self._seen = _Seen()
        self._epoch = torch.zeros((), dtype=torch.int64, device="cpu").share_memory_()  # workers read which epoch it is
        self._epoch -= 1
        self._traced = loader if is_off() else _traced(loader, self._epoch)

    def __iter__(self) -> Iterator[Any]:
        if self._traced is self._loader:
            yield from self._loader
            return
        self._epoch += 1
        for item in self._traced:
            assert isinstance(item, TracedBatch)
            self._add(item.traces)
            yield item.batch
        self._policy.act(self.report().findings)

    def __len__(self) -> int:
        return len(self._loader)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_loader"], name)

    @property
    def verdict(self) -> Verdict:
        """What happened to the samples; see `LoaderReport`."""
        return self.report().verdict

    @property
    def flags(self) -> frozenset[Flag]:
        """WORKERS_DUPLICATED and EVAL_JITTER, where they hold."""
        return self.report().flags

    def report(self) -> LoaderReport:
        """Everything seen so far; printable with `str()`."""
        contents = {index: tuple(values) for index, values in self._seen.contents.items()}
        return classify_loader(
            tuple(self._seen.audits), contents, int(self._epoch) + 1, self._loader.num_workers, self._evaluation
        )

    def _add(self, traces: tuple[Trace, ...]) -> None:
        epoch = int(self._epoch)
        for trace in traces:
            if trace.audited and len(self._seen.audits) < KEPT_AUDITS:
                self._seen.audits.append(Sample(epoch, trace))
            if trace.index in self._seen.contents or len(self._seen.contents) < REMEMBERED_SAMPLES:
                contents = self._seen.contents.setdefault(trace.index, [])
                if len(contents) < 16:
                    contents.append(trace.content)


def _traced(loader: DataLoader[Any], epoch: torch.Tensor) -> DataLoader[Any]:
    """A copy of the loader over the traced data set; sampler, generator and settings are shared."""
    twin = copy.copy(loader)
    wrapper = TracedIterable if isinstance(loader.dataset, IterableDataset) else TracedDataset
    vars(twin)["dataset"] = wrapper(loader.dataset, epoch)  # DataLoader forbids plain assignment
    vars(twin)["collate_fn"] = TracedCollate(loader.collate_fn)
    vars(twin)["_iterator"] = None
    return twin
