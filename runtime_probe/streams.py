"""From the observers to one report for each stream."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from runtime_probe.borders import Position, Source
from runtime_probe.classify import Evidence, classify, is_worker_copy
from runtime_probe.findings import SeriesReport
from runtime_probe.geometry import measure
from runtime_probe.observer import Observer, Phase, Series, Unit
from runtime_probe.provenance import Provenance
from runtime_probe.timeline import Timeline
from runtime_probe.traces import ProvenanceReport
from runtime_probe.verdict import Flag, Verdict

SEVERITY = (
    Verdict.CLEAN_GRID,
    Verdict.FROZEN,
    Verdict.ONCE_PER_EPOCH,
    Verdict.CYCLING,
    Verdict.PARTIAL,
    Verdict.PERIODIC,
    Verdict.FRESH_SUBSET,
    Verdict.FRESH,
    Verdict.NOTHING_DRAWN,
    Verdict.INCONCLUSIVE,
)


def by_severity(report: SeriesReport) -> tuple[int, int]:
    """A sort key: the most telling first."""
    return SEVERITY.index(report.conclusion.verdict), -report.conclusion.batches


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


def stream_reports(observer: Observer, provenance: Provenance) -> list[SeriesReport]:
    """The reports on an observer's training series, the most telling first."""
    reports = [
        _series_report(observer, series, provenance.report(observer, series.given if series.shape else None))
        for series in training_series(observer)
    ]
    inconclusive = all(report.conclusion.verdict is Verdict.INCONCLUSIVE for report in reports)
    if len(reports) > 1 and (inconclusive or any(not report.shape for report in reports)):
        return [_whole_report(observer, reports)]
    if any(report.conclusion.verdict in (Verdict.FRESH, Verdict.FRESH_SUBSET, Verdict.PERIODIC) for report in reports):
        reports = [_beside_fresh(report) for report in reports]
    return sorted(reports, key=by_severity)


def _beside_fresh(report: SeriesReport) -> SeriesReport:
    """The same points in every batch are a boundary, or data, where other points of the argument are drawn each time.

    Grids of several sizes are something else: they are each a view of the same picture.
    """
    if report.conclusion.verdict not in (Verdict.FROZEN, Verdict.CLEAN_GRID):
        return report
    if report.geometry is not None and report.geometry.clean and len(report.shape) > 2:
        return report
    conclusion = classify(report.timeline, report.geometry, Evidence(beside_fresh=True))
    return replace(report, conclusion=conclusion)


def _series_report(observer: Observer, series: Series, provenance: ProvenanceReport) -> SeriesReport:
    timeline = replace(series.history.timeline(), optimizers=observer.optimizers)
    geometry = measure(series.snapshots)
    flags = set(geometry.flags) if geometry is not None else set()
    evidence = Evidence(
        drawn_each_time=any(source.draws == source.forwards > 1 for source in provenance.sources),
        noise_inside=observer.noise_inside is not None,
        others_change=observer.others_change,
        loaded=2 * series.loaded > series.forwards,
        num_workers=series.num_workers,
    )
    conclusion = classify(timeline, geometry, evidence)
    if is_worker_copy(conclusion, timeline, series.num_workers):
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
        provenance=provenance,
        is_coordinates=not observer.part,
        loaded=evidence.loaded,
    )


def _whole_report(observer: Observer, parts: Sequence[SeriesReport]) -> SeriesReport:
    """Too many shapes to judge one by one, or each was seen once: judge all of them together."""
    timeline: Timeline = observer.whole.timeline()
    first = parts[0]
    return replace(
        first,
        shape=(),
        conclusion=classify(timeline),
        timeline=timeline,
        forwards=sum(part.forwards for part in parts),
        flags=frozenset(),
    )


def _borders(series: Series) -> str:
    if not series.sources:
        return "none seen"
    source = max(series.sources, key=lambda s: series.sources[s])
    return source.value


def evaluation_is_jittered(series: Series, trained: dict[Position, set[int]]) -> bool:
    """True when evaluation batches differ, off any lattice, beyond what training used in the same batch."""
    if 2 * series.loaded > series.forwards:
        return False  # judged by the audit of the loader's samples
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
