"""Findings as plain records: what `--format json` prints and other machine formats build on."""

from __future__ import annotations

import json
from typing import Any

from jitlint.diagnostic import Diagnostic, Evidence, Fix, Location
from jitlint.report.view import View
from jitlint.rules import find_rule, is_own
from jitlint.visible import visible

__all__ = ["json_text", "location_record", "record", "rule_url", "run_record"]

_DOCS = "https://github.com/jitlint/jitlint/blob/main/docs"


def json_text(value: Any) -> str:
    """JSON, indented, as valid UTF-8 in which no character is invisible; a lone surrogate becomes U+FFFD."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    if text.isascii() and "\x7f" not in text:
        return text
    return "".join(item if item.isprintable() or item == "\n" else _json_escape(item) for item in text)


def rule_url(code: str) -> str:
    """The page that explains a rule, or what only a run saw; for a plugin's, what it says itself, or an empty text."""
    if code.startswith("RUN"):
        return f"{_DOCS}/evidence.md"
    rule = find_rule(code)
    return f"{_DOCS}/rules/{code}.md" if rule is None or is_own(rule) else rule.url


def record(item: Diagnostic) -> dict[str, Any]:
    """One finding; lines and columns count from 1, the end is exclusive, `cell` is None outside notebooks."""
    return {
        "code": item.code,
        "name": item.name,
        "message": visible(item.message),
        "path": item.path,
        **location_record(item.location),
        "confidence": item.confidence.label,
        "evidence": [_evidence(step) for step in item.evidence],
        "fix": _fix(item.fix) if item.fix else None,
        "url": rule_url(item.code),
    }


def run_record(item: Diagnostic, view: View) -> dict[str, Any]:
    """What a run says of a finding, if there is evidence of one."""
    seen = view.observed.get(item)
    return {"run": {"status": seen.status.value, "because": visible(seen.because)}} if seen is not None else {}


def location_record(location: Location) -> dict[str, int | None]:
    """A location's fields by name."""
    return {
        "line": location.line,
        "column": location.column,
        "end_line": location.end_line,
        "end_column": location.end_column,
        "cell": location.cell,
    }


def _evidence(step: Evidence) -> dict[str, Any]:
    return {"role": step.role, "path": step.path, **location_record(step.location), "message": visible(step.message)}


def _fix(fix: Fix) -> dict[str, Any]:
    return {
        "applicability": fix.applicability.value,
        "message": fix.message,
        "edits": [{**location_record(edit.location), "content": edit.content} for edit in fix.edits],
    }


def _json_escape(character: str) -> str:
    if "\ud800" <= character <= "\udfff":
        return "\ufffd"
    return json.dumps(character)[1:-1] if character != "\x7f" else "\\u007f"
