"""A JSON list with one object a finding."""

from __future__ import annotations

from collections.abc import Iterator

from jitlint.report.records import json_text, record, run_record
from jitlint.report.view import View

__all__ = ["render"]


def render(view: View) -> Iterator[str]:
    """The lines of the report."""
    yield json_text([{**record(item), **run_record(item, view)} for item in view.with_refuted()])
