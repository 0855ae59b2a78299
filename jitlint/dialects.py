"""Which Python reads a text that this one does not.

A syntax error in a file of another version is no fault of its author, so its finding says which version reads it,
and a whole tree of Python 2 is one finding.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from jitlint.diagnostic import Diagnostic
from jitlint.selection import UNREADABLE

__all__ = ["hint", "merged"]

_LONGEST = 1000  # characters of a line that is looked at
_NAMED = 3  # so many files are named, the others are counted
_PYTHON_2 = "the file is written for Python 2"

_PYTHON_2_MESSAGE = re.compile(r"Missing parentheses in call to '(?:print|exec)'|leading zeros in decimal integer")
# Where a line with a syntax error shows that it was written for a version that is gone.
_OLDER = (
    (
        _PYTHON_2,
        re.compile(
            r"""^\s*print\s+["'\w]|^\s*print\s*>>|^\s*exec\s+["'\w]|^\s*raise\s+[\w.]+\s*,|<>|`|\bur["']"""
            r"""|\b0[xX][0-9a-fA-F]+[lL]\b|\b[0-9]+[lL]\b|^\s*except\s+[\w.]+\s*,\s*[a-z_]\w*\s*:"""
            r"""|^\s*except\s*\([\w., ]+\)\s*,\s*[a-z_]\w*\s*:|^\s*def\s+\w+\([^()]*\([\w, ]+\)"""
            r"""|\blambda\s*\([\w, ]+\)\s*:"""
        ),
    ),
    (
        "Python 3.6 and older read it: `async` and `await` are keywords since 3.7",
        re.compile(r"\b(?:async|await)\s*=|\.(?:async|await)\b|\bdef\s+async\b|\bimport\s+async\b|\bas\s+async\b"),
    ),
)
# Where it shows that it needs a newer one, the newest first: the version that reads the later reads the earlier too.
_NEWER = (
    ((3, 14), re.compile(r"""\b(?:[tT][rR]?|[rR][tT])["']|^\s*except\s+[\w.]+\s*,[^:]*:""")),
    ((3, 13), re.compile(r"^\s*(?:type|class|def|async\s+def)\s+\w+\s*\[[^\]]*\w\s*=\s*\w")),
    ((3, 12), re.compile(r"^\s*(?:type\s+\w+\s*(?:\[.*\]\s*)?=|(?:class|def|async\s+def)\s+\w+\s*\[)")),
    ((3, 11), re.compile(r"^\s*except\s*\*|\w\[[^\[\]]*\*\w")),
)


def hint(error: SyntaxError, version: tuple[int, int] = sys.version_info[:2]) -> str:
    """Which other version reads the file, as the end of a sentence; empty if none is known to."""
    line = error.text or ""
    if len(line) > _LONGEST:
        return ""
    if _PYTHON_2_MESSAGE.search(error.msg):
        return f"; {_PYTHON_2}"
    for sentence, shape in _OLDER:
        if shape.search(line):
            return f"; {sentence}"
    for first, shape in _NEWER:
        if version < first and (shape.search(line) or (first == (3, 12) and "f-string" in error.msg)):
            return f"; Python {first[0]}.{first[1]} and newer read it, run jitlint there"
    return ""


def merged(diagnostics: Sequence[Diagnostic]) -> Iterator[Diagnostic]:
    """The findings, with one for all files of Python 2: it stands at the first of them."""
    old = [item for item in diagnostics if _is_python_2(item)]
    paths = sorted({item.path for item in old})
    for item in diagnostics:
        if len(paths) < 2 or not _is_python_2(item):
            yield item
        elif item is old[0]:
            yield replace(item, message=f"{item.message}, {_others(paths, item.path)}")


def _is_python_2(item: Diagnostic) -> bool:
    return item.code == UNREADABLE and item.message.endswith(_PYTHON_2)


def _others(paths: Iterable[str], first: str) -> str:
    others = [path for path in paths if path != first]
    named = ", ".join(others[:_NAMED]) + (f" and {len(others) - _NAMED:,} more" if len(others) > _NAMED else "")
    return f"as {'is one more' if len(others) == 1 else f'are {len(others):,} more'} that cannot be linted: {named}"
