"""Puts a probe's observations together into one `Report`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from runtime_probe.findings import (
    SEVERITY,
    Finding,
    Report,
    SeriesReport,
    describe_values,
    evaluation_is_jittered,
    evaluation_series,
    series_reports,
    training_units,
)
from runtime_probe.loader_audit import sentence, violations
from runtime_probe.observer import Observer
from runtime_probe.provenance import ProvenanceReport, Site
from runtime_probe.source_hints import Hint, commented_draws
from runtime_probe.verdict import ADVICE, Advice, Conclusion, Family, Flag, Verdict

if TYPE_CHECKING:
    from runtime_probe.probe import Probe


NOISE_INSIDE = Advice(
    None,
    "the model jitters its coordinates by itself, so what it is given says nothing",
    "watch the part of the model that gets the jittered coordinates: probe_coords(model.part)",
)
DRAWN_BEFORE = Advice(
    Family.REPEATED,
    "coordinates that were used before come back, and nothing is drawn between the forwards",
    "draw in the batch loop: the jitter is commented out, or all of it was drawn before the loop",
    ("JIT101", "JIT102", "JIT201"),
)


def build_report(probe: Probe) -> Report:
    """Judge every series of every watched model and name the lines."""
    provenance = probe.provenance.report()
    judged = (report for observer in probe.observers for report in series_reports(observer))
    series = sorted(
        (_moved_inside(_reseeded(report, provenance)) for report in judged),
        key=lambda r: (SEVERITY.index(r.conclusion.verdict), -r.conclusion.batches),
    )
    conclusion = series[0].conclusion if series else _nothing_seen(probe)
    hints = commented_draws(_places(probe, provenance)) if conclusion.verdict is Verdict.CLEAN_GRID else ()
    loaders = probe.audit.reports() if probe.audit is not None else ()
    of_loaders = [finding for loader in loaders for finding in violations(loader)]
    findings = (*_verdicts(series, provenance, hints), *_flags(probe, series), *of_loaders)
    return Report(
        verdict=conclusion.verdict,
        conclusion=conclusion,
        flags=frozenset(finding.word for finding in findings if isinstance(finding.word, Flag)),
        findings=findings,
        series=tuple(series),
        provenance=provenance if provenance.forwards else None,
        hints=hints,
        notes=(*_notes(probe, provenance), *map(sentence, loaders)),
        loaders=loaders,
        ranks=probe.ranks.sentence if probe.ranks is not None else "",
    )


def _reseeded(report: SeriesReport, provenance: ProvenanceReport) -> SeriesReport:
    """Equal coordinates although each forward had a draw of its own: drawn again, but the same numbers."""
    drawn_each_time = any(source.draws == source.forwards > 1 for source in provenance.sources)
    if report.conclusion.verdict is not Verdict.FROZEN or not drawn_each_time:
        return report
    sentence = f"{report.conclusion.sentence}, although they were drawn anew for each: seeded again each time"
    conclusion = replace(report.conclusion, verdict=Verdict.CYCLING, sentence=sentence, period=1, undecided=())
    return replace(report, conclusion=conclusion)


def _moved_inside(report: SeriesReport) -> SeriesReport:
    """A model that draws and adds to its coordinates by itself: what it is given proves nothing."""
    constant = (Verdict.CLEAN_GRID, Verdict.SUBSET_OF_CLEAN_GRID, Verdict.FROZEN, Verdict.ONCE_PER_EPOCH)
    if report.noise_inside is None or report.conclusion.verdict not in constant:
        return report
    sentence = f"{report.conclusion.sentence}, and the model itself adds noise to them"
    undecided = ("is that noise new each time? watch the part of the model that gets the jittered coordinates",)
    conclusion = replace(report.conclusion, verdict=Verdict.INCONCLUSIVE, sentence=sentence, undecided=undecided)
    return replace(report, conclusion=conclusion)


def _nothing_seen(probe: Probe) -> Conclusion:
    watched = ", ".join(observer.name for observer in probe.observers) or "any model"
    wanted = f"an argument `{probe.argument}`" if isinstance(probe.argument, str) else "coordinates"
    sentence = f"no training forward of {watched} with {wanted} was seen"
    undecided = ("is the watched object what the loop calls, and in training mode?",)
    return Conclusion(Verdict.INCONCLUSIVE, sentence, 0, 0, undecided=undecided)


def _places(probe: Probe, provenance: ProvenanceReport) -> tuple[Site, ...]:
    """Where jitter would be written: around the model's call, and where the coordinates are made."""
    made = (provenance.origin[1],) if provenance.origin else ()
    return (*probe.call_sites, *made)


