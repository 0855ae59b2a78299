"""One source as `ast` sees it: its statements and functions by their spans."""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from jitlint.diagnostic import Span
from jitlint.fixes.names import Touched, keys_of, touched
from jitlint.fixes.text import Declined, Text
from jitlint.source import Source

if TYPE_CHECKING:
    from jitlint.fixes.excerpt import Excerpt
    from jitlint.fixes.reach import Scopes

__all__ = ["Function", "Place", "Program", "Scope", "comments_of", "first_line", "parameters", "parse", "span_of"]

Function = ast.FunctionDef | ast.AsyncFunctionDef
Scope = ast.Module | Function

_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


class Place(NamedTuple):
    """Where a statement stands: in which block, as which of its statements, and what statement the block is part of."""

    block: list[ast.stmt]
    number: int
    around: ast.stmt | None


def parse(text: str) -> ast.Module:
    """`ast.parse`, silent about invalid escapes in the user's strings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def comments_of(text: str) -> list[tuple[int, str]]:
    """The comments of a text with their lines; declines where `tokenize` does not take what `ast` takes."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError) as error:
        raise Declined(f"cannot tokenize: {error}") from None
    return [(token.start[0], token.string.rstrip()) for token in tokens if token.type == tokenize.COMMENT]


class Program:
    """A parsed source. Nothing in it is computed before it is asked for, and nothing changes."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.text = Text(source)
        self.tree = parse(source.text)
        self.excerpt: Excerpt | None = None  # the last that was read
        self.scopes: Scopes | None = None
        self._touched: dict[ast.AST, Touched] = {}
        self._keys: dict[ast.AST, frozenset[str]] = {}

    @cached_property
    def _places(self) -> dict[ast.stmt, Place]:
        """Where every statement stands, in the order of the text."""
        found: dict[ast.stmt, Place] = {}
        waiting: list[tuple[ast.AST, ast.stmt | None]] = [(self.tree, None)]
        while waiting:
            node, parent = waiting.pop()
            for field in _BLOCKS:
                block: list[Any] = getattr(node, field, []) if not isinstance(node, ast.expr) else []
                for number, child in enumerate(block):
                    if isinstance(child, ast.stmt):
                        found[child] = Place(block, number, parent)
                    waiting.append((child, child if isinstance(child, ast.stmt) else parent))
        return dict(sorted(found.items(), key=lambda item: _start(item[0])))

    @cached_property
    def _in_order(self) -> list[ast.stmt]:
        return list(self._places)

    @property
    def statements(self) -> Sequence[ast.stmt]:
        """Every statement, in the order of the text."""
        return self._in_order

    @cached_property
    def comments(self) -> dict[int, str]:
        """Every comment, by line."""
        return dict(comments_of(self.source.text))

    def statement_around(self, span: Span) -> ast.stmt:
        """The innermost statement that `span` begins in."""
        found = self._around(span)
        if found is None:
            raise Declined(f"no statement at line {span.line}")
        return found

    def _around(self, span: Span) -> ast.stmt | None:
        position = (span.line, span.column)
        before = bisect_right(self._in_order, position, key=_start)
        found = self._in_order[before - 1] if before else None
        while found is not None and position >= (found.end_lineno or 0, found.end_col_offset or 0):
            found = self._places[found].around
        return found

    def way_to(self, span: Span) -> list[ast.stmt]:
        """The statements that `span` begins in, outside in."""
        found: list[ast.stmt] = []
        current = self._around(span)
        while current is not None:
            found.append(current)
            current = self._places[current].around
        return found[::-1]

    def place(self, statement: ast.stmt) -> Place:
        """The block that a statement is in."""
        return self._places[statement]

    def functions_around(self, span: Span) -> list[Function]:
        """The functions that `span` lies in, outside in; one whose header it is in is not among them."""
        found: list[Function] = []
        current = self._around(span)
        position = (span.line, span.column)
        while current is not None:
            if isinstance(current, Function) and position >= _start(current.body[0]):
                found.append(current)
            current = self._places[current].around
        return found[::-1]

    def top_level(self, line: int) -> int:
        """The index of the last top-level statement that begins at `line` or before it, or -1."""
        return bisect_right(self.tree.body, line, key=first_line) - 1

    def scope_of(self, statement: ast.stmt) -> Scope | ast.ClassDef:
        """The function, class or module whose body a statement is part of."""
        around = self._places[statement].around
        while around is not None and not isinstance(around, Function | ast.ClassDef):
            around = self._places[around].around
        return around or self.tree

    @cached_property
    def closures(self) -> frozenset[Scope | ast.ClassDef]:
        """The functions that declare a name `nonlocal`."""
        return frozenset(self.scope_of(stmt) for stmt in self._places if isinstance(stmt, ast.Nonlocal))

    def class_of(self, function: Scope) -> ast.ClassDef | None:
        """The class whose method a function is."""
        around = self._places[function].around if isinstance(function, Function) else None
        return around if isinstance(around, ast.ClassDef) else None

    @cached_property
    def declared(self) -> frozenset[str]:
        """The names that `global` or `nonlocal` declare, anywhere in the source."""
        declarations = (stmt for stmt in self._places if isinstance(stmt, ast.Global | ast.Nonlocal))
        return frozenset(name for declaration in declarations for name in declaration.names)

    def touched(self, node: ast.AST) -> Touched:
        """What a node does to names; a node is looked at once."""
        if node not in self._touched:
            self._touched[node] = touched([node], self.imported)
        return self._touched[node]

    def keys(self, node: ast.AST) -> frozenset[str]:
        """The keys of all names that a node touches."""
        if node not in self._keys:
            found = self.touched(node)
            self._keys[node] = frozenset(keys_of(found.reads | found.binds | found.changes | found.deferred))
        return self._keys[node]

    @cached_property
    def imported(self) -> frozenset[str]:
        """The names that imports bind, anywhere in the source."""
        return frozenset(touched(stmt for stmt in self._places if isinstance(stmt, ast.Import | ast.ImportFrom)).binds)

    def expression(self, span: Span) -> ast.expr:
        """The expression with exactly this span (the outermost, where several have it)."""
        for node in ast.walk(self.statement_around(span)):
            if isinstance(node, ast.expr) and span_of(node) == span:
                return node
        raise Declined(f"no expression at line {span.line}")

    def uses(self, name: str) -> bool:
        """Whether anything in the source is called `name`."""
        return name in self._used

    @cached_property
    def _used(self) -> frozenset[str | None]:
        return frozenset(name for node in ast.walk(self.tree) for name in _names(node))


def parameters(scope: Scope | ast.ClassDef) -> frozenset[str]:
    """The parameters of a function."""
    arguments = [scope.args] if isinstance(scope, Function) else []
    return frozenset(node.arg for part in arguments for node in ast.walk(part) if isinstance(node, ast.arg))


def span_of(node: ast.stmt | ast.expr) -> Span:
    """The span of a node, as `ast` has it."""
    return Span(node.lineno, node.col_offset, node.end_lineno or node.lineno, node.end_col_offset or 0)


def first_line(statement: ast.stmt) -> int:
    """The first line of a statement, with its decorators."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(decorator.lineno for decorator in decorators)])


def _start(statement: ast.stmt) -> tuple[int, int]:
    return (first_line(statement), statement.col_offset)


def _names(node: ast.AST) -> Iterator[str | None]:
    yield from (getattr(node, field, None) for field in ("id", "arg", "name", "asname", "rest"))
