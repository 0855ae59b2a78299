"""Notebooks (`.ipynb`, nbformat 3 and 4) read as one module: the code cells joined in document order."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from jitlint.diagnostic import Location, Span
from jitlint.magics import blank, blank_magics, syntax_error
from jitlint.source import Cell, Source, UnreadableSource

__all__ = ["LARGE", "cell_texts", "code_cells", "code_text", "load_notebook", "normalise", "without_outputs"]

LARGE = 8 * 1024 * 1024  # bytes; of a larger notebook the outputs are cut out before it is parsed

_START = Location(1, 1, 1, 1)
_OUTPUTS = re.compile(rb'"outputs"\s*:\s*\[')  # a key: inside a string its quotes would be escaped
_BRACKET = re.compile(rb'["\[\]{}]')


def load_notebook(path_key: str, data: bytes) -> Source:
    """The notebook as one source; raises :class:`UnreadableSource` when it is none."""
    texts: list[str] = []
    cells: list[Cell] = []
    broken: list[tuple[str, Span]] = []
    line = 1
    for index, raw in code_cells(_document(data)):
        text = normalise(raw)
        code, indent = _outdented(text)
        code = blank_magics(code)
        if error := syntax_error(code):
            broken.append((error.msg, _error_span(error, line, text)))
            code = blank(text)
        texts.append(code)
        cells.append(Cell(index, line, text.count("\n") + 1, indent))
        line = cells[-1].last_line + 1
    return Source(path_key, "\n".join(texts), "notebook", data, tuple(broken), tuple(cells))


def code_text(data: bytes) -> bytes:
    """The text of the code cells, as it is, for a first look; raises :class:`UnreadableSource`."""
    cells = (normalise(text) for _, text in code_cells(_document(data)))
    return "\n".join(cells).encode("utf-8", "surrogatepass")


def cell_texts(data: bytes) -> dict[int, str]:
    """The code cells by their place among all cells; raises :class:`UnreadableSource`."""
    return {index: normalise(text) for index, text in code_cells(_document(data))}


def without_outputs(data: bytes) -> bytes:
    """The notebook with empty lists of outputs, found in one pass; as it is if its brackets do not meet."""
    kept: list[bytes] = []
    start = 0
    while match := _OUTPUTS.search(data, start):
        end = _end_of_list(data, match.end())
        if not end:
            return data
        kept.append(data[start : match.end()])
        start = end - 1
    return b"".join((*kept, data[start:]))


def _end_of_list(data: bytes, at: int) -> int:
    """The offset behind the bracket that closes the list around `at`; 0 if none does."""
    depth = 1
    while depth:
        match = _BRACKET.search(data, at)
        if match is None:
            return 0
        at = match.end()
        if match[0] == b'"':
            at = _end_of_string(data, at)
        else:
            depth += 1 if match[0] in b"[{" else -1
    return at


def _end_of_string(data: bytes, at: int) -> int:
    """The offset behind the quote that closes the string around `at`."""
    while (quote := data.find(b'"', at)) >= 0:
        before = quote
        while before > at and data[before - 1 : before] == b"\\":
            before -= 1
        at = quote + 1
        if (quote - before) % 2 == 0:
            return at
    return len(data)


def code_cells(document: dict[str, Any]) -> Iterator[tuple[int, str]]:
    """Each Python code cell: its place among all cells, counted from 1, and its text as it is."""
    if not _is_python(document):
        return
    for index, cell in enumerate(_all_cells(document), start=1):
        if cell.get("cell_type") == "code" and str(cell.get("language", "python")).startswith("python"):
            yield index, _text(cell, index)


def _outdented(text: str) -> tuple[str, int]:
    """A cell without the indentation of its first line, which IPython takes off too, and its width."""
    first = next((line for line in text.split("\n") if line.strip()), "")
    indent = first[: len(first) - len(first.lstrip(" \t"))]
    if not indent or first.lstrip()[0] in "%!?":
        return text, 0
    return "\n".join(line.removeprefix(indent) for line in text.split("\n")), len(indent)


def normalise(text: str) -> str:
    """`text` with every newline as `\\n`."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _document(data: bytes) -> dict[str, Any]:
    try:
        document = json.loads((without_outputs(data) if len(data) > LARGE else data).decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        where = Location(error.lineno, error.colno, error.lineno, error.colno)
        raise UnreadableSource(f"not a notebook: invalid JSON: {error.msg}", where) from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UnreadableSource("not a notebook: not UTF-8", Location(line, 1, line, 1)) from None
    except ValueError as error:  # a number of thousands of digits
        raise UnreadableSource(f"not a notebook: {error}", _START) from None
    except RecursionError:
        raise UnreadableSource("not a notebook: JSON nested too deeply", _START) from None
    if not isinstance(document, dict):
        raise UnreadableSource("not a notebook: no JSON object", _START)
    return document


def _all_cells(document: dict[str, Any]) -> list[dict[str, Any]]:
    """All cells, of every worksheet where the format has them (nbformat 3 and older)."""
    sheets = document.get("worksheets", [document])
    try:
        cells = [cell for sheet in sheets for cell in sheet["cells"]]
    except (TypeError, KeyError):
        raise UnreadableSource("not a notebook: it has no list of cells", _START) from None
    if not all(isinstance(cell, dict) for cell in cells):
        raise UnreadableSource("not a notebook: a cell is no JSON object", _START)
    return cells


def _is_python(document: dict[str, Any]) -> bool:
    """Whether the kernel runs Python; a notebook that does not say so is taken to."""
    metadata = document.get("metadata")
    if not isinstance(metadata, dict):
        return True
    for key, name in (("language_info", "name"), ("kernelspec", "language")):
        about = metadata.get(key)
        if isinstance(about, dict) and isinstance(about.get(name), str):
            return "python" in about[name].lower()
    return True


def _text(cell: dict[str, Any], index: int) -> str:
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list) and all(isinstance(part, str) for part in source):
        return "".join(source)
    if isinstance(source, str):
        return source
    raise UnreadableSource(f"not a notebook: the source of cell {index} is no text", _START)


def _error_span(error: SyntaxError, first_line: int, cell: str) -> Span:
    """The position of an error in a cell; the cell is blank in the text, so columns count characters."""
    lines = cell.split("\n")
    row = min(max(error.lineno or 1, 1), len(lines))
    column = min(max((error.offset or 1) - 1, 0), len(lines[row - 1]))
    line = first_line + row - 1
    return Span(line, column, line, min(column + 1, len(lines[row - 1])))
