"""Where candidates and their evidence are, as a person counts lines and columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from jitlint.diagnostic import Candidate, Diagnostic, Evidence, Fix, Location, Span
from jitlint.rules import find_rule
from jitlint.source import Source

__all__ = ["Find", "located"]

# The other sources of the project, by path: a draw may lie in a helper's file.
Find = Callable[[str], Source | None]


def located(
    source: Source, candidates: Sequence[Candidate], find: Find, fixes: Mapping[int, Fix] = MappingProxyType({})
) -> list[Diagnostic]:
    """The candidates as diagnostics, with fixes by the identity of their candidate; without a place they are dropped.

    `find` gives the other sources that evidence lies in.
    """
    places = _Places(source, find)
    found = (places.diagnostic(candidate, fixes.get(id(candidate))) for candidate in candidates)
    return [diagnostic for diagnostic in found if diagnostic is not None]


class _Places:
    """The sources that places lie in, each read once."""

    def __init__(self, source: Source, find: Find) -> None:
        self.source = source
        self.find = find
        self._read: dict[str, tuple[Source, list[str]] | None] = {source.path: (source, source.lines)}

    def diagnostic(self, candidate: Candidate, fix: Fix | None) -> Diagnostic | None:
        """The candidate as a diagnostic, or None when its source has no such place."""
        location = self._locate(self.source.path, candidate.span)
        if location is None:
            return None
        rule = find_rule(candidate.code)
        return Diagnostic(
            code=candidate.code,
            name=rule.name if rule else candidate.code.lower(),
            message=candidate.message,
            path=candidate.path,
            location=location,
            confidence=candidate.confidence,
            evidence=tuple(self._evidence(candidate)),
            fix=fix,
        )

    def _evidence(self, candidate: Candidate) -> list[Evidence]:
        found = ((trace, self._locate(trace.path, trace.span)) for trace in candidate.evidence)
        return [Evidence(trace.role, trace.path, place, trace.message) for trace, place in found if place is not None]

    def _locate(self, path: str, span: Span) -> Location | None:
        if path not in self._read:
            source = self.find(path)
            self._read[path] = (source, source.lines) if source else None
        known = self._read[path]
        if known is None:
            return Location(span.line, span.column + 1, span.end_line, span.end_column + 1)
        source, lines = known
        if not 1 <= span.line <= span.end_line <= len(lines):
            return None
        if span.column > len(lines[span.line - 1].encode()) or span.end_column > len(lines[span.end_line - 1].encode()):
            return None
        return source.locate(span)
