"""The lines of a text after some edits, for showing a fix."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from jitlint.diagnostic import Edit

__all__ = ["DiffLine", "changes", "edited"]


class DiffLine(NamedTuple):
    """One line of a diff: its sign (`-`, `+`, space, or `…` between two places), its number and its text."""

    sign: str
    number: int
    text: str


def edited(lines: Sequence[str], edits: Sequence[Edit]) -> list[str]:
    """The lines after the edits, all of which lie in these lines."""
    text = "\n".join(lines)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    for edit in sorted(edits, key=lambda item: item.location, reverse=True):
        at = edit.location
        start, end = starts[at.line - 1] + at.column - 1, starts[at.end_line - 1] + at.end_column - 1
        text = text[:start] + edit.content + text[end:]
    return text.split("\n")


def changes(before: Sequence[str], after: Sequence[str], context: int = 1) -> Iterator[DiffLine]:
    """What differs, with some lines around; old lines have their old number, the others their new one."""
    groups = difflib.SequenceMatcher(None, before, after, autojunk=False).get_grouped_opcodes(context)
    for index, group in enumerate(groups):
        if index:
            yield DiffLine("…", 0, "")
        for tag, start, end, new_start, new_end in group:
            if tag == "equal":
                yield from (DiffLine(" ", new_start + n + 1, line) for n, line in enumerate(before[start:end]))
            else:
                yield from (DiffLine("-", start + n + 1, line) for n, line in enumerate(before[start:end]))
                yield from (DiffLine("+", new_start + n + 1, line) for n, line in enumerate(after[new_start:new_end]))
