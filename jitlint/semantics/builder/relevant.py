"""Which functions of a file need a graph."""

from __future__ import annotations

import ast

from jitlint.screen import draws, uses, without_docstrings
from jitlint.semantics.builder.syntax import DEFINITIONS


class RelevantLines:
    """Tells which functions of a file that does not train are worth a graph: those that draw.

    A function left out is to its callers like one of a library. Networks and helpers make up most of such
    files, and building their graphs would cost more than all the rest.
    """

    def __init__(self, text: str, context: bool) -> None:
        data = text.encode("utf-8", "surrogatepass")
        self.every = not context and uses(without_docstrings(data))
        self.lines = [] if self.every else data.splitlines(keepends=True)

    def holds(self, tree: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        """Whether this function needs a graph."""
        if self.every or tree.name == "__init__":
            return True
        text = self._text(tree)
        return draws(text) or uses(text)

    def drawn_in_setup(self, tree: ast.ClassDef) -> bool:
        """Whether a class draws outside its methods or in its `__init__`."""
        if self.every:
            return False
        setup = [item for item in tree.body if not isinstance(item, DEFINITIONS) or item.name == "__init__"]
        return any(draws(self._text(item)) for item in setup)

    def _text(self, tree: ast.stmt) -> bytes:
        return b"".join(self.lines[tree.lineno - 1 : tree.end_lineno])
