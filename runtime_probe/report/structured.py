"""The report as plain data for JSON. The schema's name carries its version; fields are only ever added to it."""

from __future__ import annotations

import math
from typing import Any

from runtime_probe.findings import Finding, Judged, LoaderReport, SeriesReport
from runtime_probe.geometry import Geometry
from runtime_probe.report.text import headline, strip
from runtime_probe.sites import Site
from runtime_probe.traces import ProvenanceReport

SCHEMA = "runtime_probe/report/1"


def to_dict(report: Judged) -> dict[str, object]:
    """Numbers, strings, lists and dicts only; what is unknown is None."""
    return {
        "schema": SCHEMA,
        "verdict": report.verdict.value,
        "period": report.conclusion.period,
        "flags": sorted(flag.value for flag in report.flags),
        "headline": headline(report),
        "sentence": report.conclusion.sentence,
        "undecided": list(report.conclusion.undecided),
        "batches": report.conclusion.batches,
        "epochs": report.conclusion.epochs,
        "borders": report.main.borders if report.main is not None else None,
        "violation": bool(report.violations),
        "findings": [_finding(finding) for finding in report.findings],
        "series": [_series(series) for series in report.series],
        "inputs": [_series(series) for series in report.inputs],
        "provenance": _provenance(report.provenance) if report.provenance is not None else None,
        "hints": [{"text": hint.text, **_site(hint.site)} for hint in report.hints],
        "loaders": [_loader(loader) for loader in report.loaders],
        "ranks": report.ranks or None,
        "notes": list(report.notes),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    advice = finding.advice
    return {
        "code": finding.word.value,
        "family": finding.family.value if finding.family is not None else None,
        "argument": finding.argument,
        "meaning": advice.meaning,
        "seen": finding.sentence,
        "values": finding.values,
        "where": list(finding.where),
        "remedy": advice.remedy,
        "jitlint": list(advice.codes),
    }


def _series(series: SeriesReport) -> dict[str, Any]:
    counters = series.timeline.counters
    return {
        "argument": series.argument,
        "shape": list(series.shape),
        "dtype": series.dtype,
        "phase": series.phase,
        "verdict": series.conclusion.verdict.value,
        "period": series.conclusion.period,
        "batches": counters.batches,
        "epochs": counters.epochs,
        "forwards": series.forwards,
        "repeated_batches": counters.repeated_batches,
        "timeline": strip(series.timeline),
        "geometry": _geometry(series.geometry) if series.geometry is not None else None,
    }


def _loader(loader: LoaderReport) -> dict[str, Any]:
    return {
        "name": loader.name,
        "verdict": loader.verdict.value,
        "flags": sorted(flag.value for flag in loader.flags),
        "evaluation": loader.evaluation,
        "same_across_workers": loader.same_across_workers,
        "same_every_epoch": loader.same_every_epoch,
        "samples": loader.samples,
        "epochs": loader.epochs,
        "draws": list(loader.draws),
    }


def _geometry(geometry: Geometry) -> dict[str, Any]:
    grid = geometry.grid
    return {
        "low": _number(geometry.low),
        "high": _number(geometry.high),
        "std": _number(geometry.std),
        "std_pixels": _number(geometry.std_pixels),
        "change_rate": _number(geometry.change_rate),
        "clean": geometry.clean,
        "grid": None
        if grid is None
        else {
            "sizes": list(grid.sizes),
            "convention": grid.convention,
            "domain": list(grid.domain),
            "order": grid.order,
            "pitch": list(grid.pitch),
        },
    }


def _provenance(provenance: ProvenanceReport) -> dict[str, Any]:
    return {
        "forwards": provenance.forwards,
        "call": _site(provenance.call) if provenance.call else None,
        "origin": {"operation": provenance.origin[0], **_site(provenance.origin[1])} if provenance.origin else None,
        "draws": [
            {
                "operation": source.operation,
                **_site(source.site),
                "caller": _site(source.caller) if source.caller else None,
                "draws": source.draws,
                "forwards": source.forwards,
            }
            for source in provenance.sources
        ],
    }


def _site(site: Site) -> dict[str, Any]:
    return {"file": site.file, "line": site.line, "function": site.function}


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
