"""One text with one name: a module, a notebook's code cells joined, or standard input.

`Source.text` is what `ast.parse` gets. Its lines are those of the document (every newline style becomes
`\\n`, so line numbers hold and columns too); the bytes as they are on disk stay in `Source.data`, where
:mod:`jitlint.fixes` does its surgery. This module is on the path of every file that is linted, so it
imports nothing that a plain `.py` does not need.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Literal

from jitlint.diagnostic import Location, Span

__all__ = ["Cell", "Kind", "Source", "UnreadableSource", "decode", "load_source"]

Kind = Literal["python", "notebook", "jupytext", "marimo"]

_BOM = b"\xef\xbb\xbf"
# They decode names of hosts, in time that grows with the square of the text.
_NO_SOURCE_ENCODINGS = frozenset({"idna", "punycode"})


class UnreadableSource(Exception):  # noqa: N818 - it is an answer about the document, not a failure
    """The document has no text to lint: `message` says why and `location` where."""

    def __init__(self, message: str, location: Location) -> None:
        super().__init__(message)
        self.message = message
        self.location = location


@dataclass(frozen=True, slots=True)
class Cell:
    """A code cell of a notebook: its place among all cells (from 1) and its lines in the joined text.

    `indent` is how many columns all its lines stand further left in the text than in the document.
    """

    index: int
    first_line: int
    line_count: int
    indent: int = 0

    @property
    def last_line(self) -> int:
        """The last line of the cell in the joined text."""
        return self.first_line + self.line_count - 1


@dataclass(frozen=True, slots=True)
class Source:
    """A document as the linter reads it.

    `path` is its key, as printed, with `/`. `broken` holds the notebook cells that do not parse by
    themselves, each as message and position; they are blank in `text`. `cells` is empty outside notebooks.
    """

    path: str
    text: str
    kind: Kind
    data: bytes
    broken: tuple[tuple[str, Span], ...] = ()
    cells: tuple[Cell, ...] = ()

    @property
    def lines(self) -> list[str]:
        """The lines of `text`, without their newlines (`str.splitlines` also splits at form feeds)."""
        return self.text.split("\n")

    def cell_at(self, line: int) -> Cell | None:
        """The notebook cell that holds `line` of the joined text; None outside notebooks."""
        at = bisect_right(self.cells, line, key=lambda cell: cell.first_line)
        return self.cells[at - 1] if at else None

    def locate(self, span: Span) -> Location:
        """`span` as a person counts it: characters from 1, and lines from the top of a notebook's cell."""
        column, end_column = span.column, span.end_column
        if not self.text.isascii():
            lines = self.lines
            column = _characters(lines, span.line, column)
            end_column = _characters(lines, span.end_line, end_column)
        cell = self.cell_at(span.line)
        above = cell.first_line - 1 if cell else 0
        if cell is None:
            return Location(span.line, column + 1, span.end_line, end_column + 1)
        first, last = column + 1 + cell.indent, end_column + 1 + cell.indent
        return Location(span.line - above, first, span.end_line - above, last, cell.index)


def load_source(path_key: str, data: bytes) -> Source:
    """Read a document; raises :class:`UnreadableSource` when it has no text to lint."""
    if path_key.endswith(".ipynb"):
        from jitlint.notebook import load_notebook

        return load_notebook(path_key, data)
    text = decode(data)[0]
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if b"@app.cell" in data:
        from jitlint.marimo import is_marimo, joined

        if is_marimo(data):
            return Source(path_key, joined(text), "marimo", data)
    return Source(path_key, text, "jupytext" if _has_percent_cells(data) else "python", data)


def decode(data: bytes) -> tuple[str, str]:
    """The text of a module without its byte-order mark, newlines as they are, and its encoding."""
    if b"\0" in data:
        raise UnreadableSource("source contains null bytes", _location(data, data.index(b"\0")))
    encoding = _encoding(data)
    try:
        return data.removeprefix(_BOM).decode(encoding), encoding
    except UnicodeDecodeError as error:
        skipped = len(_BOM) if data.startswith(_BOM) else 0
        message = f"cannot decode byte 0x{error.object[error.start]:02x} as {encoding}"
        raise UnreadableSource(message, _location(data, error.start + skipped)) from None
    except Exception as error:  # a codec may raise anything
        message = f"cannot decode the text as {encoding}: {error}"
        raise UnreadableSource(message, Location(1, 1, 1, 1)) from None


def _encoding(data: bytes) -> str:
    """The encoding a module declares in its first two lines (PEP 263), else UTF-8."""
    head = data[: _end_of_line(data, _end_of_line(data, 0))]
    if b"coding" not in head:
        return "utf-8"
    head = head.replace(b"\r\n", b"\n").replace(b"\r", b"\n")  # a file may have no other newline than \r
    from io import BytesIO
    from tokenize import detect_encoding

    try:
        name = detect_encoding(BytesIO(head).readline)[0]
        "".encode(name)  # `rot13` and other codecs between texts are no source encodings
    except (SyntaxError, LookupError) as error:
        raise UnreadableSource(str(error), Location(1, 1, 1, 1)) from None
    except ValueError:  # `undefined`
        raise UnreadableSource(f"{name} is not an encoding of source code", Location(1, 1, 1, 1)) from None
    if name in _NO_SOURCE_ENCODINGS:
        raise UnreadableSource(f"{name} is not an encoding of source code", Location(1, 1, 1, 1))
    return name.removesuffix("-sig")


def _end_of_line(data: bytes, start: int) -> int:
    return data.find(b"\n", start) + 1 or len(data)


def _has_percent_cells(data: bytes) -> bool:
    return data.startswith(b"# %%") or b"\n# %%" in data


def _location(data: bytes, offset: int) -> Location:
    line_start = data.rfind(b"\n", 0, offset) + 1
    column = len(data[line_start:offset].removeprefix(_BOM).decode("utf-8", "replace")) + 1
    line = data.count(b"\n", 0, offset) + 1
    return Location(line, column, line, column + 1)


def _characters(lines: list[str], line: int, byte_column: int) -> int:
    return len(lines[line - 1].encode("utf-8", "surrogatepass")[:byte_column].decode("utf-8", "replace"))
