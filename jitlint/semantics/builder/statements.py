"""Statements: they are evaluated in order, branches are merged, and a loop has phis at its head."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from jitlint.diagnostic import Span
from jitlint.semantics.builder.definitions import Definitions
from jitlint.semantics.builder.expressions import SYMBOLS
from jitlint.semantics.builder.in_place import assigned
from jitlint.semantics.builder.syntax import dotted, span_of
from jitlint.semantics.graph import Kind, RegionKind, Statement


class ScopeBuilder(Definitions):
    """Evaluates one scope."""

    def build(self, body: Iterable[ast.stmt]) -> None:
        """Evaluate the whole scope."""
        self.block(body)
        self.finish()

    def block(self, body: Iterable[ast.stmt]) -> bool:
        """Evaluate statements in order; True when control never reaches the end."""
        ended = False
        for tree in body:
            ended = self.visit(tree) or ended
        return ended

    def visit(self, tree: ast.stmt) -> bool:
        outer, outer_binds, region = self.statement, self.binds, self.region
        self.statement = len(self.statements)
        span = span_of(tree)
        self.statements.append(Statement(span, region))
        self.binds = []
        handler = _STATEMENTS.get(type(tree))
        ended = bool(handler(self, tree)) if handler else False
        if self.binds:
            self.statements[self.statement] = Statement(span, region, tuple(dict.fromkeys(self.binds)))
        self.binds = outer_binds + self.binds
        self.statement, self.region = outer, region
        return ended

    def visit_block(self, body: Sequence[ast.stmt], region: int) -> bool:
        outer, statement = self.region, self.statement
        self.region = region
        ended = self.block(body)
        self.region, self.statement = outer, statement
        return ended

    def expression_statement(self, tree: ast.Expr) -> None:
        node = self.value(tree.value)
        self.mutation(tree.value, node)

    def assign(self, tree: ast.Assign) -> None:
        node = self.value(tree.value)
        for target in tree.targets:
            self.bind(target, node, tree.value)

    def annotated_assign(self, tree: ast.AnnAssign) -> None:
        if tree.value is not None:
            self.bind(tree.target, self.value(tree.value), tree.value)

    def augmented_assign(self, tree: ast.AugAssign) -> None:
        left = self.value(tree.target)
        right = self.value(tree.value)
        symbol = SYMBOLS.get(type(tree.op), "?")
        node = self.add(Kind.OP, span_of(tree), (left, right), symbol + "=")
        self.bind(tree.target, node, None)

    def return_(self, tree: ast.Return) -> bool:
        if tree.value is not None:
            self.returns.append(self.value(tree.value))
        self.add(Kind.WORD, span_of(tree), (), "return")
        return True

    def leave(self, tree: ast.stmt) -> bool:
        self.say(tree)
        return True

    def say(self, tree: ast.stmt) -> None:
        """`break`, `raise error`, `assert x`: what it reads, and that it stands here."""
        inputs = tuple(self.value(child) for child in ast.iter_child_nodes(tree) if isinstance(child, ast.expr))
        self.add(Kind.WORD, span_of(tree), inputs, type(tree).__name__.lower())

    def delete(self, tree: ast.Delete) -> None:
        self.say(tree)
        for target in tree.targets:
            name = dotted(target)
            if name:
                self.environment.pop(name, None)

    def if_(self, tree: ast.If) -> bool:
        test = self.value(tree.test)
        before = dict(self.environment)
        ended = self.visit_block(tree.body, self.open_region(RegionKind.THEN, test, span_of(tree.test)))
        ended = ended or (isinstance(tree.test, ast.Constant) and not tree.test.value)  # `if False:` never gets there
        after_body, self.environment = self.environment, before
        ended_else = False
        if tree.orelse:
            after_body, before = after_body, dict(before)
            region = self.open_region(RegionKind.ELSE, test, span_of(tree.test))
            ended_else = self.visit_block(tree.orelse, region)
        if ended and not ended_else:
            return False
        if ended_else and not ended:
            self.environment = after_body
            return False
        self.merge(after_body, span_of(tree.test))
        return ended and ended_else

    def for_(self, tree: ast.For | ast.AsyncFor) -> bool:
        iterable = self.value(tree.iter)
        header = Span(tree.lineno, tree.col_offset, tree.iter.end_lineno or 0, tree.iter.end_col_offset or 0)
        region = self.open_region(RegionKind.FOR, iterable, header)
        self.loop(tree.body, region, header, lambda: self._bind_loop_variable(tree.target, iterable, header))
        if tree.orelse:
            self.block(tree.orelse)
        return False

    def _bind_loop_variable(self, target: ast.expr, iterable: int, header: Span) -> None:
        element = self.add(Kind.LOOPVAR, header, (iterable,))
        self.bind(target, element, None)

    def while_(self, tree: ast.While) -> bool:
        header = Span(tree.lineno, tree.col_offset, tree.test.end_lineno or 0, tree.test.end_col_offset or 0)
        region = self.open_region(RegionKind.WHILE, -1, header)
        tests: list[int] = []
        self.loop(tree.body, region, header, lambda: tests.append(self.value(tree.test)))
        self.regions[region] = self.regions[region]._replace(header=tests[0])
        if tree.orelse:
            self.block(tree.orelse)
        return False

    def loop(self, body: Sequence[ast.stmt], region: int, header: Span, start: Callable[[], None]) -> None:
        """Evaluate a loop's body with a phi at its head for every name that the body binds again."""
        outer, self.region = self.region, region
        heads: dict[str, int] = {}
        for name in sorted(assigned(body) & self.environment.keys()):
            heads[name] = self.add(Kind.PHI, header, (self.environment[name],), name)
            self.environment[name] = heads[name]
        start()
        statement = self.statement
        self.block(body)
        self.statement = statement
        for name, head in heads.items():
            last = self.environment.get(name, head)
            if last != head:
                self.nodes[head] = self.nodes[head]._replace(inputs=(*self.nodes[head].inputs, last))
            self.environment[name] = head
        self.region = outer

    def with_(self, tree: ast.With | ast.AsyncWith) -> bool:
        region = self.region
        for item in tree.items:
            context = self.value(item.context_expr)
            region = self.open_region(RegionKind.WITH, context, span_of(item.context_expr))
            self.region = region
            if item.optional_vars is not None:
                self.bind(item.optional_vars, self.add(Kind.ENTER, span_of(item.context_expr), (context,)), None)
        return self.visit_block(tree.body, region)

    def try_(self, tree: Any) -> bool:
        before = dict(self.environment)
        ended = self.visit_block(tree.body, self.open_region(RegionKind.TRY))
        for handler in tree.handlers:
            after, self.environment = self.environment, dict(before)
            if not self.visit_block(handler.body, self.open_region(RegionKind.TRY)):
                after, self.environment = self.environment, after
                self.merge(after, span_of(handler))
            else:
                self.environment = after
        self.block(tree.orelse)
        self.block(tree.finalbody)
        return ended and not tree.handlers

    def match_(self, tree: Any) -> bool:
        subject = self.value(tree.subject)
        before = dict(self.environment)
        merged = dict(before)
        for case in tree.cases:
            self.environment = dict(before)
            if not self.visit_block(case.body, self.open_region(RegionKind.THEN, subject, span_of(tree.subject))):
                after, self.environment = self.environment, merged
                self.merge(after, span_of(tree.subject))
                merged = self.environment
        self.environment = merged
        return False


