"""`probe_loader`: is the augmentation of a loader's samples really happening?"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset

from runtime_probe.findings import LoaderReport
from runtime_probe.loader_record import LoaderRecord
from runtime_probe.policy import OnViolation, Policy
from runtime_probe.probe import is_off
from runtime_probe.traced_dataset import TracedBatch, TracedCollate, TracedDataset, TracedIterable
from runtime_probe.verdict import Flag, Verdict


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


class LoaderProbe:
    """Stands in for the loader in a `for` statement; everything else is read from the loader."""

    def __init__(self, loader: DataLoader[Any], evaluation: bool, on_violation: OnViolation) -> None:
        self._loader = loader
        self._policy = Policy(on_violation)
        self._record = LoaderRecord(loader.num_workers, evaluation)
        self._epoch = torch.zeros((), dtype=torch.int64, device="cpu").share_memory_()  # workers read which epoch it is
        self._epoch -= 1
        self._traced = loader if is_off() else _traced(loader, self._epoch)

    def __iter__(self) -> Iterator[Any]:
        if self._traced is self._loader:
            yield from self._loader
            return
        self._epoch += 1
        self._record.epoch += 1
        for item in self._traced:
            if isinstance(item, TracedBatch):
                self._record.add(item.traces)
            yield item.batch if isinstance(item, TracedBatch) else item
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

    def __repr__(self) -> str:
        return f"<LoaderProbe {self.report().headline}>"

    def _repr_html_(self) -> str:
        return self.report()._repr_html_()

    def report(self) -> LoaderReport:
        """Everything seen so far; printable with `str()`."""
        return self._record.report()


def _traced(loader: DataLoader[Any], epoch: torch.Tensor) -> DataLoader[Any]:
    """A copy of the loader over the traced data set; sampler, generator and settings are shared."""
    twin = copy.copy(loader)
    wrapper = TracedIterable if isinstance(loader.dataset, IterableDataset) else TracedDataset
    vars(twin)["dataset"] = wrapper(loader.dataset, epoch)  # DataLoader forbids plain assignment
    vars(twin)["collate_fn"] = TracedCollate(loader.collate_fn)
    vars(twin)["_iterator"] = None
    return twin
