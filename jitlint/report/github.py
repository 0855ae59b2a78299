"""Annotations of GitHub Actions: workflow commands on standard output."""

from __future__ import annotations

from collections.abc import Iterator

from jitlint.diagnostic import Confidence, Diagnostic
from jitlint.report.view import View, place
from jitlint.visible import visible

__all__ = ["render"]

_LEVELS = {Confidence.HIGH: "error", Confidence.MEDIUM: "warning", Confidence.LOW: "notice"}


def render(view: View) -> Iterator[str]:
    """The lines of the report."""
    for item in view.diagnostics:
        yield f"::{_LEVELS[item.confidence]} {_properties(item, view)}::{_escaped(_message(item, view))}"


def _properties(item: Diagnostic, view: View) -> str:
    """A notebook is annotated on the line of its JSON text; the message names cell and line."""
    values = {"title": f"{item.code} ({item.name})", "file": visible(item.path)}
    at = item.location
    if at.cell is not None:
        values |= {"line": str(view.texts.file_line(item.path, at))}
    else:
        values |= {"line": str(at.line), "endLine": str(at.end_line)}
        if at.line == at.end_line:  # columns of several lines are refused
            values |= {"col": str(at.column), "endColumn": str(at.end_column)}
    return ",".join(f"{key}={_escaped_property(value)}" for key, value in values.items())


def _message(item: Diagnostic, view: View) -> str:
    steps = [f"{step.role}: {place(step.path, step.location)}: {visible(step.message)}" for step in item.evidence]
    run = [visible(view.said(item))] if item in view.observed else []
    return "\n".join([f"{place(item.path, item.location)}: {visible(item.message)}", *run, *steps])


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escaped_property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
