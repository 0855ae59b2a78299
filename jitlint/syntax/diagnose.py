"""From candidates to diagnostics: positions as a person counts them, and fixes that are proven."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from jitlint.diagnostic import Candidate, Diagnostic, Evidence, Fix, FixPlan, Location, Span
from jitlint.rules import find_rule
from jitlint.source import Source
from jitlint.syntax.module import Module
from jitlint.syntax.plans import edits_of
from jitlint.syntax.proof import Check, fixed_source, require_gone
from jitlint.syntax.text import Declined

__all__ = ["Find", "diagnose"]

# The other sources of the project, by path: a draw may lie in a helper's file.
Find = Callable[[str], Source | None]


def diagnose(
    source: Source, candidates: Sequence[Candidate], check: Check, find: Find = lambda path: None
) -> list[Diagnostic]:
    """Locate the candidates of one source and prove their fixes; a candidate without a place is dropped.

    `check` gives the candidates of a changed source, filtered just as `candidates` are; it is called at most
    once a fix. `find` gives the other sources that evidence lies in.
    """
    diagnosis = _Diagnosis(source, candidates, check, find)
    located = (diagnosis.diagnostic(candidate) for candidate in candidates)
    return [diagnostic for diagnostic in located if diagnostic is not None]


class _Diagnosis:
    """What the diagnostics of one source share: its syntax tree, parsed when the first fix asks for it."""

    def __init__(self, source: Source, candidates: Sequence[Candidate], check: Check, find: Find) -> None:
        self.source = source
        self.candidates = candidates
        self.check = check
        self.find = find
        self.module: Module | None = None

    def diagnostic(self, candidate: Candidate) -> Diagnostic | None:
        location = _locate(self.source, candidate.span)
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
            evidence=self._evidence(candidate),
            fix=self._fix(candidate, candidate.fix) if candidate.fix else None,
        )

    def _evidence(self, candidate: Candidate) -> tuple[Evidence, ...]:
        found = []
        for trace in candidate.evidence:
            source = self.source if trace.path == self.source.path else self.find(trace.path)
            location = _locate(source, trace.span) if source else _as_it_is(trace.span)
            if location is not None:
                found.append(Evidence(trace.role, trace.path, location, trace.message))
        return tuple(found)

    def _fix(self, candidate: Candidate, plan: FixPlan) -> Fix | None:
        cell = self.source.cell_at(candidate.span.line)
        if cell is not None and cell.indent:
            return None  # columns differ between the text and the document
        try:
            self.module = self.module or Module(self.source)
            edits = sorted(edits_of(self.module, plan.plan))
            changed = fixed_source(self.module, plan.plan, edits)
            require_gone(candidate, self.candidates, self.source, self.check, changed)
            return Fix(plan.applicability, plan.message, tuple(self.module.text.to_edit(edit) for edit in edits))
        except Declined:
            return None


def _locate(source: Source, span: Span) -> Location | None:
    """The location of a span, or None when the source has no such place."""
    lines = source.lines
    if not 1 <= span.line <= span.end_line <= len(lines):
        return None
    if span.column > len(lines[span.line - 1].encode()) or span.end_column > len(lines[span.end_line - 1].encode()):
        return None
    return source.locate(span)


def _as_it_is(span: Span) -> Location:
    return Location(span.line, span.column + 1, span.end_line, span.end_column + 1)
