"""From what the observers collected to findings and a report: frozen, printable, serialisable."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runtime_probe.borders import Position, Source
from runtime_probe.classify import classify
from runtime_probe.geometry import Geometry, measure
from runtime_probe.observer import Observer, Phase, Series, Unit
from runtime_probe.provenance import Draw, ProvenanceReport
from runtime_probe.source_hints import Hint
from runtime_probe.timeline import Timeline
from runtime_probe.verdict import ADVICE, Advice, Conclusion, Family, Flag, Verdict

if TYPE_CHECKING:
    from runtime_probe.loader_verdict import LoaderReport

SEVERITY = (
    Verdict.CLEAN_GRID,
    Verdict.FROZEN,
    Verdict.ONCE_PER_EPOCH,
    Verdict.CYCLING,
    Verdict.SUBSET_OF_CLEAN_GRID,
    Verdict.PARTIAL,
    Verdict.FRESH,
    Verdict.INCONCLUSIVE,
)


@dataclass(frozen=True)
class Finding:
    """One verdict or flag about one argument. `family` is None when it is no violation.

    `closer` is what to do in this very case, where more is known than the word says.
    """

    word: Verdict | Flag
    argument: str
    sentence: str
    values: str
    where: tuple[str, ...] = ()
    closer: Advice | None = None

    @property
    def advice(self) -> Advice:
        """What it means and what to do."""
        return self.closer or ADVICE[self.word]

    @property
    def family(self) -> Family | None:
        """stale, absent, repeated, misplaced, or None."""
        return self.advice.family

    @property
    def message(self) -> str:
        """What, which argument, the values seen, what to do, and the linter's codes, in this order."""
        advice = self.advice
        lines = [f"{self.word.value}: {advice.meaning}", f"  argument: {self.argument}", f"  seen: {self.sentence}"]
        lines += [f"  values: {self.values}"] if self.values else []
        lines += [f"  where: {place}" for place in self.where]
        lines += [f"  to do: {advice.remedy}"] if advice.remedy else []
        lines += [f"  find it in the source: jitlint --select {','.join(advice.codes)}"] if advice.codes else []
        return "\n".join(lines)


@dataclass(frozen=True)
class SeriesReport:
    """One argument in one shape, type and phase."""

    argument: str
    shape: tuple[int, ...]
    dtype: str
    phase: str
    conclusion: Conclusion
    geometry: Geometry | None
    timeline: Timeline
    forwards: int
    borders: str
    flags: frozenset[Flag] = frozenset()
    noise_inside: Draw | None = None  # what the model itself draws and adds to the argument


@dataclass(frozen=True)
class Report:
    """Everything the probe has to say. `str()` is plain text; see also `to_dict()` and `to_html()`.

    `loaders` are the training loaders whose samples were audited.
    """

    verdict: Verdict
    conclusion: Conclusion
    flags: frozenset[Flag]
    findings: tuple[Finding, ...]
    series: tuple[SeriesReport, ...]
    provenance: ProvenanceReport | None = None
    hints: tuple[Hint, ...] = ()
    notes: tuple[str, ...] = ()
    ranks: str = ""
    loaders: tuple[LoaderReport, ...] = ()

    @property
    def violations(self) -> tuple[Finding, ...]:
        """The findings that are stale, absent, repeated or misplaced randomness."""
        return tuple(finding for finding in self.findings if finding.family is not None)

    @property
    def main(self) -> SeriesReport | None:
        """The series that the verdict is about."""
        return self.series[0] if self.series else None

    def to_dict(self) -> dict[str, object]:
        """JSON-ready, see `runtime_probe.report.structured`."""
        from runtime_probe.report.structured import to_dict

        return to_dict(self)

    def to_html(self) -> str:
        """One self-contained page, see `runtime_probe.report.page`."""
        from runtime_probe.report.page import to_html

        return to_html(self)

    def __str__(self) -> str:
        from runtime_probe.report.text import to_text

        return to_text(self)


def training_series(observer: Observer) -> list[Series]:
    """The series that count as training; forwards in evaluation mode only if there is nothing else."""
    train = [s for s in observer.series.values() if s.phase is Phase.TRAIN]
    return train or [s for s in observer.series.values() if s.phase is Phase.GRAD_IN_EVAL]


