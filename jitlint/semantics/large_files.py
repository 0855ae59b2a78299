"""Keeps the memory of very large files low: without their tables of data, and parsed in pieces.

A syntax tree takes a hundred times the memory of its text. A table is a display of more than a thousand lines that a
name of the top level is bound to. It is data: nothing in it trains or perturbs anything. What stands in it is not
read, so a syntax error there is not seen.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

LARGE = 250_000  # characters of a file that is treated so
LONG = 1_000  # lines of a table
PIECE = 300  # lines, or more where no function begins

_OPENS = re.compile(r"^[A-Za-z_][\w.]*[ \t]*(?::[^=\n]+)?\+?=[ \t]*[\[({][ \t]*(?:#.*)?$")
_INSIDE = re.compile(r"[ \t#]|$")
_BEGINS = re.compile(r"(?:async def|def|class) +(\w+)|@")


def is_large(text: str) -> bool:
    """Whether a file is treated so."""
    return len(text) >= LARGE


def without_tables(text: str) -> str:
    """The text with the lines of long tables empty; its lines keep their numbers."""
    if not is_large(text):
        return text
    lines = text.split("\n")
    opened: int | None = None
    for number, line in enumerate(lines):
        if opened is not None and not _INSIDE.match(line):
            if line[0] in "])}" and number - opened > LONG:
                lines[opened + 1 : number] = [""] * (number - opened - 1)
            opened = None
        if opened is None and _OPENS.match(line):
            opened = number
    return "\n".join(lines)


def statements_in_pieces(text: str) -> Iterator[list[ast.stmt]]:
    """The statements of the top level of a large text, parsed in pieces of some hundred lines.

    Raises SyntaxError at a piece that is none by itself, as where a cut lies in a string.
    """
    lines = text.split("\n")
    start = 0
    for number, line in enumerate(lines):
        if number - start > PIECE and begins(line) and not lines[number - 1]:
            yield _parsed(lines, start, number)
            start = number
    yield _parsed(lines, start, len(lines))


def _parsed(lines: list[str], start: int, end: int) -> list[ast.stmt]:
    return ast.parse("\n" * start + "\n".join(lines[start:end])).body


def begins(line: str) -> bool:
    """Whether a function or class of the top level begins with a line."""
    return _BEGINS.match(line) is not None


def names_defined(text: str) -> frozenset[str]:
    """The functions and classes that begin at the left margin of a text."""
    return frozenset(match[1] for line in text.split("\n") if (match := _BEGINS.match(line)) and match[1])
