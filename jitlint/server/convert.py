"""From the linter's findings to what the protocol calls diagnostics, edits and hovers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from lsprotocol import types
from pygls.workspace import PositionCodec

from jitlint.diagnostic import Confidence, Diagnostic, Edit, Evidence, Location
from jitlint.report.records import rule_url
from jitlint.rules import find_rule

__all__ = ["Lines", "diagnostic_of", "edit_of", "hover_at", "range_of"]

_SEVERITIES = {
    Confidence.HIGH: types.DiagnosticSeverity.Error,
    Confidence.MEDIUM: types.DiagnosticSeverity.Warning,
    Confidence.LOW: types.DiagnosticSeverity.Information,
}
_CODE = re.compile(r"\bJIT\d{3}\b|(?<=[\[,\"' ])[a-z]+(?:-[a-z]+)+(?=[\],\"' ])")

# The address of the document that evidence lies in, and its lines.
Lines = Callable[[Evidence], tuple[str, Sequence[str]]]


def range_of(location: Location, lines: Sequence[str], codec: PositionCodec) -> types.Range:
    """A location in the units of the client: most count UTF-16."""
    start = types.Position(location.line - 1, location.column - 1)
    end = types.Position(location.end_line - 1, location.end_column - 1)
    return codec.range_to_client_units(list(lines), types.Range(start, end))


def diagnostic_of(item: Diagnostic, lines: Sequence[str], codec: PositionCodec, find: Lines) -> types.Diagnostic:
    """A finding with its evidence as related information and the page of its rule as a link."""
    related = []
    for step in item.evidence:
        address, text = find(step)
        place = types.Location(address, range_of(step.location, text, codec))
        related.append(types.DiagnosticRelatedInformation(place, f"{step.role}: {step.message}"))
    return types.Diagnostic(
        range=range_of(item.location, lines, codec),
        message=item.message[:1].upper() + item.message[1:],
        severity=_SEVERITIES[item.confidence],
        code=item.code,
        code_description=types.CodeDescription(rule_url(item.code)),
        source="jitlint",
        related_information=related or None,
        tags=[types.DiagnosticTag.Unnecessary] if item.code == "JIT001" else None,
        data={"code": item.code, "line": item.location.line, "column": item.location.column},
    )


def edit_of(edit: Edit, lines: Sequence[str], codec: PositionCodec) -> types.TextEdit:
    """One edit of a fix."""
    return types.TextEdit(range_of(edit.location, lines, codec), edit.content)


def hover_at(line: str, character: int) -> types.Hover | None:
    """The page of the rule whose code or name stands in a line under the cursor (counted in code points)."""
    from jitlint.explain import rule_page

    for found in _CODE.finditer(line):
        rule = find_rule(found[0])
        if rule is not None and found.start() <= character <= found.end():
            return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, rule_page(rule)))
    return None
