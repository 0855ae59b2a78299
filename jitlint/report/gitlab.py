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
    issues = [_issue(item, name) for item, name in zip(view.diagnostics, fingerprints(view), strict=True)]
    yield json_text(issues)


def _issue(item: Diagnostic, name: str) -> dict[str, Any]:
    """The lines of a cell mean nothing to GitLab, so a notebook's place is told in words."""
    at = item.location
    where = f" ({place(item.path, at)})" if at.cell else ""
    lines = {"begin": 1} if at.cell else {"begin": at.line, "end": at.end_line}
    return {
        "description": f"{item.code} {item.name}: {visible(item.message)}{where}",
        "check_name": item.code,
        "fingerprint": name,
        "severity": _SEVERITIES[item.confidence],
        "location": {"path": item.path, "lines": lines},
    }
