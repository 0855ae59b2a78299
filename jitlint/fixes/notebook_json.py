"""Surgery on the JSON text of a notebook: only the source of the changed cells is written anew.

Dumping the parsed document would lose what the writer chose (indent, separators, escapes, key order, the
last newline), so the values are found in the raw text and every line of code that stays keeps its raw form.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from json import JSONDecoder

__all__ = ["with_sources"]

_SPACE = re.compile(r"[ \t\r\n]*")
_UNIT = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u....|\\.|[^\\]", re.DOTALL)
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


@dataclass(frozen=True, slots=True)
class _Value:
    """A JSON value in the raw document."""

    document: str
    start: int

    @property
    def raw(self) -> str:
        return self.document[self.start : self.end]

    @property
    def end(self) -> int:
        return JSONDecoder().raw_decode(self.document, self.start)[1]

    def members(self) -> dict[str, _Value]:
        """The members of an object; the last of equal keys, as `json.loads` has it."""
        found: dict[str, _Value] = {}
        position = self._skip(self.start + 1)
        while self.document[position] != "}":
            key, position = JSONDecoder().raw_decode(self.document, position)
            found[key] = _Value(self.document, self._skip(self._skip(position) + 1))
            position = self._after(found[key])
        return found

    def items(self) -> Iterator[_Value]:
        """The items of an array."""
        position = self._skip(self.start + 1)
        while self.document[position] != "]":
            item = _Value(self.document, position)
            yield item
            position = self._after(item)

    def _after(self, value: _Value) -> int:
        position = self._skip(value.end)
        return self._skip(position + 1) if self.document[position] == "," else position

    def _skip(self, position: int) -> int:
        match = _SPACE.match(self.document, position)
        return match.end() if match else position


def with_sources(document: str, sources: Mapping[int, str]) -> str:
    """The document with new code in some cells, given by their place among all cells, from 1."""
    cells = list(_cells(document))
    for index in sorted(sources, reverse=True):
        members = cells[index - 1].members()
        value = members.get("source") or members["input"]
        written = _written(value, sources[index])
        document = document[: value.start] + written + document[value.end :]
    return document


def _cells(document: str) -> Iterator[_Value]:
    match = _SPACE.match(document)
    top = _Value(document, match.end() if match else 0).members()
    sheets = [sheet.members() for sheet in top["worksheets"].items()] if "worksheets" in top else [top]
    for sheet in sheets:
        yield from sheet["cells"].items()


def _written(value: _Value, code: str) -> str:
    raw_lines = dict(_raw_lines(value))
    lines = [raw_lines.get(line) or _encoded(line, value.document) for line in _LINE.findall(code)]
    if value.raw.startswith('"'):
        return f'"{"".join(lines)}"'
    return _array(value, [f'"{line}"' for line in lines])


def _raw_lines(value: _Value) -> Iterator[tuple[str, str]]:
    """Each line of code with its form in the document, between the quotes."""
    strings = [value] if value.raw.startswith('"') else list(value.items())
    for string in strings:
        units = _UNIT.findall(string.raw[1:-1])  # each is one character of the code
        code = json.loads(string.raw)
        for match in _LINE.finditer(code):
            yield match[0], "".join(units[match.start() : match.end()])


def _encoded(line: str, document: str) -> str:
    return json.dumps(line, ensure_ascii=document.isascii() and "\\u" in document)[1:-1]


def _array(value: _Value, strings: list[str]) -> str:
    items = list(value.items())
    if not strings:
        return "[]"
    if not items:
        return f"[{', '.join(strings)}]"
    document = value.document
    opening, closing = document[value.start : items[0].start], document[items[-1].end : value.end]
    if len(items) > 1:
        separator = document[items[0].end : items[1].start]
    elif "\n" in opening:
        separator = f",{opening[1:]}"
    else:
        separator = ", " if '": ' in document else ","
    return opening + separator.join(strings) + closing
