"""One source as `ast` sees it: its statements and functions by their spans."""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property

from jitlint.diagnostic import Span
from jitlint.fixes.names import Touched, touched
from jitlint.fixes.text import Declined, Text
from jitlint.source import Source

__all__ = ["Function", "Program", "Scope", "comments_of", "first_line", "parameters", "parse", "span_of"]

Function = ast.FunctionDef | ast.AsyncFunctionDef
Scope = ast.Module | Function

_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


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

    @cached_property
    def _parents(self) -> dict[ast.stmt, ast.stmt | None]:
        """Every statement with the one it is in, in the order of the text."""
        found: dict[ast.stmt, ast.stmt | None] = {}
        waiting: list[tuple[ast.AST, ast.stmt | None]] = [(self.tree, None)]
        while waiting:
            node, parent = waiting.pop()
            for field in _BLOCKS:
                for child in getattr(node, field, ()) if not isinstance(node, ast.expr) else ():
                    if isinstance(child, ast.stmt):
                        found[child] = parent
                    waiting.append((child, child if isinstance(child, ast.stmt) else parent))
        return dict(sorted(found.items(), key=lambda item: _start(item[0])))

    @cached_property
    def _in_order(self) -> list[ast.stmt]:
        return list(self._parents)

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
            found = self._parents[found]
        return found

    def functions_around(self, span: Span) -> list[Function]:
        """The functions that `span` lies in, outside in; one whose header it is in is not among them."""
        found: list[Function] = []
        current = self._around(span)
        position = (span.line, span.column)
        while current is not None:
            if isinstance(current, Function) and position >= _start(current.body[0]):
                found.append(current)
            current = self._parents[current]
        return found[::-1]

    def top_level(self, line: int) -> int:
        """The index of the last top-level statement that begins at `line` or before it, or -1."""
        return bisect_right(self.tree.body, line, key=first_line) - 1

    def class_of(self, function: Scope) -> ast.ClassDef | None:
        """The class whose method a function is."""
        around = self._parents.get(function) if isinstance(function, Function) else None
        return around if isinstance(around, ast.ClassDef) else None

    @cached_property
    def declared(self) -> frozenset[str]:
        """The names that `global` or `nonlocal` declare, anywhere in the source."""
        declarations = (stmt for stmt in self._parents if isinstance(stmt, ast.Global | ast.Nonlocal))
        return frozenset(name for declaration in declarations for name in declaration.names)

    def read_later(self, line: int) -> frozenset[str]:
        """What functions and lambdas that stand above `line` at the top level read when they are called."""
        return frozenset().union(*(self._touched[statement].deferred for statement in self._above(line)))

    def bound_above(self, line: int) -> frozenset[str]:
        """What the top-level statements above `line` bind."""
        return frozenset().union(*(self._touched[statement].binds for statement in self._above(line)))

    def _above(self, line: int) -> list[ast.stmt]:
        return self.tree.body[: bisect_right(self.tree.body, line - 1, key=first_line)]

    @cached_property
    def _touched(self) -> dict[ast.stmt, Touched]:
        return {statement: touched([statement]) for statement in self.tree.body}

    @cached_property
    def imported(self) -> frozenset[str]:
        """The names that imports bind, anywhere in the source."""
        return frozenset(touched(stmt for stmt in self._parents if isinstance(stmt, ast.Import | ast.ImportFrom)).binds)

    def expression(self, span: Span) -> ast.expr:
        """The expression with exactly this span (the outermost, where several have it)."""
        for node in ast.walk(self.statement_around(span)):
            if isinstance(node, ast.expr) and span_of(node) == span:
                return node
        raise Declined(f"no expression at line {span.line}")

    def uses(self, name: str) -> bool:
        """Whether anything in the source is called `name`."""
        return any(name in _names(node) for node in ast.walk(self.tree))


def parameters(scope: Scope) -> frozenset[str]:
    """The parameters of a function."""
    arguments = [] if isinstance(scope, ast.Module) else [scope.args]
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
