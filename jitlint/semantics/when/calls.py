"""When the result of a call changes: a draw, a function of the project, a library."""

from __future__ import annotations

import re

from jitlint import catalogue
from jitlint.semantics.calls import (
    CONVERSIONS,
    GATHERING,
    is_draw,
    is_network_call,
    is_opaque,
    tells_rows,
    tells_shape,
)
from jitlint.semantics.clocks import CALL, EMPTY, Clock, Clocks, Drawn, Path, Role, When, fresher, join, projected
from jitlint.semantics.graph import Kind, Node
from jitlint.semantics.project import Ref, Value
from jitlint.semantics.staleness import ARRAY_LIBRARIES, PROJECTIONS, SELECTORS
from jitlint.semantics.when.operations import Operations

_GRIDS = frozenset(
    "linspace arange range meshgrid mgrid ogrid indices affine_grid cartesian_prod create_meshgrid".split()
)
# What they give of coordinates are coordinates; other functions make values from them.
_KEEPING_GRIDS = frozenset(
    "clamp clip remainder fmod where add sub subtract mul multiply div rearrange repeat mod vstack Tensor "
    "from_numpy".split()
)
_LOADS = re.compile(r"load|read|open|fetch|fromfile|memmap|genfromtxt|datasets")
_MAKERS = frozenset("tensor array asarray as_tensor constant Tensor FloatTensor LongTensor float int str".split())


def read_inputs(node: Node) -> tuple[int, ...]:
    """The values that a call's result depends on: not what it overwrites."""
    kept = tuple(item for item, key in zip(node.arguments, node.keywords, strict=False) if key != "out")
    read = node.name.startswith(".") and node.method not in catalogue.OVERWRITES  # a called object is no data
    return (node.inputs[0], *kept) if read else kept


class Calls(Operations):
    """Answers for calls."""

    def _call(self, value: Value, node: Node, path: Path) -> When:
        if tells_shape(node) or tells_rows(self.project, value):
            return EMPTY
        said = self.what.said_by_settings(value, node)
        if said is not None and not said.augmentation:
            return self._all(value, node.inputs)
        if self._own_draw(value, node) is not None:
            return self._drawn(value, node, read_inputs(node))
        ref = self.project.callee(value)
        if ref is not None and self.project.scope(ref).name != "__init__":
            return self._returned(value, ref, path)
        if is_network_call(self.project, value, ref) or node.name.startswith(".predict"):
            return When(varies=self._all(value, node.inputs).varies)
        if node.method == "Parameter":
            return self._all(value, node.inputs)._replace(draws=())  # learned
        if node.method in PROJECTIONS:
            return projected(self._all(value, node.inputs))
        if node.method in ("next", "pop", "popleft"):
            return fresher(self.element(Value(value.scope, node.inputs[0]), None, path), self.here(value))
        if node.method in SELECTORS and node.inputs:
            return self._picked(value, node.inputs[0], node.inputs[1:], path)
        if node.name.startswith(".") and node.method in CONVERSIONS and not self._is_module(value, node):
            return self.when(Value(value.scope, node.inputs[0]), path)
        if self._is_layer(value, node) or (is_opaque(self.project, value) and ref is None and not self._gathers(node)):
            return When(varies=self._all(value, node.inputs).varies)
        return self._library_call(value, node)

    def _is_module(self, value: Value, node: Node) -> bool:
        """Whether the receiver of a call is a name that nothing binds: a module whose import is not shown."""
        receiver = Value(value.scope, node.inputs[0])
        return self.project.node(receiver).kind is Kind.GLOBAL and not self.project.aliases(receiver)

    def _is_layer(self, value: Value, node: Node) -> bool:
        """Whether a call runs a layer that a network keeps: what comes out is no longer what went in."""
        owner = self.project.scope(value.scope).owner
        if not owner or not node.has_receiver or not node.text.startswith("self."):
            return False
        return self.project.is_network_class(value.scope.path, owner)

    def _gathers(self, node: Node) -> bool:
        return node.method.endswith(("Dataset", "DataLoader", "Loader", "Sampler", "Subset", "Batch", "Data"))

    def _library_call(self, value: Value, node: Node) -> When:
        if node.name in catalogue.VARYING:
            return When(varies=self.here(value))
        made = self._mixed(value, read_inputs(node))
        if node.has_receiver and self.project.scope(value.scope).nodes[node.inputs[0]].kind is Kind.PARAM:
            name = self.project.node(Value(value.scope, node.inputs[0])).name
            asked = (
                h._replace(method=node.method) if (h.ref, h.name) == (value.scope, name) else h for h in made.holes
            )
            made = made._replace(holes=frozenset(asked))
        if catalogue.gives_batch(node.method):
            made = made._replace(varies=made.varies | self.here(value), data=made.data | {"data"})
        if node.method in _GRIDS or (catalogue.names_coordinates(node.method) and not node.has_receiver):
            return made._replace(data=made.data | {"grid"})
        if "grid" in made.data and node.method not in CONVERSIONS | GATHERING | _KEEPING_GRIDS:
            made = made._replace(data=made.data - {"grid"} | {"made"})
        if made.draws or made.data or made.holes or node.method in _MAKERS or node.name.startswith("."):
            return made
        if node.name.startswith(ARRAY_LIBRARIES) and not _LOADS.search(node.name):
            return made  # made of constants
        return made._replace(data=frozenset(["data", "loaded"] if _LOADS.search(node.name) else ["data"]))

    def _own_draw(self, value: Value, node: Node) -> Role | None:
        """What role the draw of a call itself has, or None if the call is no draw."""
        if is_draw(self.project, value) or node.name.startswith("torch.nn.init."):
            shuffles = node.method in ("shuffle", "permutation", "permuted", "sample", "choice") and node.arguments
            return Role.PICKED if shuffles else Role.NOISE
        made = self.what.made(value)
        if made.augmentation and made.draw and made.draw[:3] == (*value.scope, value.node):
            return Role.MIXED
        return None

    def _drawn(self, value: Value, node: Node, read: tuple[int, ...]) -> When:
        """What a call that draws gives, made from what it reads."""
        role = self._own_draw(value, node)
        assert role is not None
        inputs = self._all(value, read)
        fresh, restart = self._freshness(value, node)
        own = Drawn(value, fresh, value, restart, role)
        if role is Role.NOISE:
            return When((own,), fresh | inputs.varies)
        return join([inputs, When((own,), fresh)])

    def _freshness(self, value: Value, node: Node) -> tuple[Clocks, Value | None]:
        """Over which clocks a draw is fresh, and the restart of its generator that takes some away."""
        here = self.here(value)
        if node.name.startswith("jax.random.") and node.arguments:
            key = Value(value.scope, node.arguments[0])
            made = self.when(key)
            given = frozenset(Clock(hole.ref, CALL) for hole in made.holes)
            return (made.varies | given) & here, key if here - made.varies - given else None
        return here, None

    def _returned(self, value: Value, ref: Ref, path: Path, without: frozenset[int] = frozenset()) -> When:
        """What a call of a project's function gives, in the terms of its caller."""
        scope = self.project.scope(ref)
        results = scope.returns or tuple(node.inputs[0] for _, node in scope.of_kind(Kind.YIELD) if node.inputs)
        body = join(self.when(Value(ref, result), path) for result in results)
        return self.filled(body, ref, value, without)
