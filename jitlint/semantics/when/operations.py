"""When what an operator, an index or a display makes of its inputs changes."""

from __future__ import annotations

from collections.abc import Iterable

from jitlint.semantics.clocks import CALL, Clock, Path, Role, When, fresher, join, projected, with_role
from jitlint.semantics.graph import ADDING, Kind, Node
from jitlint.semantics.project import Value
from jitlint.semantics.when.elements import Elements

# Parts of parts of parts are one value: recursive functions would nest them for ever.
MAX_PATH = 3


class Operations(Elements):
    """Answers for values that are made of others in the same scope."""

    def _all(self, value: Value, nodes: Iterable[int], path: Path = ()) -> When:
        return join(self.when(Value(value.scope, item), path) for item in nodes)

    def _index(self, value: Value, node: Node, path: Path) -> When:
        scope = self.project.scope(value.scope)
        key = scope.nodes[node.inputs[1]]
        if key.kind is Kind.CONST and isinstance(key.value, (int, str)):
            return self.when(Value(value.scope, node.inputs[0]), (key.value, *path)[:MAX_PATH])
        return self._picked(value, node.inputs[0], node.inputs[1:], path)

    def _picked(self, value: Value, base: int, keys: Iterable[int], path: Path) -> When:
        keys = tuple(keys)
        whole, index = self.when(Value(value.scope, base)), self._all(value, keys)
        unknown = frozenset(Clock(hole.ref, CALL) for hole in index.holes)
        crop = any(self.is_window(Value(value.scope, item)) for item in keys)
        role = Role.MIXED if crop and whole.data else Role.PICKED
        chosen = frozenset(clock for drawn in index.draws for clock in drawn.fresh & self.here(drawn.site))
        return join([fresher(whole, index.varies | unknown, chosen), with_role(index, role)._replace(data=frozenset())])

    def is_window(self, value: Value) -> bool:
        """Whether an index cuts a window: a slice with two ends."""
        node = self.project.node(value)
        if node.kind is not Kind.COLLECTION:
            return False
        if node.name == "slice":
            return len(node.inputs) > 1
        return any(self.is_window(Value(value.scope, inner)) for inner in node.inputs)

    def _operation(self, value: Value, node: Node, path: Path) -> When:
        if node.name == "@":
            return projected(self._all(value, node.inputs))
        made = self._mixed(value, node.inputs)
        if node.name == "**" and "grid" in made.data:
            return made._replace(data=made.data - {"grid"} | {"made"})
        return made

    def _mixed(self, value: Value, inputs: Iterable[int]) -> When:
        """A draw that meets data perturbs it; of two parameters that are added, callers tell which one is drawn."""
        joined = self._perturbed(value, inputs)
        if joined.holes and not joined.draws and self._adds_parameters(value):
            return joined._replace(holes=with_role(joined, Role.MIXED).holes)
        return joined

    def _perturbed(self, value: Value, inputs: Iterable[int]) -> When:
        """What a node makes of some of its inputs: the drawn ones perturb, if anything is perturbed."""
        inputs = tuple(inputs)
        parts = [self.when(Value(value.scope, item)) for item in inputs]
        if not any(part.draws for part in parts) or not self.what.made(value).perturbed:
            return join(parts)
        made = [self.what.made(Value(value.scope, item)) for item in inputs]
        return join(
            with_role(part, Role.MIXED) if of.draw and not of.data else part
            for part, of in zip(parts, made, strict=True)
        )

    def _adds_parameters(self, value: Value) -> bool:
        """Whether a value is the sum of two that come from different parameters."""
        node = self.project.node(value)
        if node.kind is not Kind.OP or node.name not in ADDING:
            return False
        names = [{hole.name for hole in self.when(Value(value.scope, item)).holes} for item in node.inputs]
        return len(names) == 2 and all(names) and not names[0] & names[1]

    def _written(self, value: Value, node: Node, path: Path) -> When:
        """`x[key] = item`: what stood there, what is put there, and where."""
        base, item, *keys = node.inputs
        held, where = self.when(Value(value.scope, base)), self._all(value, keys)
        known = bool(held.draws or held.data or held.holes)
        written = self.project.scope(value.scope).nodes[item]
        masks = known and (written.kind is Kind.CONST or (written.kind is Kind.GLOBAL and self._is_number(value, item)))
        role = Role.MASKED if masks else Role.MIXED
        put = self.when(Value(value.scope, item))
        return join([held, put, with_role(where, role)._replace(data=frozenset())])

    def _is_number(self, value: Value, item: int) -> bool:
        aliases = self.project.aliases(Value(value.scope, item))
        return bool(aliases) and all(self.project.node(alias).kind is Kind.CONST for alias in aliases)

    def _display(self, value: Value, node: Node, path: Path) -> When:
        part, count = path[0] if path else None, len(node.inputs)
        if node.name in ("tuple", "list") and isinstance(part, int) and -count <= part < count:
            return self.when(Value(value.scope, node.inputs[part]), path[1:])
        if path and node.name == "dict":
            half = len(node.inputs) // 2
            for key, item in zip(node.inputs[:half], node.inputs[half:], strict=False):
                if self.project.node(Value(value.scope, key)).value == path[0]:
                    return self.when(Value(value.scope, item), path[1:])
        return self._all(value, node.inputs)
