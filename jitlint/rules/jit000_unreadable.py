"""JIT000 unreadable."""

from __future__ import annotations

from collections.abc import Iterator

from jitlint.diagnostic import Candidate
from jitlint.rules.base import Rule
from jitlint.semantics.project import Project


class Unreadable(Rule):
    """The file, or a cell of the notebook, has no text to lint.

    What it finds:
        Syntax errors, bytes that are not in the encoding the file declares, and notebooks that are no valid
        JSON, each with its position. A notebook's cell that does not parse is reported by itself; the other
        cells are linted.

    Why it matters:
        What was not read cannot be called clean. So this rule is on whatever `--select` says, unless
        `--ignore JIT000` names it.

    Example:
        def train(model, loader:
            pass

    Use instead:
        def train(model, loader):
            pass

    Fix:
        None.

    Known limits:
        In a tree of more than 2 MB of source, a file in which the screen finds neither a draw nor training
        is read but not parsed, so a syntax error in it goes unreported, unless the file is named on the
        command line.
    """

    code = "JIT000"
    name = "unreadable"
    VALID = ("x = 1\n", "")
    INVALID = ("def train(model, loader:\n    pass\n", "x = 'open\n")

    def check(self, project: Project) -> Iterator[Candidate]:
        """Nothing: what cannot be read is found by `jitlint.survey`, before there is a model."""
        yield from ()


rule = Unreadable
