"""Code frames: lines of a text with marks below them, cut to the width of the page."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from jitlint.diagnostic import Location
from jitlint.report.edits import DiffLine
from jitlint.report.style import Style
from jitlint.visible import visible

__all__ = ["Frame", "Mark", "cells"]

_TAB = 4
_NEAR = 2  # so few lines between two marked ones are shown rather than left out


class Mark(NamedTuple):
    """A span and what is to be said of it."""

    location: Location
    role: str
    message: str
    is_primary: bool


class Frame:
    """Draws parts of one text."""

    def __init__(self, lines: Sequence[str], width: int, digits: int, style: Style) -> None:
        self.lines = lines
        self.digits = digits
        self.style = style
        self.room = max(20, width - digits - 3)

    def draw(self, marks: Sequence[Mark]) -> Iterator[str]:
        """The marked lines and those between them, each mark below its line."""
        by_line: dict[int, list[Mark]] = {}
        for mark in _distinct(marks):
            by_line.setdefault(min(max(mark.location.line, 1), max(len(self.lines), 1)), []).append(mark)
        previous = 0
        for line in sorted(by_line):
            yield from self._between(previous, line)
            yield from self._marked(line, by_line[line])
            previous = line

    def diff_line(self, line: DiffLine) -> str:
        """One line of a diff."""
        if line.sign == "…":
            return self.style.dim(f"{self.style.gap:>{self.digits}}")
        text = _cut(_visible(line.text), 0, self.room - 2, self.style.cut)
        number = self.style.dim(f"{line.number:>{self.digits}} {self.style.bar}")
        return f"{number} {self.style.sign(line.sign, f'{line.sign} {text}'.rstrip())}"

    # ------------------------------------------------------------------------------------------- lines

    def _between(self, previous: int, line: int) -> Iterator[str]:
        if not previous:
            return
        if line - previous - 1 > _NEAR:
            yield self.style.dim(f"{self.style.gap:>{self.digits}}")
            return
        for number in range(previous + 1, line):
            yield self._numbered(number, self.style.dim(_cut(self._text(number), 0, self.room, self.style.cut)))

    def _marked(self, line: int, marks: Sequence[Mark]) -> Iterator[str]:
        text = self._text(line)
        start = self._window(line, text, marks)
        yield self._numbered(line, _cut(text, start, self.room, self.style.cut))
        for mark in marks:
            yield from self._below(mark, line, start)

    def _window(self, line: int, text: str, marks: Sequence[Mark]) -> int:
        """The first cell that is shown: 0, unless a mark would lie beyond the right edge."""
        if cells(text) <= self.room:
            return 0
        first = min(self._column(line, mark.location.column) for mark in marks)
        last = max(self._end(line, mark) for mark in marks)
        return 0 if last <= self.room else max(0, min(first - 8, cells(text) - self.room))

    def _below(self, mark: Mark, line: int, start: int) -> Iterator[str]:
        """The underline, and the words behind it or, where they do not fit, below it."""
        first = max(self._column(line, mark.location.column) - start, 0)
        length = max(1, min(self._end(line, mark) - start, self.room) - first)
        first = min(first, self.room - 1)
        underline = self.style.underline(length, is_primary=mark.is_primary)
        words = visible(f"{mark.role}: {mark.message}" if mark.role else mark.message)
        drawn = " " * first + self.style.role(mark.role, underline)
        if first + length + 1 + cells(words) <= self.room:
            yield self._numbered(0, f"{drawn} {self.style.role(mark.role, words)}".rstrip())
            return
        yield self._numbered(0, drawn)
        indent = max(0, min(first, self.room - min(cells(words), 2 * self.room // 3)))
        for part in textwrap.wrap(words, self.room - indent):
            yield self._numbered(0, " " * indent + self.style.role(mark.role, part))

    def _numbered(self, number: int, text: str) -> str:
        label = f"{number or '':>{self.digits}} {self.style.bar}"
        return f"{self.style.dim(label)} {text}".rstrip()

    # ------------------------------------------------------------------------------------------ columns

    def _raw(self, line: int) -> str:
        return self.lines[line - 1] if 0 < line <= len(self.lines) else ""

    def _text(self, line: int) -> str:
        return _visible(self._raw(line))

    def _column(self, line: int, column: int) -> int:
        """The cell in which a character column begins."""
        return cells(_visible(self._raw(line)[: column - 1]))

    def _end(self, line: int, mark: Mark) -> int:
        """The cell behind a mark's last character on its first line."""
        at = mark.location
        if at.end_line > at.line:
            return cells(self._text(line).rstrip())
        return self._column(line, at.end_column)


def _distinct(marks: Sequence[Mark]) -> list[Mark]:
    """The marks, but what two findings say of one line in the same words once: the primary one, or the first."""
    chosen: dict[tuple[int, str, str], Mark] = {}
    for mark in marks:
        key = mark.location.line, mark.role, mark.message
        if key not in chosen or (mark.is_primary and not chosen[key].is_primary):
            chosen[key] = mark
    return list(chosen.values())


def cells(text: str) -> int:
    """How many columns of a terminal a text takes."""
    return len(text) if text.isascii() else sum(map(_cell, text))


def _cell(character: str) -> int:
    if unicodedata.combining(character) or character in "\u200b\u200c\u200d\ufe0f":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _visible(text: str) -> str:
    """Tabs as spaces, and no character that would steer the terminal."""
    return visible(text if text.isprintable() else text.replace("\t", " " * _TAB))


def _cut(text: str, start: int, room: int, mark: str) -> str:
    """The cells of a text from `start` on, with a mark where something is cut off."""
    if not start and cells(text) <= room:
        return text
    kept, at, used = [], 0, 0
    for character in text:
        size = _cell(character)
        if at >= start and used + size <= room:
            kept.append(character)
            used += size
        at += size
    if start and kept:
        kept[0] = mark
    if start + room < at and kept:
        kept[-1] = mark
    return "".join(kept)
