"""A code quality report of GitLab."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jitlint.diagnostic import Confidence, Diagnostic
from jitlint.report.fingerprint import fingerprints
from jitlint.report.records import json_text
from jitlint.report.view import View, place
from jitlint.visible import visible

__all__ = ["render"]

_SEVERITIES = {Confidence.HIGH: "major", Confidence.MEDIUM: "minor", Confidence.LOW: "info"}


def render(view: View) -> Iterator[str]:
    """The lines of the report."""
    issues = [
        _issue(item, name, view)
        for item, name in zip(view.diagnostics, fingerprints(view.diagnostics, view.texts), strict=True)
    ]
    yield json_text(issues)


def _issue(item: Diagnostic, name: str, view: View) -> dict[str, Any]:
    """A notebook's finding is on the line of its JSON text; the description names cell and line."""
    at = item.location
    where = f" ({place(item.path, at)})" if at.cell else ""
    run = f" ({visible(view.said(item))})" if item in view.observed else ""
    begin = view.texts.file_line(item.path, at)
    lines = {"begin": begin} if at.cell else {"begin": begin, "end": at.end_line}
    return {
        "description": f"{item.code} {item.name}: {visible(item.message)}{where}{run}",
        "check_name": item.code,
        "fingerprint": name,
        "severity": _SEVERITIES[item.confidence],
        "location": {"path": item.path, "lines": lines},
    }
