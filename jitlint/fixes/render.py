"""From edits of a source's text to the new bytes of the document; every other byte stays."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable

from jitlint.fixes.notebook_json import with_sources
from jitlint.fixes.text import Declined, Text, TextEdit, apply_edits
from jitlint.notebook import code_cells, normalise
from jitlint.source import Source, decode

__all__ = ["render"]

_NEWLINE = re.compile(r"\r\n|\r|\n")


def render(source: Source, edits: Iterable[TextEdit]) -> bytes:
    """The bytes of the document after the edits; declines when two of them overlap."""
    edits = list(edits)
    apply_edits(source.text, edits)
    if source.kind == "notebook":
        return _render_notebook(source, edits)
    raw, encoding = decode(source.data)
    skipped = len(source.data) - len(raw.encode(encoding))
    if source.data[skipped:] != raw.encode(encoding):
        raise Declined(f"the text does not survive {encoding}")
    data = source.data
    for edit in sorted(_raw_edits(raw, edits), reverse=True):
        start, end = (skipped + len(raw[:offset].encode(encoding)) for offset in (edit.start, edit.end))
        data = data[:start] + edit.content.encode(encoding) + data[end:]
    return data


def _render_notebook(source: Source, edits: Iterable[TextEdit]) -> bytes:
    document = source.data.decode("utf-8-sig")
    by_cell: dict[int, list[TextEdit]] = defaultdict(list)
    text = Text(source)
    for edit in edits:
        cell = text.to_edit(edit).location.cell
        by_cell[cell or 0].append(edit)
    codes = dict(code_cells(json.loads(document)))
    starts = {cell.index: text.start_of(cell.first_line) for cell in source.cells}
    changed = {
        index: _edited_cell(source.text, codes[index], starts[index], of_cell) for index, of_cell in by_cell.items()
    }
    bom = source.data[: len(source.data) - len(document.encode())]
    return bom + with_sources(document, changed).encode()


def _edited_cell(text: str, code: str, start: int, edits: list[TextEdit]) -> str:
    """The code of one cell after its edits; declines where one touches a magic, which `text` does not have."""
    shown = normalise(code)
    local = [TextEdit(edit.start - start, edit.end - start, edit.content) for edit in edits]
    for edit, here in zip(edits, local, strict=True):
        if shown[here.start : here.end] != text[edit.start : edit.end]:
            raise Declined("the change touches a line of IPython's own syntax")
    return apply_edits(code, _raw_edits(code, local))


def _raw_edits(raw: str, edits: Iterable[TextEdit]) -> list[TextEdit]:
    """Edits of the text with `\\n` as edits of the text with the newlines it has on disk."""
    if "\r" not in raw:
        return list(edits)
    pairs = [match.start() for match in re.finditer(r"\r\n", raw)]
    shrunk = [position - before for before, position in enumerate(pairs)]

    def raw_offset(offset: int) -> int:
        return offset + bisect_left(shrunk, offset)

    return [
        TextEdit(start, raw_offset(edit.end), edit.content.replace("\n", _newline_near(raw, start)))
        for edit in edits
        for start in (raw_offset(edit.start),)
    ]


def _newline_near(raw: str, offset: int) -> str:
    """How the line at `offset` ends; how the last line that ends does, when this one does not."""
    match = _NEWLINE.search(raw, offset)
    return match[0] if match else (_NEWLINE.findall(raw) or ["\n"])[-1]
