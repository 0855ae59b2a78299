"""jitlint as a plugin of flake8: `flake8 --select JIT`. Selection and `# noqa` are flake8's."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Sequence

from jitlint import __version__
from jitlint.api import lint_text
from jitlint.plugins import plugins
from jitlint.terminal import say

__all__ = ["Checker"]


class Checker:
    """What flake8 asks for: made for each file, with its tree, name and lines."""

    name = "jitlint"
    version = __version__

    def __init__(self, tree: ast.AST, filename: str, lines: Sequence[str]) -> None:
        self.filename = "stdin.py" if filename in ("-", "stdin") else filename
        self.text = "".join(lines)

    def run(self) -> Iterator[tuple[int, int, str, type[Checker]]]:
        """Each finding as line, column from 0, text and origin."""
        report = lint_text(self.text, self.filename)
        for line in (*report.problems, *plugins.refused):
            _say_once(line)
        for item in report.diagnostics:
            if item.code != "JIT000":  # flake8 says itself what it cannot read
                place = item.location
                yield place.line, place.column - 1, f"{item.code} {item.message}", type(self)


@functools.cache
def _say_once(line: str) -> None:
    """What is wrong with a plugin, or with jitlint itself, on standard error; flake8 asks for every file anew."""
    say(f"jitlint: {line}")
