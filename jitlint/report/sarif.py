"""SARIF 2.1.0, with the evidence as code flows and the fixes as replacements."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jitlint import __version__
from jitlint.diagnostic import Confidence, Diagnostic, Edit, Evidence, Fix, Location
from jitlint.report.fingerprint import fingerprints
from jitlint.report.records import json_text, rule_url
from jitlint.report.view import Texts, View, place
from jitlint.rules import Rule, all_rules
from jitlint.visible import visible

__all__ = ["render"]

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Confidence.HIGH: "error", Confidence.MEDIUM: "warning", Confidence.LOW: "note"}
_LINK = re.compile(r"\[([^\]\[]*)\]\(")
_RANKS = {Confidence.HIGH: 90.0, Confidence.MEDIUM: 60.0, Confidence.LOW: 30.0}


def render(view: View) -> Iterator[str]:
    """The lines of the report."""
    rules = all_rules()
    codes = [rule.code for rule in rules]
    found = view.with_refuted()
    names = fingerprints(found, view.texts)
    results = [
        {**_result(item, name, codes, view.texts), **_run(item, view)} for item, name in zip(found, names, strict=True)
    ]
    driver = {
        "name": "jitlint",
        "version": __version__,
        "informationUri": "https://github.com/jitlint/jitlint",
        "rules": [_rule(rule) for rule in rules],
    }
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    yield json_text({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(rule: type[Rule]) -> dict[str, Any]:
    text = inspect.cleandoc(rule.__doc__ or "")
    url = rule_url(rule.code)
    return {
        "id": rule.code,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": text.partition("\n")[0]},
        "fullDescription": {"text": text},
        **({"helpUri": url} if url else {}),
        "defaultConfiguration": {"enabled": rule.default, "level": "warning"},
    }


def _result(item: Diagnostic, name: str, codes: Sequence[str], texts: Texts) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": item.code,
        "ruleIndex": codes.index(item.code) if item.code in codes else -1,
        "level": _LEVELS[item.confidence],
        "rank": _RANKS[item.confidence],
        "message": {"text": _text(item.message)},
        "locations": [_location(item.path, item.location, texts)],
        "partialFingerprints": {"jitlint/v1": name},
    }
    if item.evidence:
        result["codeFlows"] = [{"threadFlows": [{"locations": [_step(step, texts) for step in item.evidence]}]}]
    if item.fix and item.location.cell is None:
        result["fixes"] = [_fix(item.path, item.fix)]
    return result


def _run(item: Diagnostic, view: View) -> dict[str, Any]:
    """What a run says of the finding; a refuted one is suppressed, with the reason."""
    seen = view.observed.get(item)
    if seen is None:
        return {}
    properties = {"run": {"status": seen.status.value, "because": _text(seen.because)}}
    if item not in view.refuted:
        return {"properties": properties}
    suppression = {"kind": "external", "status": "accepted", "justification": _text(view.said(item))}
    return {"properties": properties, "suppressions": [suppression]}


def _step(step: Evidence, texts: Texts) -> dict[str, Any]:
    message = {"text": _text(f"{step.role}: {step.message}")}
    return {"location": {**_location(step.path, step.location, texts), "message": message}, "kinds": [step.role]}


def _location(path: str, location: Location, texts: Texts) -> dict[str, Any]:
    """Regions count the lines of the file, in a notebook those of its JSON; its cell is a logical location in it."""
    artifact = {"artifactLocation": {"uri": _uri(path)}}
    if location.cell is None:
        return {"physicalLocation": {**artifact, "region": _region(location)}}
    cell = {"name": f"cell {location.cell}", "fullyQualifiedName": place(path, location), "kind": "cell"}
    region = {"startLine": texts.file_line(path, location)}
    return {"physicalLocation": {**artifact, "region": region}, "logicalLocations": [cell]}


def _region(location: Location) -> dict[str, int]:
    return {
        "startLine": location.line,
        "startColumn": location.column,
        "endLine": location.end_line,
        "endColumn": location.end_column,
    }


def _fix(path: str, fix: Fix) -> dict[str, Any]:
    change = {"artifactLocation": {"uri": _uri(path)}, "replacements": [_replacement(edit) for edit in fix.edits]}
    return {"description": {"text": f"{fix.message} ({fix.applicability.value})"}, "artifactChanges": [change]}


def _replacement(edit: Edit) -> dict[str, Any]:
    return {"deletedRegion": _region(edit.location), "insertedContent": {"text": edit.content}}


def _uri(path: str) -> str:
    """A relative reference, or a `file:` address for what lies outside the current directory; bytes as they are."""
    quoted = quote(os.fsencode(path))
    if Path(path).is_absolute():
        return f"file://{'' if path.startswith('/') else '/'}{quoted}"
    return quoted


def _text(message: str) -> str:
    """A plain-text message, in which `[words](target)` would be a link."""
    return _LINK.sub(r"\\[\1\\](", visible(message))
