"""Unified diffs of files and of notebooks' cells."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from jitlint.files import File
from jitlint.survey import read
from jitlint.visible import visible

__all__ = ["file_diffs", "painted"]

_COLOURS = {"+++": "1", "---": "1", "@@ ": "36", "+": "32", "-": "31"}


def file_diffs(files: Sequence[File], before: Mapping[str, bytes], after: Mapping[str, bytes]) -> Iterator[str]:
    """The lines of the diffs of all changed files; of a notebook, one diff a cell."""
    for file in files:
        if file.path in after:
            yield from _diff(file.key, read(file.path, before), after[file.path])


def painted(lines: Iterable[str]) -> Iterator[str]:
    """The lines with colours by hand."""
    for line in lines:
        code = next((code for start, code in _COLOURS.items() if line.startswith(start)), "")
        yield f"\033[{code}m{line}\033[0m" if code else line


def _diff(key: str, before: bytes, after: bytes) -> Iterator[str]:
    old, new = _texts(key, before), _texts(key, after)
    for name in old:
        if old[name] != new.get(name):
            label = visible(name)
            lines = difflib.unified_diff(old[name], new.get(name, []), label, label, lineterm="")
            yield from (line[:1] + visible(line[1:], "\t\f") for line in lines)


def _texts(key: str, data: bytes) -> dict[str, list[str]]:
    """Lines by name: the file's, or those of each code cell."""
    from jitlint.source import decode

    if not key.endswith(".ipynb"):
        return {key: decode(data)[0].replace("\r\n", "\n").replace("\r", "\n").split("\n")}
    from jitlint.notebook import cell_texts

    return {f"{key}:cell {index}": text.split("\n") for index, text in cell_texts(data).items()}
