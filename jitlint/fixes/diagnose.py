"""From candidates to diagnostics with fixes that are proven."""

from __future__ import annotations

import ast
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from jitlint.diagnostic import Candidate, Diagnostic, Fix
from jitlint.fixes.apply import changed_lines
from jitlint.fixes.carry_out import edits_of
from jitlint.fixes.locate import Find, located
from jitlint.fixes.looks import Looks
from jitlint.fixes.plans import Plan
from jitlint.fixes.program import Program, first_line
from jitlint.fixes.prove import Check, fixed_source, not_gone
from jitlint.fixes.text import Declined, Text, TextEdit, Unreadable
from jitlint.source import Source

__all__ = ["diagnose"]


def diagnose(
    source: Source,
    candidates: Sequence[Candidate],
    check: Check,
    find: Find = lambda path: None,
    warn: Callable[[str], None] = lambda line: None,
) -> list[Diagnostic]:
    """Locate the candidates of one source and prove their fixes; a candidate without a place is dropped.

    `check` gives the candidates of a changed source, filtered just as `candidates` are. `find` gives the other
    sources that evidence lies in. `warn` is told why a source that can be linted cannot be mended.
    """
    planned = [candidate for candidate in candidates if candidate.fix is not None]
    fixes = _Fixes(source, candidates, check, warn).proven() if planned else {}
    return located(source, candidates, find, fixes)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A fix that is still to be proven, and the lines of the function, or top-level statement, that it is in."""

    candidate: Candidate
    edits: Sequence[TextEdit]
    lines: tuple[int, int]


class _Fixes:
    """The fixes of one source."""

    def __init__(
        self, source: Source, candidates: Sequence[Candidate], check: Check, warn: Callable[[str], None]
    ) -> None:
        self.source = source
        self.candidates = candidates
        self.check = check
        self.warn = warn
        self.program = Program(source)
        self.edits: dict[Plan, Sequence[TextEdit]] = {}

    def proven(self) -> dict[int, Fix]:
        """The proven fixes, by the identity of their candidate."""
        by_place: dict[tuple[int, int], list[_Draft]] = defaultdict(list)
        for draft in self._drafts():
            by_place[draft.lines].append(draft)
        places = [Looks(drafts, self._changed_lines) for drafts in by_place.values()]
        while asked := [(place, group) for place in places if (group := place.next())]:
            right = self._right([group for _, group in asked])
            for number, (place, _) in enumerate(asked):
                place.answer(number in right)
        return {id(draft.candidate): self._fix(draft) for place in places for draft in place.proven}

    def _drafts(self) -> Iterator[_Draft]:
        unreadable: dict[str, None] = {}
        for candidate in self.candidates:
            try:
                if candidate.fix is not None and not self._is_indented(candidate):
                    yield _Draft(candidate, self._edits(candidate.fix.plan), self._lines(candidate))
            except Unreadable as error:
                unreadable[str(error)] = None
            except Declined:
                pass
            except RecursionError:
                unreadable["it is nested too deeply for libcst"] = None
            except Exception as error:  # the finding stands without its fix
                text = " ".join(str(error).split())[:200]
                unreadable[f"internal error: {type(error).__name__}: {text}; please report it with the file"] = None
        for reason in unreadable:
            self.warn(f"{self.source.path}: no fix for some findings: {reason}")

    def _edits(self, plan: Plan) -> Sequence[TextEdit]:
        """The edits of a plan; all draws of one statement have the same plan."""
        if plan not in self.edits:
            self.edits[plan] = sorted(edits_of(self.program, plan))
        return self.edits[plan]

    def _is_indented(self, candidate: Candidate) -> bool:
        """Whether columns differ between the text and the document."""
        cell = self.source.cell_at(candidate.span.line)
        return cell is not None and bool(cell.indent)

    def _lines(self, candidate: Candidate) -> tuple[int, int]:
        functions = self.program.functions_around(candidate.span)
        node: ast.stmt = functions[-1] if functions else self._top_level(candidate.span.line)
        return first_line(node), node.end_lineno or node.lineno

    def _changed_lines(self, draft: _Draft) -> tuple[int, int]:
        return changed_lines(self.program.text, draft.edits)

    def _top_level(self, line: int) -> ast.stmt:
        return self.program.tree.body[max(self.program.top_level(line), 0)]

    def _right(self, groups: Sequence[Sequence[_Draft]]) -> set[int]:
        """Which of the groups, one a function, are right: few looks at the source with all of them, or half of them.

        Where a look finds something, the groups of the same functions are dropped, and that has to be all.
        """
        left = dict(enumerate(groups))
        while left:
            guilty = self._wrong(left)
            if guilty is None:
                break
            if not guilty:
                return set(left)
            left = {number: group for number, group in left.items() if number not in guilty}
        else:
            return set()
        half = len(groups) // 2
        if not half:
            return set()
        return self._right(groups[:half]) | {half + number for number in self._right(groups[half:])}

    def _wrong(self, groups: Mapping[int, Sequence[_Draft]]) -> set[int] | None:
        """The groups that leave or bring findings, by their number; None where it cannot be told which do."""
        drafts = [draft for group in groups.values() for draft in group]
        plans = [draft.candidate.fix.plan for draft in drafts if draft.candidate.fix]
        edits = sorted({edit for draft in drafts for edit in draft.edits})
        try:
            changed = fixed_source(self.program, plans, edits)
            found = not_gone([draft.candidate for draft in drafts], self.candidates, self.source, self.check, changed)
        except Declined:
            return None
        return self._guilty({number: group[0].lines for number, group in groups.items()}, edits, found)

    def _guilty(
        self, places: Mapping[int, tuple[int, int]], edits: Sequence[TextEdit], found: Sequence[Candidate]
    ) -> set[int] | None:
        """The numbers of those in whose lines something is found; None if something lies elsewhere."""
        growth = _Growth(self.source.text, edits)
        text = self.program.text
        ranges = sorted(
            (growth.line(text, first, before=True), growth.line(text, last), number)
            for number, (first, last) in places.items()
        )
        guilty: set[int] = set()
        for candidate in found:
            line = candidate.span.line
            around = {number for first, last, number in ranges if first <= line <= last}
            if not around:
                return None
            guilty |= around
        return guilty

    def _fix(self, draft: _Draft) -> Fix:
        plan = draft.candidate.fix
        assert plan is not None
        edits = tuple(self.program.text.to_edit(edit) for edit in draft.edits)
        return Fix(plan.applicability, plan.message, edits, plan.leaves)


class _Growth:
    """By how many lines the edits of a text move those below them."""

    def __init__(self, text: str, edits: Sequence[TextEdit]) -> None:
        self._starts = [edit.start for edit in edits]
        grown = (edit.content.count("\n") - text.count("\n", edit.start, edit.end) for edit in edits)
        self._sums = [0, *accumulate(grown)]

    def line(self, text: Text, line: int, before: bool = False) -> int:
        """Where the start of a line (or its end) is after the edits."""
        if before:
            return line + self._sums[bisect_left(self._starts, text.start_of(line))]
        return line + self._sums[bisect_right(self._starts, text.end_of(line))]
