"""What a statement binds: names, attributes, elements, and the storage that a call changes in place."""

from __future__ import annotations

import ast
from abc import abstractmethod
from collections.abc import Sequence

from jitlint.catalogue import OVERWRITES, REFILLS
from jitlint.semantics.builder.in_place import ARGUMENT_MUTATORS, MUTATORS, out_argument, storage
from jitlint.semantics.builder.scope import ScopeState
from jitlint.semantics.builder.syntax import dotted, span_of
from jitlint.semantics.graph import Kind, Store


class Targets(ScopeState):
    """Binds values to targets."""

    @abstractmethod
    def value(self, tree: ast.expr) -> int:
        """Evaluate an expression to its node: a target holds some, too."""

    def bind(self, target: ast.expr, node: int, value: ast.expr | None) -> None:
        if isinstance(target, ast.Name):
            self.bind_name(target.id, node)
        elif isinstance(target, (ast.Tuple, ast.List)):
            self.bind_tuple(target, node, value)
        elif isinstance(target, ast.Attribute):
            self.bind_attribute(target, node)
        elif isinstance(target, ast.Subscript):
            self.bind_item(target, node)
        elif isinstance(target, ast.Starred):
            self.bind(target.value, node, None)

    def bind_name(self, name: str, node: int) -> None:
        full = self.class_prefix + name
        self.environment[full] = node
        if not self.class_prefix:
            prefix = name + "."
            for key in [key for key in self.environment if key.startswith(prefix)]:
                del self.environment[key]
        self.binds.append(full)
        self.variables.setdefault(full, []).append(node)
        self.stores.append(Store(full, node, self.statement, self.region))
        if full == "__all__":
            self.module.exported |= self._strings_of(node)

    def _strings_of(self, node: int) -> frozenset[str]:
        values = [self.nodes[inner].value for inner in self.nodes[node].inputs]
        return frozenset(value for value in values if isinstance(value, str))

    def bind_tuple(self, target: ast.Tuple | ast.List, node: int, value: ast.expr | None) -> None:
        elements: Sequence[ast.expr | None] = [None] * len(target.elts)
        parts: Sequence[int] = ()
        if isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts):
            elements, parts = value.elts, self.nodes[node].inputs
        for position, element in enumerate(target.elts):
            if len(parts) == len(target.elts):
                part = parts[position]
            else:
                index = self.add(Kind.CONST, span_of(element), value=position)
                part = self.add(Kind.INDEX, span_of(element), (node, index))
            self.bind(element, part, elements[position])

    def bind_attribute(self, target: ast.Attribute, node: int) -> None:
        base = self.value(target.value)
        name = dotted(target) or "." + target.attr
        self.environment[name] = node
        self.binds.append(name)
        self.stores.append(Store(name, node, self.statement, self.region, base))

    def bind_item(self, target: ast.Subscript, node: int) -> None:
        base = self.value(target.value)
        changed = self.add(Kind.SETITEM, span_of(target), (base, node, self.value(target.slice)))
        name = dotted(target.value)
        if name:
            self.environment[name] = changed
            self.binds.append(name)
            self.stores.append(Store(name, changed, self.statement, self.region))

    def mutation(self, tree: ast.expr, node: int) -> None:
        """Bind a name anew when a call changes it in place."""
        made = self.nodes[node]
        if made.kind is not Kind.CALL or not isinstance(tree, ast.Call):
            return
        method = made.name.rpartition(".")[2]
        changes = method in MUTATORS or (method.endswith("_") and not method.endswith("__"))
        target: ast.expr | None = out_argument(tree)
        overwrites = target is not None or method in REFILLS or method in OVERWRITES
        if target is not None:
            pass
        elif made.name in ARGUMENT_MUTATORS or (method == "shuffle" and tree.args and made.name != "random.shuffle"):
            target = tree.args[0] if tree.args else None
        elif made.name.startswith(".") and changes and isinstance(tree.func, ast.Attribute):
            target = storage(tree.func.value)
        else:
            return
        name = dotted(target) if target is not None else None
        if name and (name in self.environment or (overwrites and name.partition(".")[0] in self.environment)):
            self.environment[name] = node
            if "." in name:
                self.stores.append(Store(name, node, self.statement, self.region))