def _verdicts(series: list[SeriesReport], provenance: ProvenanceReport, hints: tuple[Hint, ...]) -> Iterator[Finding]:
    told = set()
    for report in series:
        key = (report.argument, report.conclusion.verdict)
        if key in told or (report.conclusion.verdict is Verdict.INCONCLUSIVE and report is not series[0]):
            continue
        told.add(key)
        where = tuple(_where(report, provenance, hints))
        closer = _closer(report, provenance)
        conclusion = report.conclusion
        yield Finding(conclusion.verdict, report.argument, conclusion.sentence, describe_values(report), where, closer)


def _closer(report: SeriesReport, provenance: ProvenanceReport) -> Advice | None:
    """Better advice than the verdict's own, where the draws that were followed tell more."""
    verdict = report.conclusion.verdict
    if report.noise_inside is not None and verdict is Verdict.INCONCLUSIVE:
        return NOISE_INSIDE
    once = provenance.sources and all(2 * source.draws <= source.forwards for source in provenance.sources)
    return DRAWN_BEFORE if verdict is Verdict.CYCLING and once and provenance.forwards > 3 else None


def _where(report: SeriesReport, provenance: ProvenanceReport, hints: tuple[Hint, ...]) -> Iterator[str]:
    """The lines to look at."""
    if report.conclusion.verdict is Verdict.CLEAN_GRID:
        yield from (f"commented out at {hint.site}: {hint.text}" for hint in hints)
    noise = report.noise_inside
    if noise is not None:
        yield f"`{noise.operation}` at {noise.site} in {noise.site.function}, inside the model"
    yield from (str(source) for source in provenance.sources)
    if not provenance.sources and provenance.origin is not None:
        operation, site = provenance.origin
        yield f"coordinates made by `{operation}` at {site} in {site.function}; no draw reaches the model"
    elif not provenance.sources and provenance.forwards and ADVICE[report.conclusion.verdict].family is not None:
        yield "the draw was not seen: made before the probe, by NumPy or Python, in a worker, or in compiled code"
    if provenance.call is not None:
        yield f"model called at {provenance.call} in {provenance.call.function}"


def _flags(probe: Probe, series: list[SeriesReport]) -> Iterator[Finding]:
    for report in series:
        for flag in sorted(report.flags, key=lambda flag: flag.value):
            yield Finding(flag, report.argument, report.conclusion.sentence, describe_values(report))
    yield from _evaluation(probe.observers)
    argument = series[0].argument if series else "?"
    if probe.ranks is not None and probe.ranks.duplicated:
        yield Finding(Flag.RANKS_DUPLICATED, argument, probe.ranks.sentence, "")
    if probe.ignored:
        yield Finding(Flag.IGNORED_BY_MODEL, argument, "moving the last sample's coordinates changed no output", "")


def _evaluation(observers: list[Observer]) -> Iterator[Finding]:
    trained = training_units(observers)
    for observer in observers:
        for series in evaluation_series(observer):
            if evaluation_is_jittered(series, trained):
                path = observer.choice.path if observer.choice else "?"
                sentence = f"{len(series.units)} batches in {series.phase.value} had different, off-lattice coordinates"
                yield Finding(Flag.EVAL_JITTER, f"{observer.name}({path})", sentence, str(series.shape))
                break


def _notes(probe: Probe, provenance: ProvenanceReport) -> Iterator[str]:
    yield from probe.notes
    for observer in probe.observers:
        if observer.choice is not None:
            yield f"argument {observer.name}({observer.choice.path}): {observer.choice.reason}"
        if observer.skipped:
            yield f"{observer.skipped} calls of {observer.name} had no such argument"
        if observer.recomputed:
            yield f"{observer.recomputed} recomputed forwards (gradient checkpointing) were not counted"
        forwards = sum(series.forwards for series in evaluation_series(observer))
        if forwards:
            yield f"{forwards} forwards of {observer.name} in evaluation or without gradients are judged apart"
    if not any(observer.choice for observer in probe.observers):
        yield from (f"called without coordinate-like input: {name}({seen})" for name, seen in probe.unseen.items())
