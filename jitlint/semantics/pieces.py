"""What is kept of a text between two changes, as in an editor: trees and graphs of what did not change.

A tree is the same if its text is; the graph of a function is the same if its tree is, and what it was built with: the
names that it could mean. So typing into one function parses and builds that one again. Where lines come or go above a
function, its tree and its graph are moved. A text that cannot be parsed, as in the middle of a call, changes nothing.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from jitlint.semantics.large_files import begins

if TYPE_CHECKING:
    from jitlint.semantics.graph import Scope

__all__ = ["KeptPieces", "KeptScope"]


class KeptScope(NamedTuple):
    """The graph of a function that defines and imports nothing, with all that had a say in it."""

    tree: ast.stmt
    line: int  # of the tree, when the graph was built
    given: tuple[object, ...]
    imports: Mapping[str, str]
    scope: Scope
    long_strings: tuple[tuple[int, int], ...]

    def moved(self, line: int) -> KeptScope:
        """The graph with the function's first line elsewhere."""
        down = line - self.line
        strings = tuple((first + down, last + down) for first, last in self.long_strings)
        return self._replace(line=line, scope=self.scope.moved(down), long_strings=strings)


class _Piece:
    """The statements of a piece of text, and the lines before it."""

    def __init__(self, start: int, text: str) -> None:
        self.start = start
        self.body = ast.parse("\n" * start + text).body

    def move(self, start: int) -> None:
        """Let it begin elsewhere."""
        for statement in self.body if start != self.start else ():
            ast.increment_lineno(statement, start - self.start)
        self.start = start


class KeptPieces:
    """The pieces of the last version of one text."""

    def __init__(self) -> None:
        self._trees: dict[tuple[str, int], _Piece] = {}  # by the text, and how often it stands above
        self._scopes: dict[int, KeptScope] = {}  # by the identity of the tree, which is held here
        self._used: dict[int, KeptScope] = {}

    def statements(self, text: str) -> list[ast.stmt]:
        """The statements of the top level, as `ast.parse` gives them; raises what it raises."""
        trees: dict[tuple[str, int], _Piece] = {}
        times = Counter[str]()
        try:
            for start, piece in _pieces(text):
                key = piece, times[piece]
                times[piece] += 1
                trees[key] = self._trees[key] if key in self._trees else _Piece(start, piece)
                trees[key].move(start)
        except SyntaxError:  # an error of the whole text has its own message, and a cut in a string is none
            body = ast.parse(text).body
            self._trees, self._scopes, self._used = {}, {}, {}
            return body
        self._trees = trees
        self._scopes, self._used = self._used, {}
        return [statement for piece in trees.values() for statement in piece.body]

    def scope(self, tree: ast.stmt, given: tuple[object, ...], imports: Mapping[str, str]) -> KeptScope | None:
        """The graph of a function, if it was built from the same."""
        found = self._scopes.get(id(tree))
        if found is None or found.tree is not tree or found.given != given or found.imports != imports:
            return None
        if found.line != tree.lineno:
            found = found.moved(tree.lineno)
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
