"""What the traces of a loader left behind: bounded, and judged on demand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from runtime_probe.findings import LoaderReport
from runtime_probe.loader_verdict import Sample, classify_loader
from runtime_probe.traced_dataset import Trace

REMEMBERED_SAMPLES = 4096  # indices whose contents are compared across epochs
KEPT_AUDITS = 2048
KEPT_CONTENTS = 16  # epochs of one sample
FEW = 6  # samples of an epoch below which two equal orders may be chance


@dataclass
class LoaderRecord:
    """Collects the traces of one loader, epoch after epoch."""

    num_workers: int = 0
    evaluation: bool = False
    name: str = "the loader"
    epoch: int = -1
    audits: list[Sample] = field(default_factory=list)
    contents: dict[int, list[str]] = field(default_factory=dict)
    orders: dict[int, tuple[int, int]] = field(default_factory=dict)  # epoch -> samples, digest of their order
    shuffles: bool = False

    def ordered(self, indices: object) -> None:
        """The sampler gave the indices of the next batch of the current epoch."""
        samples, order = self.orders.get(self.epoch, (0, 0))
        listed = tuple(indices) if isinstance(indices, (list, tuple)) else (indices,)
        self.orders[self.epoch] = (samples + len(listed), hash((order, listed)))

    def add(self, traces: Iterable[Trace]) -> None:
        """Add the traces of one batch of the current epoch."""
        for trace in traces:
            if trace.audited and len(self.audits) < KEPT_AUDITS:
                self.audits.append(Sample(self.epoch, trace))
            if trace.content and (trace.index in self.contents or len(self.contents) < REMEMBERED_SAMPLES):
                contents = self.contents.setdefault(trace.index, [])
                if len(contents) < KEPT_CONTENTS:
                    contents.append(trace.content)

    def report(self) -> LoaderReport:
        """Everything seen so far."""
        contents = {index: tuple(values) for index, values in self.contents.items()}
        longest = max((samples for samples, _ in self.orders.values()), default=0)
        orders = [order for samples, order in self.orders.values() if samples == longest >= FEW and self.shuffles]
        return classify_loader(
            tuple(self.audits), contents, self.epoch + 1, self.num_workers, self.evaluation, self.name, orders
        )
