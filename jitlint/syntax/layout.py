"""Statements as a person sees them: whole lines with the comments that belong to them.

The comment lines directly above a statement, with its indentation, belong to it; so do deeper comment lines
directly below a compound statement. Cell markers and ruler lines (`# %%`, `# -----`) belong to nobody.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from jitlint.syntax.module import Block, Module, first_line, last_line
from jitlint.syntax.text import Declined, TextEdit, apply_edits

__all__ = ["Chunk", "above", "blank_above", "blank_below", "chunk", "group", "removal", "written"]

_MARKER = re.compile(r"#\s?%%|#!|#.*coding[:=]|#\s*[-=#*~]{3,}|#\s*(?:region|endregion)\b|#\s*jitlint: ignore-file")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole lines, from `first` to `last`, that are moved or removed together; `indent` is their block's."""

    first: int
    last: int
    indent: str
    statements: tuple[ast.stmt, ...]


def chunk(module: Module, statement: ast.stmt) -> Chunk:
    """A statement with its comments; declines when it shares a line with another one."""
    module.require_own_lines(statement)
    indent = module.indent(statement)
    last = _last_comment_below(module, statement, len(indent))
    return Chunk(above(module, statement), last, indent, (statement,))


def above(module: Module, statement: ast.stmt) -> int:
    """The first of the comment lines directly above a statement that belong to it, or its own first line."""
    first = first_line(statement)
    top = module.text.region(first)[0]
    indent = module.indent(statement)
    while first > top and _is_comment_line(module, first - 1, lambda found: found == indent):
        first -= 1
    return first


def group(module: Module, chunks: Sequence[Chunk]) -> list[Chunk]:
    """Join chunks between which there is nothing but blank lines."""
    groups: list[Chunk] = []
    for part in chunks:
        if groups and _are_blank(module, groups[-1].last + 1, part.first - 1):
            before = groups.pop()
            part = Chunk(before.first, part.last, before.indent, (*before.statements, *part.statements))
        groups.append(part)
    return groups


def removal(module: Module, part: Chunk) -> TextEdit:
    """Remove a group of one block; `pass` takes its place when the block would be empty."""
    block = module.block(part.statements[0])
    if len(part.statements) == len(block.statements) and not isinstance(block.owner, ast.Module):
        start, end = module.text.start_of(part.first), module.text.end_of(part.last)
        return TextEdit(start, end, f"{part.indent}pass")
    first, last = _with_spare_blank_lines(module, part, block)
    return module.text.without_lines(first, last)


def written(module: Module, part: Chunk, indent: str, changes: Iterable[TextEdit] = ()) -> str:
    """The lines of a chunk at another indentation, after `changes` in it; ends with a newline.

    Lines that begin inside a string stay as they are.
    """
    by_line = _by_line(module, part, changes)
    lines = []
    for number in range(part.first, part.last + 1):
        line, start = module.text.line(number), module.text.start_of(number)
        shifted = [TextEdit(edit.start - start, edit.end - start, edit.content) for edit in by_line.get(number, ())]
        line = apply_edits(line, shifted)
        if number not in module.lines_in_strings and line.startswith(part.indent) and line.strip():
            line = indent + line[len(part.indent) :]
        lines.append(f"{line}\n")
    return "".join(lines)


def _by_line(module: Module, part: Chunk, changes: Iterable[TextEdit]) -> dict[int, list[TextEdit]]:
    """The changes in a chunk by their line; declines when one spans a line's end."""
    found: dict[int, list[TextEdit]] = defaultdict(list)
    for edit in changes:
        line = module.text.line_of(edit.start)
        if edit.end > module.text.end_of(line):
            raise Declined("a change spans several lines")
        if part.first <= line <= part.last:
            found[line].append(edit)
    return found


def blank_above(module: Module, line: int) -> int:
    """How many blank lines stand directly above `line`, within its cell."""
    top = module.text.region(line)[0]
    count = 0
    while line - 1 - count >= top and not module.text.line(line - 1 - count).strip():
        count += 1
    return count


def blank_below(module: Module, line: int) -> int:
    """How many blank lines stand directly below `line`, within its cell."""
    bottom = module.text.region(line)[1]
    count = 0
    while line + 1 + count <= bottom and not module.text.line(line + 1 + count).strip():
        count += 1
    return count


def _with_spare_blank_lines(module: Module, part: Chunk, block: Block) -> tuple[int, int]:
    """The lines to remove: with the group go the blank lines that would double, or stand at an edge of the block."""
    before, after = blank_above(module, part.first), blank_below(module, part.last)
    top, bottom = module.text.region(part.first)
    if part.first - before == top or part.statements[0] is block.statements[0]:
        return part.first, part.last + after
    if part.last + after == bottom or part.statements[-1] is block.statements[-1]:
        return part.first - before, part.last
    return part.first, part.last + min(before, after)


def _last_comment_below(module: Module, statement: ast.stmt, column: int) -> int:
    last = last_line(statement)
    bottom = module.text.region(last)[1]
    if not hasattr(statement, "body"):
        return last
    while last < bottom and _is_comment_line(module, last + 1, lambda found: len(found) > column):
        last += 1
    return last


def _is_comment_line(module: Module, line: int, accept: Callable[[str], bool]) -> bool:
    comment = module.comments.get(line)
    if comment is None or _MARKER.match(comment.text):
        return False
    indent = module.text.line(line)[: comment.column]
    return not indent.strip(" \t") and accept(indent)


def _are_blank(module: Module, first: int, last: int) -> bool:
    if first > last:
        return True
    region = module.text.region(first)
    return region[0] < first and last < region[1] and not "".join(module.text.lines[first - 1 : last]).strip()
