"""marimo notebooks read as the module that they are: the bodies of their cells share one namespace.

A cell is a function whose parameters and return value only say which names it takes from other cells and gives to them.
Its header becomes `if 1:` and its last `return` becomes `pass`, padded with spaces: every other character stays at its
offset, so that findings, suppressions and their edits hold for the document.
"""

from __future__ import annotations

import re

__all__ = ["is_marimo", "joined"]

_CELL = re.compile(r"@app\.cell\b")
_HEADER = re.compile(r"(?:async\s+)?def\b")
_RETURN = re.compile(r"(\s+)return\b")


def is_marimo(data: bytes) -> bool:
    """Whether a file is a marimo notebook."""
    return b"\n@app.cell" in data and b"marimo.App(" in data


def joined(text: str) -> str:
    """The text with the bodies of all cells at the level of the module."""
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        at = _cell(lines, at) if _CELL.match(lines[at]) else at + 1
    return "\n".join(lines)


def _cell(lines: list[str], at: int) -> int:
    """Rewrite the cell whose decorator stands at a line; the first line behind it. One without a header is left."""
    header = next((n for n in range(at, len(lines)) if _HEADER.match(lines[n])), None)
    if header is None:
        return at + 1
    start = next((n for n in range(header, len(lines)) if lines[n].rstrip().endswith(":")), header) + 1
    end = next((n for n in range(start, len(lines)) if lines[n][:1].strip()), len(lines))
    if not any(line.strip() for line in lines[start:end]):
        return end
    lines[at:start] = [" " * len(line) for line in lines[at:start]]
    lines[header] = "if 1:".ljust(len(lines[header]))
    _without_return(lines, start, end)
    return end


def _without_return(lines: list[str], start: int, end: int) -> None:
    first = next(line for line in lines[start:end] if line.strip())
    indent = len(first) - len(first.lstrip())
    for at in range(end - 1, start - 1, -1):
        found = _RETURN.match(lines[at])
        if found and len(found[1]) == indent:
            lines[at] = f"{found[1]}pass".ljust(len(lines[at]))
            lines[at + 1 : end] = [" " * len(line) for line in lines[at + 1 : end]]
            return
