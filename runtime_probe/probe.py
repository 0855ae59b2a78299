"""`probe_coords`: the context manager around a training loop."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TypeVar

from torch import nn

from runtime_probe.arguments import Chooser
from runtime_probe.borders import Borders
from runtime_probe.guard import ProbeWarning
from runtime_probe.judge import judge
from runtime_probe.observer import Observer
from runtime_probe.options import WatchOptions
from runtime_probe.policy import OnViolation, Policy
from runtime_probe.provenance import Provenance
from runtime_probe.report import Report
from runtime_probe.report.text import headline
from runtime_probe.scalars import ScalarWriter, write_scalars
from runtime_probe.trackers import log_report
from runtime_probe.verdict import Flag, Verdict
from runtime_probe.watch import Watch

__all__ = ["Probe", "ProbeWarning", "is_off", "probe_coords"]

T = TypeVar("T")


def is_off() -> bool:
    """True when the environment says `RUNTIME_PROBE=off`: every probe is a no-op."""
    return os.environ.get("RUNTIME_PROBE", "").lower() in ("off", "0", "false")


def probe_coords(
    *models: nn.Module,
    argument: Chooser = None,
    on_violation: OnViolation = "report",
    after: int = 0,
    max_steps: int | None = None,
    provenance: int = 32,
    check_used: bool = False,
    writer: ScalarWriter | None = None,
) -> Probe:
    """Watch the coordinates that models are called with, for the length of a `with` block.

    Args:
        models: one or more modules; hand in what the loop calls (the DDP or compiled wrapper, if any).
        argument: the coordinate argument by name or path (`"coord"`, `"batch.xy"`), position, or a callable
            `(args, kwargs) -> tensor`; None finds it by name, shape, range and fit to a regular lattice.
        on_violation: `"report"`, `"warn"`, `"raise"`, or a callable that gets a `Finding`; acted on at the
            first certain moment, which is when the second of two equal batches of one epoch is over.
        after: number of batches (>= 0) during which violations are not acted on.
        max_steps: stop observing after this many batches (>= 1); None observes to the end.
        provenance: forwards (>= 0) during which draws are followed to their line; 0 switches it off.
        check_used: spend one extra forward to see whether a sample's output depends on its coordinates.
        writer: anything with `add_scalar`; gets the jitter's std in pixels and the fresh fraction per epoch.

    Raises ValueError for an impossible option. Inside the block a call without coordinate-like argument
    raises CoordinateArgumentError; any other fault of the probe is a ProbeWarning.
    """
    if not models:
        raise ValueError("probe_coords needs a model")
    probe = Probe(argument, on_violation, after, max_steps, provenance, check_used, writer)
    for model in models:
        if not isinstance(model, nn.Module):
            raise ValueError(f"probe_coords watches torch.nn.Module, not {type(model).__name__}")
        probe.models.append(model)
    return probe


class Probe:
    """A running or finished observation, made by `probe_coords`: starts and stops the watch, acts on findings."""

    def __init__(
        self,
        argument: Chooser = None,
        on_violation: OnViolation = "report",
        after: int = 0,
        max_steps: int | None = None,
        provenance: int = 32,
        check_used: bool = False,
        writer: ScalarWriter | None = None,
        everything: bool = False,
        loaders: bool = False,
    ) -> None:
        self._policy = Policy(on_violation)
        self._after = after
        self._writer = writer
        self._is_written = False
        options = WatchOptions(
            argument, after, max_steps, provenance, check_used, everything, loaders, self._policy.immediate
        )
        self.watch = Watch(options, self._consider, self._epoch_ended)

    # -- the block ---------------------------------------------------------------------------------

    def __enter__(self) -> Probe:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(failed=kind is not None)

    def start(self) -> Probe:
        """Begin to observe; `with` calls it. A probe that was stopped goes on; one that runs is left alone.

        A no-op with RUNTIME_PROBE=off.
        """
        if is_off():
            self.notes.append("RUNTIME_PROBE=off: nothing was observed")
        elif not self.watch.active:
            self.watch.start()
        return self

    def search_parts(self) -> None:
        """Look into the models' parts from the first call on, for trainers that never call the model itself."""
        self.watch.search_parts()

    def stop(self, failed: bool = False) -> None:
        """Stop observing, remove every hook and mode, then judge; `with` calls it."""
        if not self.watch.active:
            return
        self.watch.release()
        self.watch.guard(self.watch.finish)
        if self._writer is not None and not self._is_written:  # no end of an epoch was seen
            self.watch.guard(self._write_scalars)
        if not failed:
            self.watch.guard(self.watch.compare_ranks)
            self._consider(final=True)

    def compare_ranks_now(self) -> None:
        """Compare the ranks before the process group goes away. Every rank must get here."""
        if self.watch.active:
            for observer in self.observers:
                self.watch.guard(observer.finish)
            self.watch.guard(self.watch.compare_ranks)

    def batches(self, iterable: Iterable[T]) -> Iterator[T]:
        """Iterate over `iterable`, an epoch of batches, with exact borders."""
        return self.borders.batches(iterable) if self.watch.active else iter(iterable)

    # -- results -----------------------------------------------------------------------------------

    def report(self) -> Report:
        """Everything seen so far; printable with `str()`, `rich.print`, `.to_dict()` and `.to_html()`."""
        return judge(self.watch)

    @property
    def verdict(self) -> Verdict:
        """The most severe conclusive verdict over all watched streams."""
        return self.report().verdict

    @property
    def flags(self) -> frozenset[Flag]:
        """Every flag raised for any watched stream."""
        return self.report().flags

    def to_dict(self) -> dict[str, object]:
        """The report, JSON-ready."""
        return self.report().to_dict()

    def log_to(self, tracker: object) -> None:
        """Log the report to a TensorBoard writer, a Weights & Biases run or MLflow; see `runtime_probe.trackers`."""
        log_report(self.report(), tracker)

    def __repr__(self) -> str:
        state = "running" if self.watch.active else "stopped"
        return f"<Probe {state}: {headline(self.report())}>"

    def _repr_html_(self) -> str:
        return self.report()._repr_html_()

    # -- what is being watched ---------------------------------------------------------------------

    @property
    def models(self) -> list[nn.Module]:
        """The models that were named."""
        return self.watch.models

    @property
    def observers(self) -> list[Observer]:
        """One for each watched stream of coordinates."""
        return self.watch.observers

    @property
    def borders(self) -> Borders:
        """Where batches and epochs begin."""
        return self.watch.borders

    @property
    def provenance(self) -> Provenance:
        """What follows draws to their lines."""
        return self.watch.provenance

    @property
    def notes(self) -> list[str]:
        """Remarks of the probe on itself."""
        return self.watch.notes

    # -- acting on findings ------------------------------------------------------------------------

    def _epoch_ended(self) -> None:
        if self._writer is not None:
            self.watch.guard(self._write_scalars)
        self._consider()

    def _write_scalars(self) -> None:
        assert self._writer is not None
        report = self.report()
        write_scalars(self._writer, report, report.conclusion.batches)
        self._is_written = True

    def _consider(self, final: bool = False) -> None:
        if not self._policy.immediate:
            return
        report = self.watch.guard(self.report)
        if report is not None and (final or report.conclusion.batches > self._after):
            self._policy.act(report.findings)
