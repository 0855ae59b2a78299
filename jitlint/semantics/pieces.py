"""What is kept of a text between two changes, as in an editor: trees and graphs of what did not change.

A tree is the same if its text and its first line are; the graph of a function is the same if its tree is, and what it
was built with: the names that it could mean. So typing into one function parses and builds that one again, as long as
no line comes or goes, and otherwise what stands below as well.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from jitlint.semantics.large_files import begins

if TYPE_CHECKING:
    from jitlint.semantics.graph import Scope

__all__ = ["KeptPieces", "KeptScope"]


class KeptScope(NamedTuple):
    """The graph of a function that defines and imports nothing, with all that had a say in it."""

    tree: ast.stmt
    given: tuple[object, ...]
    imports: Mapping[str, str]
    scope: Scope
    long_strings: tuple[tuple[int, int], ...]


class KeptPieces:
    """The pieces of the last version of one text."""

    def __init__(self) -> None:
        self._trees: dict[tuple[int, str], list[ast.stmt]] = {}
        self._scopes: dict[int, KeptScope] = {}  # by the identity of the tree, which is held here
        self._used: dict[int, KeptScope] = {}

    def statements(self, text: str) -> list[ast.stmt]:
        """The statements of the top level, as `ast.parse` gives them; raises what it raises."""
        kept, self._trees = self._trees, {}
        self._scopes, self._used = self._used, {}
        try:
            for start, piece in _pieces(text):
                key = start, piece
                self._trees[key] = kept[key] if key in kept else ast.parse("\n" * start + piece).body
        except SyntaxError:  # an error of the whole text has its own message, and a cut in a string is none
            self._trees = {}
            return ast.parse(text).body
        return [statement for piece in self._trees.values() for statement in piece]

    def scope(self, tree: ast.stmt, given: tuple[object, ...], imports: Mapping[str, str]) -> KeptScope | None:
        """The graph of a function, if it was built from the same."""
        found = self._scopes.get(id(tree))
        if found is None or found.tree is not tree or found.given != given or found.imports != imports:
            return None
        self._used[id(tree)] = found
        return found

    def keep(self, item: KeptScope) -> None:
        """Remember a graph."""
        self._used[id(item.tree)] = item


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """The text from one function or class of the top level to the next, with the lines before each."""
    lines = text.split("\n")
    start = 0
    for number, line in enumerate(lines if "\r" not in text else ()):
        if number > start and not lines[number - 1] and begins(line):
            yield start, "\n".join(lines[start:number]) + "\n"
            start = number
    yield start, "\n".join(lines[start:])
