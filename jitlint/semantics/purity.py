"""Which functions only compute: they give a result back, and change nothing else."""

from __future__ import annotations

import functools

from jitlint.semantics.graph import Kind, Node, Scope
from jitlint.semantics.project import Project, Ref, Value

MAX_DEPTH = 4


class Purity:
    """Answers "does calling this without using its result do anything?" for one project."""

    def __init__(self, project: Project) -> None:
        self.project = project

    @functools.cache  # noqa: B019 - lives as long as the run
    def is_pure(self, ref: Ref, depth: int = 0) -> bool:
        """Whether a function gives back a new value and changes neither its arguments nor anything around."""
        scope = self.project.scope(ref)
        if not scope.returns or scope.is_generator or scope.globals or depth > MAX_DEPTH or scope.name.endswith("_"):
            return False
        if any(self._changes(scope, store.node, store.base, store.name) for store in scope.stores):
            return False
        if all(self._comes_from_outside(scope, node) for node in scope.returns):
            return False
        return not any(self._acts(Value(ref, index), scope, node, depth) for index, node in scope.calls())

    def _changes(self, scope: Scope, index: int, base: int, name: str) -> bool:
        """Whether a binding changes something that was there before the call."""
        node = scope.nodes[index]
        if base >= 0:
            return self._comes_from_outside(scope, base)
        in_place = node.kind is Kind.OP and node.name.endswith("=") and node.name not in ("==", "!=", "<=", ">=")
        if node.kind is Kind.SETITEM or in_place:
            return self._comes_from_outside(scope, node.inputs[0])
        return "." in name

    def _comes_from_outside(self, scope: Scope, index: int) -> bool:
        """Whether a value may be an argument, an attribute or a global, or a part of one, and no new object."""
        todo, seen = [index], set[int]()
        while todo:
            current = todo.pop()
            node = scope.nodes[current]
            if current in seen:
                continue
            seen.add(current)
            if node.kind in (Kind.PARAM, Kind.GLOBAL):
                return True
            if node.kind in (Kind.ATTR, Kind.INDEX, Kind.SETITEM):
                todo.append(node.inputs[0])
            elif node.kind is Kind.PHI or (node.kind is Kind.OP and node.name.endswith("=")):
                todo += node.inputs[:1] if node.kind is Kind.OP else node.inputs
            elif node.kind is Kind.LOOPVAR:
                todo.append(node.inputs[0])
        return False

    def _acts(self, value: Value, scope: Scope, node: Node, depth: int) -> bool:
        """Whether a call may do more than compute: it stands alone, or changes its receiver or an argument."""
        if node.statement >= 0 and scope.statements[node.statement].span == node.span:
            return node.method != "seed"
        in_place = node.method.endswith("_") and not node.method.endswith("__")
        if node.name.startswith(".") and in_place and self._comes_from_outside(scope, node.inputs[0]):
            return True
        if any(node.keyword(key) is not None for key in ("inplace", "out", "dst")):
            return True
        callee = self.project.callee(value)
        if callee is None or callee == value.scope or self.project.scope(callee).name == "__init__":
            return False
        passed = any(self._comes_from_outside(scope, item) for item in node.inputs)
        return passed and self._may_change(callee, depth)

    def _may_change(self, ref: Ref, depth: int) -> bool:
        scope = self.project.scope(ref)
        return (
            bool(scope.returns)
            and not self.is_pure(ref, depth + 1)
            and any(self._changes(scope, store.node, store.base, store.name) for store in scope.stores)
        )


@functools.lru_cache(maxsize=4)
def purity_of(project: Project) -> Purity:
    """The one judge of a project, shared by the rules."""
    return Purity(project)
