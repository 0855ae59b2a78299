"""The proof of a fix: it is carried out, read again and linted again before anyone hears of it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jitlint.diagnostic import Candidate
from jitlint.fixes.plans import ChangeComment, Plan, Several, Uncomment
from jitlint.fixes.program import Program, comments_of
from jitlint.fixes.render import render
from jitlint.fixes.text import Declined, TextEdit
from jitlint.magics import syntax_error
from jitlint.source import Source, UnreadableSource, load_source

__all__ = ["Check", "fixed_source", "not_gone"]

# The candidates of a changed source, filtered as those that `diagnose` was given.
Check = Callable[[Source], Sequence[Candidate]]

_UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError, UnreadableSource)


def fixed_source(program: Program, plans: Sequence[Plan], edits: Sequence[TextEdit]) -> Source:
    """The source after the edits of `plans`; declines unless it parses, is whole, and has all comments."""
    source = program.source
    try:
        changed = load_source(source.path, render(source, edits))
    except (UnreadableSource, UnicodeError) as error:
        raise Declined(f"the result cannot be read: {error}") from None
    if changed.text == source.text:
        raise Declined("nothing would change")
    if len(changed.broken) > len(source.broken) or syntax_error(changed.text):
        raise Declined("the result does not parse")
    if _comments(program, plans) - Counter(comment for _, comment in comments_of(changed.text)):
        raise Declined("a comment would be lost")
    return changed


def not_gone(
    gone: Sequence[Candidate], before: Sequence[Candidate], old: Source, check: Check, new: Source
) -> list[Candidate]:
    """What linting the changed source finds that was not found `before`, or that should be `gone`.

    A fix that says it leaves something may leave a finding of its rule, if that says something else than before.
    """
    try:
        found = list(check(new))
    except _UNREADABLE as error:
        raise Declined(f"the result cannot be linted: {error}") from None
    fixed = {id(candidate) for candidate in gone}
    known = _traces([candidate for candidate in before if id(candidate) not in fixed], old)
    after = _traces(found, new)
    for key in (_Trace.whole, _Trace.with_message, _Trace.with_line):
        after, known = _unmatched(after, known, key)
    halves = {(item.code, _message(item)) for item in gone if item.fix and item.fix.leaves}
    codes = {code for code, _ in halves}
    return [
        trace.candidate
        for trace in after
        if trace.candidate.code not in codes or (trace.candidate.code, trace.message) in halves
    ]


@dataclass(frozen=True, slots=True)
class _Trace:
    """What of a finding stays when lines move."""

    candidate: Candidate
    message: str
    line: str

    def whole(self) -> tuple[str, ...]:
        return self.candidate.code, self.message, self.line

    def with_message(self) -> tuple[str, ...]:
        return self.candidate.code, self.message

    def with_line(self) -> tuple[str, ...]:
        return self.candidate.code, "", self.line


def _traces(candidates: Sequence[Candidate], source: Source) -> list[_Trace]:
    lines = source.lines
    return [_Trace(item, _message(item), _line(lines, item.span.line)) for item in candidates]


def _message(candidate: Candidate) -> str:
    """The message without its numbers, which count lines that move."""
    return re.sub(r"\d+", "#", candidate.message)


def _line(lines: Sequence[str], number: int) -> str:
    return lines[number - 1].strip() if number <= len(lines) else ""


def _unmatched(
    after: Sequence[_Trace], before: Sequence[_Trace], key: Callable[[_Trace], tuple[str, ...]]
) -> tuple[list[_Trace], list[_Trace]]:
    """Those of both that have no partner with the same key in the other."""
    waiting: dict[tuple[str, ...], list[_Trace]] = defaultdict(list)
    for trace in before:
        waiting[key(trace)].append(trace)
    left = [trace for trace in after if not (waiting[key(trace)] and waiting[key(trace)].pop())]
    return left, [trace for traces in waiting.values() for trace in traces]


def _comments(program: Program, plans: Sequence[Plan]) -> Counter[str]:
    """Every comment, apart from those that the plans are about."""
    each = [one for plan in plans for one in (plan.plans if isinstance(plan, Several) else (plan,))]
    uncommented = [plan for plan in each if isinstance(plan, Uncomment)]
    gone = {line for plan in uncommented for line in range(plan.first_line, plan.last_line + 1)}
    gone |= {plan.line for plan in each if isinstance(plan, ChangeComment)}
    return Counter(comment for line, comment in program.comments.items() if line not in gone)