_STATEMENTS: dict[type, Callable[[ScopeBuilder, Any], bool | None]] = {
    ast.Expr: ScopeBuilder.expression_statement,
    ast.Assign: ScopeBuilder.assign,
    ast.AnnAssign: ScopeBuilder.annotated_assign,
    ast.AugAssign: ScopeBuilder.augmented_assign,
    ast.Return: ScopeBuilder.return_,
    ast.Raise: ScopeBuilder.leave,
    ast.Continue: ScopeBuilder.leave,
    ast.Break: ScopeBuilder.leave,
    ast.Assert: ScopeBuilder.say,
    ast.If: ScopeBuilder.if_,
    ast.For: ScopeBuilder.for_,
    ast.AsyncFor: ScopeBuilder.for_,
    ast.While: ScopeBuilder.while_,
    ast.With: ScopeBuilder.with_,
    ast.AsyncWith: ScopeBuilder.with_,
    ast.Try: ScopeBuilder.try_,
    ast.Delete: ScopeBuilder.delete,
    ast.Global: ScopeBuilder.global_,
    ast.Nonlocal: ScopeBuilder.global_,
    ast.Import: ScopeBuilder.import_,
    ast.ImportFrom: ScopeBuilder.import_from,
    ast.FunctionDef: ScopeBuilder.function,
    ast.AsyncFunctionDef: ScopeBuilder.function,
    ast.ClassDef: ScopeBuilder.class_,
    ast.Match: ScopeBuilder.match_,
}
if hasattr(ast, "TryStar"):
    _STATEMENTS[ast.TryStar] = ScopeBuilder.try_
