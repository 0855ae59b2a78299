"""The lines between statements: which comments belong to the statement below, and where blank lines are left.

libcst gives all lines above a statement to it. The comment lines directly above it, with its indentation, are its
own and go where it goes. Blank lines, the comments above those, and cell markers and rulers (`# %%`, `# -----`) stay.
"""

from __future__ import annotations

import re
from collections.abc import Container, Sequence

import libcst as cst

__all__ = ["CELL", "Lines", "Statement", "blank_above", "split", "with_lines", "without"]

Statement = cst.SimpleStatementLine | cst.BaseCompoundStatement
Lines = tuple[cst.EmptyLine, ...]

CELL = "# %% [the next cell]"  # stands between the cells of a notebook
_MARKER = re.compile(r"#\s?%%|#!|#.*coding[:=]|#\s*[-=#*~]{3,}|#\s*(?:region|endregion)\b|#\s*jitlint: ignore-file")


def split(statement: Statement) -> tuple[Lines, Lines]:
    """The lines above a statement: those that stay where they are, and those that are its own."""
    lines = tuple(statement.leading_lines)
    count = len(lines)
    while count and _is_own(lines[count - 1]):
        count -= 1
    return lines[:count], lines[count:]


def with_lines(statement: Statement, lines: Sequence[cst.EmptyLine]) -> Statement:
    """The statement with other lines above it."""
    return statement.with_changes(leading_lines=tuple(lines))


def blank_above(lines: Lines) -> int:
    """How many of the lines are blank at their end."""
    count = 0
    while count < len(lines) and lines[-1 - count].comment is None:
        count += 1
    return count


def without(
    statements: Sequence[Statement], gone: Container[Statement], is_top: bool, is_end: bool, keeps_own: bool = False
) -> tuple[list[Statement], Lines]:
    """The statements that are left of a block, and the lines left below the last of them.

    Blank lines that would double go, and those at the edge of a block or cell. `is_top` and `is_end`: the block
    begins, or ends, the text. `keeps_own`: the comments of what is gone stay as well.
    """
    kept: list[Statement] = []
    pending: Lines | None = None
    for number, statement in enumerate(statements):
        above = tuple(statement.leading_lines) if keeps_own else split(statement)[0]
        if statement not in gone:
            if pending is not None:
                ends = is_end and number == len(statements) - 1
                statement = with_lines(statement, _joined(pending, statement.leading_lines, is_top, ends))
            kept.append(statement)
            pending, is_top = None, False
        elif pending is None:
            pending = above
        elif blank_above(above) < len(above):
            pending = _joined(pending, above, is_top, False)
    return kept, pending or ()


def _joined(above: Lines, below: Sequence[cst.EmptyLine], is_top: bool, is_end: bool) -> Lines:
    """The lines above and below something that is gone."""
    lines = tuple(below)
    over, under = blank_above(above), blank_above(lines[::-1])
    if is_top or (above[: len(above) - over][-1:] and _is_cell(above[len(above) - over - 1])):
        return (*above, *lines[under:])
    if (is_end and under == len(lines)) or (under < len(lines) and _is_cell(lines[under])):
        return (*above[: len(above) - over], *lines)
    return (*above, *lines[min(over, under) :])


def _is_own(line: cst.EmptyLine) -> bool:
    comment = line.comment
    return comment is not None and line.indent and not line.whitespace.value and not _MARKER.match(comment.value)


def _is_cell(line: cst.EmptyLine) -> bool:
    return line.comment is not None and line.comment.value == CELL
