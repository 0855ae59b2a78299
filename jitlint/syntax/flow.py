"""What a sequence of statements needs from before it, and what it surely binds."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from typing import Any

from jitlint.syntax.effects import effects, touches

__all__ = ["Flow", "flow", "needed_first"]


class Flow:
    """The names `needed` from before the statements, and those `bound` on every way through them."""

    def __init__(self, bound: frozenset[str] = frozenset()) -> None:
        self.needed: set[str] = set()
        self.bound = bound

    def run(self, statements: Iterable[ast.stmt]) -> None:
        """Follow the statements in order."""
        for statement in statements:
            self._step(statement)

    def _step(self, statement: ast.stmt) -> None:
        match statement:
            case ast.If():
                self._read([statement.test])
                self._branch([statement.body, statement.orelse])
            case ast.For() | ast.AsyncFor():
                self._read([statement.iter])
                self._maybe(statement.body, effects([statement.target]).binds)
                self._maybe(statement.orelse)
            case ast.While():
                self._read([statement.test])
                self._maybe(statement.body)
                self._maybe(statement.orelse)
            case ast.With() | ast.AsyncWith():
                self._read_and_bind(statement.items)
                self.run(statement.body)
            case ast.Try():
                self._try(statement)
            case ast.Match():
                self._read([statement.subject])
                for case in statement.cases:
                    self._maybe(case.body, effects([case.pattern]).binds)
            case _ if hasattr(statement, "handlers"):  # `except*`, from Python 3.11
                self._try(statement)
            case _:
                self._read_and_bind([statement])

    def _try(self, statement: Any) -> None:
        for block in (statement.body, *(handler.body for handler in statement.handlers), statement.orelse):
            self._maybe(block)
        self.run(statement.finalbody)

    def _read(self, nodes: Iterable[ast.AST]) -> None:
        self.needed.update(name for name in effects(nodes).reads if not touches(self.bound, name))

    def _read_and_bind(self, nodes: Sequence[ast.AST]) -> None:
        self._read(nodes)
        self.bound |= effects(nodes).binds

    def _maybe(self, statements: Sequence[ast.stmt], bound: frozenset[str] = frozenset()) -> frozenset[str]:
        """Statements that may not run: what they need is needed, what they bind may not be."""
        inner = Flow(self.bound | bound)
        inner.run(statements)
        self.needed |= inner.needed
        return inner.bound

    def _branch(self, blocks: Sequence[Sequence[ast.stmt]]) -> None:
        self.bound = frozenset.intersection(*[self._maybe(block) for block in blocks])


def flow(statements: Iterable[ast.stmt]) -> Flow:
    """Follow `statements` from their start."""
    result = Flow()
    result.run(statements)
    return result


def needed_first(statements: Sequence[ast.stmt], name: str) -> bool:
    """Whether `statements` may read `name` before they bind it anew."""
    return name in flow(statements).needed
