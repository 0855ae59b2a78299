"""A JSON list with one object a finding."""

from __future__ import annotations

import json
from collections.abc import Iterator

from jitlint.report.records import record
from jitlint.report.view import View

__all__ = ["render"]


def render(view: View) -> Iterator[str]:
    """The lines of the report."""
    yield json.dumps([record(item) for item in view.diagnostics], indent=2, ensure_ascii=False)
