"""The proof of a fix: it is carried out, read again and linted again before anyone hears of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

from jitlint.diagnostic import Candidate, Plan, Uncomment
from jitlint.magics import syntax_error
from jitlint.source import Source, UnreadableSource, load_source
from jitlint.syntax.module import Module
from jitlint.syntax.render import render
from jitlint.syntax.text import Declined, TextEdit

__all__ = ["Check", "fixed_source", "require_gone"]

# The candidates of a changed source, filtered as those that `diagnose` was given.
Check = Callable[[Source], Sequence[Candidate]]

_UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError, UnreadableSource)


def fixed_source(module: Module, plans: Sequence[Plan], edits: Sequence[TextEdit]) -> Source:
    """The source after the edits of `plans`; declines unless it parses, is whole, and has all comments."""
    source = module.source
    try:
        changed = load_source(source.path, render(source, edits))
    except (UnreadableSource, UnicodeError) as error:
        raise Declined(f"the result cannot be read: {error}") from None
    if changed.text == source.text:
        raise Declined("nothing would change")
    if len(changed.broken) > len(source.broken) or syntax_error(changed.text):
        raise Declined("the result does not parse")
    if _comments(module, plans) - _comments(Module(changed)):
        raise Declined("a comment would be lost")
    return changed


def require_gone(
    gone: Sequence[Candidate], before: Sequence[Candidate], old: Source, check: Check, new: Source
) -> None:
    """Decline unless linting the changed source finds what it found `before` without `gone`, or less."""
    try:
        after = [_Trace.of(found, new) for found in check(new)]
    except _UNREADABLE as error:
        raise Declined(f"the result cannot be linted: {error}") from None
    left = [_Trace.of(found, old) for found in before if not any(found is item for item in gone)]
    for test in (_Trace.is_same, _Trace.is_alike):
        for found in list(after):
            match = next((known for known in left if test(found, known)), None)
            if match is not None:
                after.remove(found)
                left.remove(match)
    if after:
        raise Declined(f"{after[0].code} would still be found, or newly")


class _Trace:
    """What of a finding stays when lines move."""

    def __init__(self, code: str, message: str, line: str) -> None:
        self.code = code
        self.message = message
        self.line = line

    @classmethod
    def of(cls, candidate: Candidate, source: Source) -> _Trace:
        lines = source.lines
        at = candidate.span.line - 1
        line = lines[at].strip() if at < len(lines) else ""
        return cls(candidate.code, re.sub(r"\d+", "#", candidate.message), line)

    def is_same(self, other: _Trace) -> bool:
        return self.is_alike(other) and (self.message, self.line) == (other.message, other.line)

    def is_alike(self, other: _Trace) -> bool:
        return self.code == other.code and (self.message == other.message or self.line == other.line)


def _comments(module: Module, plans: Sequence[Plan] = ()) -> Counter[str]:
    """Every comment, apart from those that the plans turn into code."""
    uncommented = [plan for plan in plans if isinstance(plan, Uncomment)]
    gone = {line for plan in uncommented for line in range(plan.first_line, plan.last_line + 1)}
    return Counter(comment.text.rstrip() for line, comment in module.comments.items() if line not in gone)
