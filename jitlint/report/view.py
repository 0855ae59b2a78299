"""What a reporter gets: the findings, the texts they are about, and how wide and colourful the page is."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jitlint.diagnostic import Diagnostic, Location
from jitlint.visible import visible

if TYPE_CHECKING:
    from jitlint.evidence import Observed

__all__ = ["Texts", "View", "place"]


def place(path: str, location: Location) -> str:
    """`train.py:3:5`, or `nb.ipynb:cell 3:2:1` in a notebook; the path as it can be printed."""
    cell = f"cell {location.cell}:" if location.cell else ""
    return f"{visible(path)}:{cell}{location.line}:{location.column}"


@dataclass(frozen=True)
class Texts:
    """The lines of the files that findings are about, read when they are asked for."""

    cwd: str
    changed: Mapping[str, bytes] = field(default_factory=dict)
    _lines: dict[tuple[str, int | None], list[str]] = field(default_factory=dict, compare=False)

    def lines(self, path: str, cell: int | None = None) -> list[str]:
        """The lines of a file, or of one cell of a notebook; empty if it cannot be read any more."""
        if (path, cell) not in self._lines:
            self._lines[path, cell] = self._read(path, cell)
        return self._lines[path, cell]

    def line(self, path: str, location: Location) -> str:
        """The line that a location begins on."""
        lines = self.lines(path, location.cell)
        return lines[location.line - 1] if 0 < location.line <= len(lines) else ""

    def excerpt(self, path: str, location: Location) -> str:
        """The text of a location."""
        lines = self.lines(path, location.cell)[location.line - 1 : location.end_line]
        if lines:
            lines[-1] = lines[-1][: location.end_column - 1]
            lines[0] = lines[0][location.column - 1 :]
        return "\n".join(lines)

    def file_line(self, path: str, location: Location) -> int:
        """The line of the file that a location begins on; in a notebook, that of its JSON text."""
        if location.cell is None:
            return location.line
        from jitlint.report.notebook_lines import line_in_file
        from jitlint.survey import read

        try:
            data = read(os.path.join(self.cwd, path), self.changed)  # noqa: PTH118
        except OSError:
            return 1
        return line_in_file(data, location.cell, location.line)

    def _read(self, path: str, cell: int | None) -> list[str]:
        from jitlint.source import UnreadableSource
        from jitlint.survey import read

        try:
            data = read(os.path.join(self.cwd, path), self.changed)  # noqa: PTH118
            return _cell_lines(path, data, cell) if cell else _module_lines(data)
        except (OSError, UnreadableSource):
            return []


def _module_lines(data: bytes) -> list[str]:
    from jitlint.source import UnreadableSource, decode

    try:
        text = decode(data)[0]
    except UnreadableSource:
        text = data.decode("utf-8", "backslashreplace")
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _cell_lines(path: str, data: bytes, cell: int) -> list[str]:
    """The lines as they are in the notebook, magics and all."""
    from jitlint.notebook import cell_texts

    return cell_texts(data).get(cell, "").split("\n")


@dataclass(frozen=True, slots=True)
class View:
    """One page to write. With evidence of a run, `observed` says what it says of each finding.

    `refuted` are findings that the run disproved: formats that can say so show them, and nothing counts them.
    """

    diagnostics: Sequence[Diagnostic]
    texts: Texts
    width: int = 100
    color: bool = False
    ascii: bool = False
    observed: Mapping[Diagnostic, Observed] = field(default_factory=dict)
    refuted: Sequence[Diagnostic] = ()

    def with_refuted(self) -> list[Diagnostic]:
        """The findings and the refuted ones, in the order of the text."""
        if not self.refuted:
            return list(self.diagnostics)
        return sorted([*self.diagnostics, *self.refuted], key=lambda item: item.sort_key)

    def said(self, item: Diagnostic) -> str:
        """What the run says of a finding; empty without evidence."""
        seen = self.observed.get(item)
        return f"{seen.status.value} by the run: {seen.because}" if seen is not None else ""