def evaluation_series(observer: Observer) -> list[Series]:
    """The other series."""
    training = training_series(observer)
    return [s for s in observer.series.values() if not any(s is other for other in training)]


def training_units(observers: Iterable[Observer]) -> dict[Position, set[int]]:
    """The batches in which any model was trained, with the fingerprints used."""
    units: dict[Position, set[int]] = {}
    for observer in observers:
        for series in training_series(observer):
            for position, _, values in series.units:
                units.setdefault(position, set()).update(values)
    return units


def series_reports(observer: Observer) -> list[SeriesReport]:
    """The reports on an observer's training series, the most telling first."""
    reports = [_series_report(observer, series) for series in training_series(observer)]
    inconclusive = all(report.conclusion.verdict is Verdict.INCONCLUSIVE for report in reports)
    if len(reports) > 1 and (inconclusive or any(not report.shape for report in reports)):
        return [_whole_report(observer, reports)]
    return sorted(reports, key=lambda r: (SEVERITY.index(r.conclusion.verdict), -r.conclusion.batches))


def _series_report(observer: Observer, series: Series) -> SeriesReport:
    timeline = replace(series.history.timeline(), optimizers=observer.optimizers)
    geometry = measure(series.snapshots)
    flags = set(geometry.flags) if geometry is not None else set()
    conclusion = classify(timeline, geometry)
    if _workers_duplicated(conclusion, timeline, series.num_workers):
        flags.add(Flag.WORKERS_DUPLICATED)
    return SeriesReport(
        argument=f"{observer.name}({observer.choice.path if observer.choice else '?'})",
        shape=series.shape,
        dtype=str(series.dtype).removeprefix("torch."),
        phase=series.phase.value,
        conclusion=conclusion,
        geometry=geometry,
        timeline=timeline,
        forwards=series.forwards,
        borders=_borders(series),
        flags=frozenset(flags),
        noise_inside=observer.noise_inside,
    )


def _whole_report(observer: Observer, parts: Sequence[SeriesReport]) -> SeriesReport:
    """Too many shapes to judge one by one, or each was seen once: judge all of them together."""
    timeline = observer.whole.timeline()
    first = parts[0]
    return SeriesReport(
        argument=first.argument,
        shape=(),
        dtype=first.dtype,
        phase=first.phase,
        conclusion=classify(timeline),
        geometry=first.geometry,
        timeline=timeline,
        forwards=sum(part.forwards for part in parts),
        borders=first.borders,
    )


def _workers_duplicated(conclusion: Conclusion, timeline: Timeline, num_workers: int) -> bool:
    """Each value comes from every worker in turn, or the workers' own constants alternate."""
    if num_workers < 2 or conclusion.verdict is not Verdict.CYCLING:
        return False
    return num_workers in (timeline.counters.run_length, conclusion.period)


def _borders(series: Series) -> str:
    if not series.sources:
        return "none seen"
    source = max(series.sources, key=lambda s: series.sources[s])
    return source.value


def evaluation_is_jittered(series: Series, trained: dict[Position, set[int]]) -> bool:
    """True when evaluation batches differ, off any lattice, beyond what training used in the same batch."""
    own = [unit for unit in series.units if not _beside_training(unit, trained)]
    values = [value for _, value, _ in own]
    if len(values) < 2 or len(set(values)) < len(values):
        return False  # too little, or fixed evaluation coordinates that come back
    geometry = measure(series.snapshots)
    return geometry is not None and not geometry.on_lattice


def _beside_training(unit: Unit, trained: dict[Position, set[int]]) -> bool:
    position, _, values = unit
    if position not in trained:
        return False
    return position.source is not Source.STEPS or set(values) <= trained[position] or len(values) == 1


def describe_values(report: SeriesReport) -> str:
    """Shape, range, lattice and jitter of a series in one line."""
    geometry = report.geometry
    text = f"{report.dtype} {report.shape}" if report.shape else f"{report.dtype}, varying shapes"
    if geometry is None:
        return text
    text += f" in [{geometry.low:.4g}, {geometry.high:.4g}]"
    if geometry.grid is not None:
        text += f"; {geometry.grid}"
    if geometry.clean:
        return text + "; std 0"
    if geometry.std is not None and geometry.std_pixels is not None:
        return text + f"; std {geometry.std:.4g} = {geometry.std_pixels:.2f} px"
    return text + "; the lattice under the jitter was not recognised, so its std is unknown"
