"""Offsets, lines and edits in the text of a source."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from jitlint.diagnostic import Edit, Location, Span
from jitlint.source import Source

__all__ = ["Declined", "Text", "TextEdit", "Unreadable", "apply_edits"]


class Declined(Exception):  # noqa: N818 - no failure: there is no fix that is surely right
    """The plan cannot be carried out for certain; the message says why."""


class Unreadable(Declined):
    """The text has no concrete tree; the message says why."""


@dataclass(frozen=True, slots=True, order=True)
class TextEdit:
    """Replace the characters from `start` to `end` of a source's text by `content`."""

    start: int
    end: int
    content: str


def apply_edits(text: str, edits: Iterable[TextEdit]) -> str:
    """`text` with all edits made; declines when two of them overlap."""
    parts: list[str] = []
    position = 0
    for edit in sorted(edits):
        if edit.start < position:
            raise Declined("two edits overlap")
        parts += (text[position : edit.start], edit.content)
        position = edit.end
    return "".join((*parts, text[position:]))


class Text:
    """The text of one source by offset, by line, and by `ast` position. Lines count from 1."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.text = source.text
        self.lines = source.lines

    @cached_property
    def _starts(self) -> list[int]:
        starts, position = [], 0
        for line in self.lines:
            starts.append(position)
            position += len(line) + 1
        return starts

    def line(self, number: int) -> str:
        """The line without its newline."""
        return self.lines[number - 1]

    def start_of(self, line: int) -> int:
        """The offset of the first character of a line."""
        return self._starts[line - 1]

    def end_of(self, line: int) -> int:
        """The offset after the last character of a line, before its newline."""
        return self.start_of(line) + len(self.line(line))

    def offset(self, line: int, byte_column: int) -> int:
        """The offset of an `ast` position."""
        text = self.line(line)
        if text.isascii():
            return self.start_of(line) + byte_column
        return self.start_of(line) + len(text.encode()[:byte_column].decode())

    def range(self, span: Span) -> tuple[int, int]:
        """The offsets of a span."""
        return self.offset(span.line, span.column), self.offset(span.end_line, span.end_column)

    def region(self, line: int) -> tuple[int, int]:
        """The first and last line of the cell that holds `line`, or of the whole text."""
        cell = self.source.cell_at(line)
        return (cell.first_line, cell.last_line) if cell else (1, len(self.lines))

    def to_edit(self, edit: TextEdit) -> Edit:
        """The edit as a person counts it; declines when it does not lie within one cell."""
        start, end = self._position(edit.start), self._position(edit.end)
        cell = self.source.cell_at(start[0])
        if cell != self.source.cell_at(end[0]):
            raise Declined("the change does not lie within one cell")
        above = cell.first_line - 1 if cell else 0
        index = cell.index if cell else None
        return Edit(Location(start[0] - above, start[1], end[0] - above, end[1], index), edit.content)

    def from_edit(self, edit: Edit) -> TextEdit:
        """The inverse of :meth:`to_edit`."""
        where = edit.location
        above = next((cell.first_line - 1 for cell in self.source.cells if cell.index == where.cell), 0)
        start = self.start_of(where.line + above) + where.column - 1
        return TextEdit(start, self.start_of(where.end_line + above) + where.end_column - 1, edit.content)

    def line_of(self, offset: int) -> int:
        """The line that holds the character at `offset`."""
        return bisect_right(self._starts, offset)

    def _position(self, offset: int) -> tuple[int, int]:
        line = self.line_of(offset)
        return line, offset - self.start_of(line) + 1
