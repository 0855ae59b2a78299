"""Which names a piece of code reads and writes.

A name is a dotted path (`coord`, `self.coord`). A read of `self.grid.shape` is a read of `self`, `self.grid`
and `self.grid.shape`. A name is bound (`coord = x`) or its value is changed in place (`coord[0] = x`,
`coord.add_(x)`, `names.append(x)`). Names of an inner scope (parameters, comprehension targets) do not appear.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

__all__ = ["Effects", "effects", "path_of", "prefixes", "touches"]

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_SELF = ("self", "cls")
# Methods of training code that change nothing an augmentation reads.
_HARMLESS = frozenset("backward eval set_description set_postfix step train zero_grad".split())


@dataclass(frozen=True, slots=True)
class Effects:
    """What some nodes do to names; `calls_self` when they call a method of `self`."""

    reads: frozenset[str]
    binds: frozenset[str]
    changes: frozenset[str]
    calls_self: bool

    @property
    def writes(self) -> frozenset[str]:
        """What is bound or changed."""
        return self.binds | self.changes

    def reads_any(self, names: Iterable[str]) -> bool:
        """Whether one of `names` is read."""
        return not self.reads.isdisjoint(names)

    def writes_any(self, names: Iterable[str]) -> bool:
        """Whether one of `names`, or a value it is reached through, is written."""
        return any(touches(self.writes, name) for name in names)

    def with_methods(self, others: Effects) -> Effects:
        """The same where a method of `self` may be called, and `others` is what those methods do."""
        if not self.calls_self:
            return self
        reads, binds, changes = (
            frozenset(filter(_is_attribute, n)) for n in (others.reads, others.binds, others.changes)
        )
        return Effects(self.reads | reads, self.binds | binds, self.changes | changes, True)


def effects(nodes: Iterable[ast.AST], modules: frozenset[str] = frozenset()) -> Effects:
    """What the nodes do, in any order. Calling a function of one of `modules` does not change that module."""
    visitor = _Visitor()
    for node in nodes:
        visitor.visit(node)
    changes = frozenset(name for name in visitor.changes if name.partition(".")[0] not in modules)
    return Effects(frozenset(visitor.reads), frozenset(visitor.binds), changes, visitor.calls_self)


def path_of(node: ast.AST) -> str | None:
    """`"self.coord"` for that expression; None when it is no chain of attributes of a name."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = path_of(node.value)
        return base and f"{base}.{node.attr}"
    return None


def prefixes(path: str) -> Iterator[str]:
    """`self`, `self.grid`, `self.grid.shape` for the last of them."""
    parts = path.split(".")
    return (".".join(parts[:count]) for count in range(1, len(parts) + 1))


def touches(written: Iterable[str], name: str) -> bool:
    """Whether writing these names changes the value of `name`."""
    return not set(prefixes(name)).isdisjoint(written)


def _is_attribute(name: str) -> bool:
    return name.partition(".")[0] in _SELF and "." in name


class _Visitor(ast.NodeVisitor):
    def __init__(self) -> None:
        self.reads: set[str] = set()
        self.binds: set[str] = set()
        self.changes: set[str] = set()
        self.calls_self = False

    def visit_Name(self, node: ast.Name) -> None:
        (self.reads if isinstance(node.ctx, ast.Load) else self.binds).add(node.id)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        path = path_of(node)
        if path is None:
            self.visit(node.value)
        elif isinstance(node.ctx, ast.Load):
            self.reads.update(prefixes(path))
        else:
            self.reads.update(prefixes(path.rpartition(".")[0]))
            self.binds.add(path)
            self._change(path.rpartition(".")[0])

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self.generic_visit(node)
        if not isinstance(node.ctx, ast.Load):
            self._change_value(node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.generic_visit(node)
        self.reads.update(prefixes(path_of(node.target) or "_"))

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        self.calls_self |= path_of(node.func) in _SELF
        if not isinstance(node.func, ast.Attribute):
            return
        self.calls_self |= path_of(node.func.value) in _SELF
        if node.func.attr.endswith("_") and not node.func.attr.startswith("_"):
            self._change_value(node.func.value)

    def visit_Expr(self, node: ast.Expr) -> None:
        """A method called for its effect (`names.append(x)`) may change what it is called on."""
        self.generic_visit(node)
        call = node.value
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr not in _HARMLESS:
            self._change_value(call.func.value)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        self.generic_visit(node)
        self._bind(node.name)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        self.generic_visit(node)
        self._bind(node.name)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        self._bind(node.name)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        self.generic_visit(node)
        self._bind(node.rest)

    def visit_alias(self, node: ast.alias) -> None:
        self._bind((node.asname or node.name).partition(".")[0])

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._visit_function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._visit_function(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._visit_function(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for outside in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(outside)
        self._visit_inner(node.body, set())
        self._bind(node.name)

    def visit_ListComp(self, node: ast.ListComp) -> None:
        self._visit_comprehension(node)

    def visit_SetComp(self, node: ast.SetComp) -> None:
        self._visit_comprehension(node)

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._visit_comprehension(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self._visit_comprehension(node)

    def _visit_function(self, node: _Function) -> None:
        arguments = node.args
        for default in (*arguments.defaults, *filter(None, arguments.kw_defaults)):
            self.visit(default)
        if isinstance(node, ast.Lambda):
            self._visit_inner([node.body], _parameters(arguments))
            return
        for decorator in node.decorator_list:
            self.visit(decorator)
        self._visit_inner(node.body, _parameters(arguments))
        self._bind(node.name)

    def _visit_inner(self, body: Iterable[ast.AST], local: set[str]) -> None:
        """An inner scope: what it takes from outside, and what it declares to be outside."""
        inner = _Visitor()
        shared: set[str] = set()
        for node in body:
            inner.visit(node)
            declarations = (part for part in ast.walk(node) if isinstance(part, ast.Global | ast.Nonlocal))
            shared.update(name for declaration in declarations for name in declaration.names)
        local = (local | {name for name in inner.binds if "." not in name}) - shared
        self._take(inner, local)

    def _visit_comprehension(self, node: _Comprehension) -> None:
        inner = _Visitor()
        inner.generic_visit(node)
        self._take(inner, set(effects(generator.target for generator in node.generators).binds))
        self.calls_self |= inner.calls_self

    def _take(self, inner: _Visitor, local: set[str]) -> None:
        for mine, theirs in ((self.reads, inner.reads), (self.binds, inner.binds), (self.changes, inner.changes)):
            mine.update(name for name in theirs if name.partition(".")[0] not in local)

    def _bind(self, name: str | None) -> None:
        if name is not None:
            self.binds.add(name)

    def _change_value(self, node: ast.AST) -> None:
        path = path_of(node)
        if path is not None:
            self.reads.update(prefixes(path))
            self._change(path)

    def _change(self, path: str) -> None:
        """A change of `a.b` changes `a`; but were it so for `self`, everything would depend on everything."""
        self.changes.update(part for part in prefixes(path) if part not in _SELF)


def _parameters(arguments: ast.arguments) -> set[str]:
    every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg)
    return {argument.arg for argument in every if argument is not None}
