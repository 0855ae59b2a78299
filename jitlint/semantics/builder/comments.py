"""The comments of a file that could hold code."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Sequence

from jitlint.semantics.graph import Comment

_COMMENT = re.compile(r"^([ \t]*)#(.*)$", re.MULTILINE)
_TO_THE_END = re.compile(r"#([^\n]*)")


def comments(text: str, long_strings: Sequence[tuple[int, int]]) -> tuple[Comment, ...]:
    """The comments that could hold code, in order: with at least one call-shaped line."""
    inside = {line for first, last in long_strings for line in range(first, last + 1)}
    return tuple(sorted((*_standing_comments(text, inside), *_comments_behind(text, inside))))


def _comments_behind(text: str, inside: Container[int]) -> Iterable[Comment]:
    """The comments behind a bracket or a comma: `Compose([  # Flip(),`."""
    line, position = 1, 0
    for match in _TO_THE_END.finditer(text):
        if "(" not in match[1]:
            continue
        before = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
        line += text.count("\n", position, match.start())
        position = match.start()
        if before.rstrip()[-1:] in ("[", "(", ",") and line not in inside:
            yield Comment(line, len(before.encode()), (match[1],), behind=True)


def _standing_comments(text: str, inside: Container[int]) -> Iterable[Comment]:
    """Runs of lines that hold nothing but a comment."""
    run: list[str] = []
    first = column = previous = 0
    line, position = 1, 0
    for match in _COMMENT.finditer(text):
        line += text.count("\n", position, match.start())
        position = match.start()
        if line in inside:
            continue
        indent = len(match[1])
        if run and (line != previous + 1 or indent != column):
            yield from _comment(first, column, run)
            run = []
        if not run:
            first, column = line, indent
        run.append(match[2])
        previous = line
    if run:
        yield from _comment(first, column, run)


def _comment(first: int, column: int, run: list[str]) -> Iterable[Comment]:
    if any("(" in line for line in run):
        yield Comment(first, column, tuple(run))
