"""Where the lines of a notebook's cells stand in its file, for tools that know files and lines only."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

__all__ = ["line_in_file"]

# Strings, brackets, numbers and words. A string that is not closed goes on to the end, so no text is read twice.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"?|[{}\[\],:]|[^\s{}\[\],:"]+')


def line_in_file(data: bytes, cell: int, line: int) -> int:
    """The line of a notebook's JSON text that holds a line of a code cell, both counted from 1.

    The first line of the cell's source if the cell is written in one string, as some tools do, and 1 for what is no
    notebook.
    """
    try:
        text = data.decode("utf-8-sig")
        strings = [(at, json.loads(word)) for index, at, word in _sources(text) if index == cell]
    except ValueError:
        return 1
    left = line - 1
    for at, string in strings:
        newlines = string.count("\n")
        if left <= newlines - string.endswith("\n"):
            return at
        left -= newlines
    return strings[-1][0] if strings else 1


def _sources(text: str) -> Iterator[tuple[int, int, str]]:
    """The strings of the cells' sources: the cell's place among all cells, the line in the file, and the JSON."""
    path: list[str | int] = []  # the key or index that is being read, of every open bracket
    keys: list[bool] = []  # for every open bracket: whether it has keys, and waits for one
    cell = line = at = 0
    for token in _TOKEN.finditer(text):
        line += text.count("\n", at, token.start())
        at = token.start()
        word = token[0]
        if word in "{[":
            path.append("" if word == "{" else 0)
            keys.append(word == "{")
            cell += word == "{" and len(path) > 2 and path[-3] == "cells"
        elif word in "}]":
            path.pop()
            keys.pop()
        elif word == ",":
            last = path[-1]
            if isinstance(last, int):
                path[-1] = last + 1
            else:
                keys[-1] = True
        elif word == ":":
            keys[-1] = False
        elif word[0] == '"':
            if keys[-1]:
                path[-1] = word[1:-1]
            elif _is_source(path):
                yield cell, line + 1, word


def _is_source(path: list[str | int]) -> bool:
    """Whether a string stands in `cells[n].source`, or in `input`, as it was called before 2015."""
    keys = [key for key in path if isinstance(key, str)]
    return keys in (["cells", "source"], ["worksheets", "cells", "input"], ["worksheets", "cells", "source"])
