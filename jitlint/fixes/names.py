"""Which names a piece of code reads and writes.

A name is a dotted path (`coord`, `self.coord`). A read of `self.grid.shape` is a read of `self`, `self.grid` and
`self.grid.shape`. A name is bound (`coord = x`) or its value is changed in place (`coord[0] = x`, `coord.add_(x)`,
`names.append(x)`). Names of an inner scope (parameters, comprehension targets) do not appear.
"""

from __future__ import annotations

import ast
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field

__all__ = ["HARMLESS", "SELF", "Touched", "key_of", "keys_of", "path_of", "prefixes", "touched"]

SELF = ("self", "cls")
# Methods of training code that change nothing an augmentation reads.
HARMLESS = frozenset("backward eval set_description set_postfix step train zero_grad".split())


@dataclass(slots=True)
class Touched:
    """What some code does to names. `deferred`: read by functions and lambdas in it, whenever they are called."""

    reads: set[str] = field(default_factory=set)
    binds: set[str] = field(default_factory=set)
    changes: set[str] = field(default_factory=set)
    deferred: set[str] = field(default_factory=set)
    calls_self: bool = False

    @property
    def writes(self) -> set[str]:
        """What is bound or changed."""
        return self.binds | self.changes

    def only(self, keys: Container[str]) -> Touched:
        """What is done to names with some keys."""
        reads, binds, changes, later = ({name for name in names if key_of(name) in keys} for names in _sets(self))
        return Touched(reads, binds, changes, later, self.calls_self)

    @staticmethod
    def union(parts: Iterable[Touched]) -> Touched:
        """What several pieces of code do."""
        found = Touched()
        for part in parts:
            for mine, theirs in zip(_sets(found), _sets(part), strict=True):
                mine |= theirs
            found.calls_self |= part.calls_self
        return found

    def of_self(self) -> Touched:
        """Only what happens to attributes of `self`."""
        reads, binds, changes = (set(filter(_is_attribute, names)) for names in (self.reads, self.binds, self.changes))
        return Touched(reads, binds, changes)


def touched(nodes: Iterable[ast.AST], modules: frozenset[str] = frozenset()) -> Touched:
    """What the nodes do, in any order. Calling a function of one of `modules` does not change that module."""
    visitor = _Visitor()
    for node in nodes:
        visitor.visit(node)
    found = visitor.found
    found.changes = {name for name in found.changes if name.partition(".")[0] not in modules}
    return found


def path_of(node: ast.AST) -> str | None:
    """`"self.coord"` for that expression; None when it is no chain of attributes of a name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else None


def prefixes(path: str) -> Iterator[str]:
    """`self`, `self.grid`, `self.grid.shape` for the last of them."""
    parts = path.split(".")
    return (".".join(parts[:count]) for count in range(1, len(parts) + 1))


def key_of(path: str) -> str:
    """The part of a path that tells values apart: its first name, and behind `self` the second as well."""
    root, _, rest = path.partition(".")
    return f"{root}.{rest.partition('.')[0]}" if rest and root in SELF else root


def keys_of(paths: Iterable[str]) -> set[str]:
    """The keys of several paths."""
    return {key_of(path) for path in paths}


def _is_attribute(name: str) -> bool:
    return name.partition(".")[0] in SELF and "." in name


class _Visitor(ast.NodeVisitor):
    def __init__(self) -> None:
        self.found = Touched()

    def generic_visit(self, node: ast.AST) -> None:
        """What an `except`, a pattern or an import binds; then the parts."""
        if isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            self.found.binds.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            self.found.binds.add(node.rest)
        elif isinstance(node, ast.alias):
            self.found.binds.add((node.asname or node.name).partition(".")[0])
        super().generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        (self.found.reads if isinstance(node.ctx, ast.Load) else self.found.binds).add(node.id)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        path = path_of(node)
        if path is None:
            self.visit(node.value)
        elif isinstance(node.ctx, ast.Load):
            self.found.reads.update(prefixes(path))
        else:
            self.found.binds.add(path)
            self._change(node.value)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self.generic_visit(node)
        if not isinstance(node.ctx, ast.Load):
            self._change(node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.generic_visit(node)
        self.found.reads.update(prefixes(path_of(node.target) or "_"))

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        self.found.calls_self |= path_of(node.func) in SELF
        if isinstance(node.func, ast.Attribute):
            self.found.calls_self |= path_of(node.func.value) in SELF
            if node.func.attr.endswith("_") and not node.func.attr.startswith("_"):
                self._change(node.func.value)

    def visit_Expr(self, node: ast.Expr) -> None:
        """A method called for its effect (`names.append(x)`) may change what it is called on."""
        self.generic_visit(node)
        call = node.value
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr not in HARMLESS:
            self._change(call.func.value)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for outside in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(outside)
        self._visit_inner(node.body, set())
        self.found.binds.add(node.name)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._visit_function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._visit_function(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._visit_function(node)

    def visit_ListComp(self, node: ast.ListComp) -> None:
        self._visit_comprehension(node)

    def visit_SetComp(self, node: ast.SetComp) -> None:
        self._visit_comprehension(node)

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._visit_comprehension(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self._visit_comprehension(node)

    def _visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        arguments = node.args
        for outside in (
            *arguments.defaults,
            *filter(None, arguments.kw_defaults),
            *getattr(node, "decorator_list", ()),
        ):
            self.visit(outside)
        body = node.body if isinstance(node.body, list) else [node.body]
        local = {part.arg for part in ast.walk(arguments) if isinstance(part, ast.arg)}
        inner = self._visit_inner(body, local)
        self.found.deferred |= inner.reads | inner.deferred
        if not isinstance(node, ast.Lambda):
            self.found.binds.add(node.name)

    def _visit_comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        inner = _Visitor()
        inner.generic_visit(node)
        targets = touched(generator.target for generator in node.generators).binds
        self._take(inner.found, targets)
        self.found.calls_self |= inner.found.calls_self

    def _visit_inner(self, body: Iterable[ast.AST], local: set[str]) -> Touched:
        """An inner scope: what it takes from outside, and what it declares to be outside."""
        inner = _Visitor()
        shared: set[str] = set()
        for node in body:
            inner.visit(node)
            declarations = (part for part in ast.walk(node) if isinstance(part, ast.Global | ast.Nonlocal))
            shared.update(name for declaration in declarations for name in declaration.names)
        local = (local | {name for name in inner.found.binds if "." not in name}) - shared
        return self._take(inner.found, local)

    def _take(self, inner: Touched, local: set[str]) -> Touched:
        taken = Touched()
        for mine, theirs, every in zip(_sets(self.found), _sets(taken), _sets(inner), strict=True):
            theirs |= {name for name in every if name.partition(".")[0] not in local}
            mine |= theirs
        return taken

    def _change(self, node: ast.AST) -> None:
        """A change of `a.b` changes `a`; but were it so for `self`, everything would depend on everything."""
        path = path_of(node)
        if path is not None:
            self.found.reads.update(prefixes(path))
            self.found.changes.update(part for part in prefixes(path) if part not in SELF)


def _sets(found: Touched) -> tuple[set[str], set[str], set[str], set[str]]:
    return found.reads, found.binds, found.changes, found.deferred
