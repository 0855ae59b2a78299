"""From candidates to diagnostics: positions as a person counts them, and fixes that are proven."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from jitlint.diagnostic import Candidate, Diagnostic, Evidence, Fix, Location, Span
from jitlint.rules import find_rule
from jitlint.source import Source
from jitlint.syntax.module import Module
from jitlint.syntax.plans import edits_of
from jitlint.syntax.proof import Check, fixed_source, require_gone
from jitlint.syntax.text import Declined, TextEdit

__all__ = ["Find", "diagnose"]

# The other sources of the project, by path: a draw may lie in a helper's file.
Find = Callable[[str], Source | None]


def diagnose(
    source: Source, candidates: Sequence[Candidate], check: Check, find: Find = lambda path: None
) -> list[Diagnostic]:
    """Locate the candidates of one source and prove their fixes; a candidate without a place is dropped.

    `check` gives the candidates of a changed source, filtered just as `candidates` are. `find` gives the other
    sources that evidence lies in.
    """
    diagnosis = _Diagnosis(source, candidates, check, find)
    fixes = diagnosis.fixes()
    located = (diagnosis.diagnostic(candidate, fixes.get(id(candidate))) for candidate in candidates)
    return [diagnostic for diagnostic in located if diagnostic is not None]


@dataclass(frozen=True, slots=True)
class _Draft:
    """A fix that is still to be proven."""

    candidate: Candidate
    edits: Sequence[TextEdit]


class _Diagnosis:
    """What the diagnostics of one source share: its syntax tree, parsed when the first fix asks for it."""

    def __init__(self, source: Source, candidates: Sequence[Candidate], check: Check, find: Find) -> None:
        self.source = source
        self.candidates = candidates
        self.check = check
        self.find = find
        self.module: Module | None = None

    def fixes(self) -> dict[int, Fix]:
        """The proven fixes, by the identity of their candidate."""
        drafts = [draft for candidate in self.candidates if (draft := self._draft(candidate))]
        proven = (draft for batch in self._batches(drafts) for draft in self._proven(batch))
        return {id(draft.candidate): self._fix(draft) for draft in proven}

    def diagnostic(self, candidate: Candidate, fix: Fix | None) -> Diagnostic | None:
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
            fix=fix,
        )

    def _evidence(self, candidate: Candidate) -> tuple[Evidence, ...]:
        found = []
        for trace in candidate.evidence:
            source = self.source if trace.path == self.source.path else self.find(trace.path)
            location = _locate(source, trace.span) if source else _as_it_is(trace.span)
            if location is not None:
                found.append(Evidence(trace.role, trace.path, location, trace.message))
        return tuple(found)

    # ------------------------------------------------------------------------------------------- fixes

    def _draft(self, candidate: Candidate) -> _Draft | None:
        cell = self.source.cell_at(candidate.span.line)
        if candidate.fix is None or (cell is not None and cell.indent):
            return None  # in an indented cell, columns differ between the text and the document
        try:
            self.module = self.module or Module(self.source)
            return _Draft(candidate, sorted(edits_of(self.module, candidate.fix.plan)))
        except Declined:
            return None

    def _batches(self, drafts: Sequence[_Draft]) -> Iterator[list[_Draft]]:
        """The drafts in groups that can be proven by one look at the changed source: one a function.

        A proof lints the whole part again. In one function a fix might hide what another brings, so two of
        them are never proven together.
        """
        by_scope: dict[object, list[_Draft]] = defaultdict(list)
        for draft in drafts:
            by_scope[self._scope(draft)].append(draft)
        for batch in zip_longest(*by_scope.values()):
            yield [draft for draft in batch if draft is not None]

    def _scope(self, draft: _Draft) -> object:
        assert self.module is not None
        try:
            return self.module.scope(self.module.statement_around(draft.candidate.span))
        except Declined:
            return self.module.tree

    def _proven(self, batch: list[_Draft]) -> list[_Draft]:
        """Those of the drafts that are right; halves a batch that is not."""
        assert self.module is not None
        plans = [draft.candidate.fix.plan for draft in batch if draft.candidate.fix]
        edits = sorted(edit for draft in batch for edit in draft.edits)
        try:
            changed = fixed_source(self.module, plans, edits)
            require_gone([draft.candidate for draft in batch], self.candidates, self.source, self.check, changed)
            return batch
        except Declined:
            half = len(batch) // 2
            return self._proven(batch[:half]) + self._proven(batch[half:]) if half else []

    def _fix(self, draft: _Draft) -> Fix:
        assert self.module is not None
        plan = draft.candidate.fix
        assert plan is not None
        return Fix(plan.applicability, plan.message, tuple(self.module.text.to_edit(edit) for edit in draft.edits))


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
