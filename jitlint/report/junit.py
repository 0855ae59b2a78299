"""JUnit XML: one failed test a finding, or one that passed."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from jitlint.diagnostic import Diagnostic
from jitlint.report.view import View, place
from jitlint.visible import visible

__all__ = ["render"]


def render(view: View) -> Iterator[str]:
    """The lines of the report."""
    number = len(view.diagnostics)
    totals = {"name": "jitlint", "tests": str(number or 1), "failures": str(number), "errors": "0"}
    root = Element("testsuites", totals)
    suite = SubElement(root, "testsuite", {**totals, "skipped": "0"})
    for item in view.diagnostics:
        _add_case(suite, item, view)
    if not number:
        SubElement(suite, "testcase", {"name": "nothing found", "classname": "jitlint"})
    indent(root)
    yield '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="unicode")


def _add_case(suite: Element, item: Diagnostic, view: View) -> None:
    where = place(item.path, item.location)
    case = {"name": f"{item.code} {item.name} at {where}", "classname": visible(item.path), "file": visible(item.path)}
    if item.location.cell is None:
        case["line"] = str(item.location.line)
    failure = SubElement(SubElement(suite, "testcase", case), "failure", {"message": visible(item.message)})
    steps = [f"{step.role}: {place(step.path, step.location)}: {visible(step.message)}" for step in item.evidence]
    run = [visible(view.said(item))] if item in view.observed else []
    failure.text = "\n".join([f"{where}: {visible(item.message)}", *run, *steps])
