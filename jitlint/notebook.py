"""Notebooks (`.ipynb`, nbformat 3 and 4) read as one module: the code cells joined in document order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from jitlint.diagnostic import Location, Span
from jitlint.magics import blank, blank_magics, syntax_error
from jitlint.source import Cell, Source, UnreadableSource

__all__ = ["code_cells", "load_notebook", "normalise"]

_START = Location(1, 1, 1, 1)


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
        document = json.loads(data.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        where = Location(error.lineno, error.colno, error.lineno, error.colno)
        raise UnreadableSource(f"not a notebook: invalid JSON: {error.msg}", where) from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UnreadableSource("not a notebook: not UTF-8", Location(line, 1, line, 1)) from None
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
