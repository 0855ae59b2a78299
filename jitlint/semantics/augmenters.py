"""Which functions, transform classes and calls augment: by what they do, by the catalogue, by their name."""

from __future__ import annotations

import enum
import functools
import re

from jitlint import catalogue
from jitlint.semantics.calls import is_draw, outer_values
from jitlint.semantics.graph import Kind, Node, Scope
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.provenance import Provenance, provenance_of

# Random on purpose, and no augmentation of training data: samplers, policies, initialisers, attacks.
_OTHER_RANDOMNESS = re.compile(
    r"(?:^|_)(?:reparam\w*|sample\w*|sampling|sampler|latent|policy|action|actions|explore|exploration|dropout|drop|init|"
    r"initialize|weights?|attack|pgd|fgsm|generate|generator|split|negative|negatives|anchor|anchors|roi|proposals?|"
    r"bootstrap|mutate|mutation|crossover|select|pick|choose|fill|plot|draw|replay|memory|buffer|seed|worker|quantize\w*|"
    r"gumbel|langevin|sde|diffuse|diffusion|render|ray|rays|raw|batch|batches|step|forward|encode|decode|bottleneck|"
    r"posterior|prior|shuffle|permute|dataset|data|loader|simulate|synthesize|synthetic|make|create|load|read|get|build|toy)(?:_|\d|$)"
)
_CALLS = ("__call__", "forward", "call", "transform", "apply", "augment")
MAX_DEPTH = 3


class How(enum.IntEnum):
    """How sure it is that something augments."""

    RANDOM = 1  # it changes its argument at random, and may have another purpose
    NAME = 2  # only its name says so
    SURE = 3  # it does and has the name, or a library says so


class Augmenters:
    """Recognises the augmentations of one project, remembering the answers."""

    def __init__(self, project: Project, provenance: Provenance) -> None:
        self.project = project
        self.provenance = provenance

    # ---------------------------------------------------------------------------------------- functions

    @functools.cache  # noqa: B019 - lives as long as the run
    def function(self, ref: Ref) -> How | None:
        """Whether a function of the project augments an argument, returned or changed in place."""
        name = self.project.scope(ref).name
        named = catalogue.names_augmentation(name)
        if not named and not self._may_draw(ref):
            return None
        if self.provenance.perturbs(ref) or self.changes_argument(ref):
            return How.SURE if named else self._random_only(name)
        if not named or not self._may_give_back(ref):
            return None
        return How.NAME if self._may_draw(ref) or self._calls_outside(ref) else None

    def _may_give_back(self, ref: Ref) -> bool:
        """Whether what a function is given may come back changed, returned or in place, as far as its body shows.

        A mask of draws alone holds nothing of the argument; what deletes files returns nothing at all.
        """
        scope = self.project.scope(ref)
        if any(node.kind is Kind.YIELD for node in scope.nodes):
            return True
        given = [scope.nodes[item] for item in scope.returns]
        if any(node.kind is not Kind.CONST or node.value is not None for node in given):
            return self.provenance.returns(ref).data
        return any(node.has_receiver and node.method.endswith("_") for _, node in scope.calls())

    def _fills_a_store(self, ref: Ref) -> bool:
        """Whether a method keeps what it is given beside what it was given before: a pool of past samples."""
        scope = self.project.scope(ref)
        for _, node in scope.calls():
            kept = scope.nodes[node.inputs[0]] if node.has_receiver and node.method == "append" else None
            if kept is not None and kept.kind is Kind.ATTR:
                given = any(scope.nodes[item].kind is Kind.PARAM for item in node.arguments)
                if given and self.project.self_class(Value(ref, kept.inputs[0])):
                    return True
        return False

    def _random_only(self, name: str) -> How | None:
        return None if name.startswith("__") or _OTHER_RANDOMNESS.search(catalogue.snake(name)) else How.RANDOM

    @functools.cache  # noqa: B019 - lives as long as the run
    def _may_draw(self, ref: Ref, depth: int = 0) -> bool:
        """Whether a draw can happen in a function or in what it calls."""
        for index, node in self.project.scope(ref).calls():
            value = Value(ref, index)
            if is_draw(self.project, value) or catalogue.is_functional_augmentation(node.name):
                return True
            if catalogue.names_augmentation(node.text.rpartition(".")[2]):
                return True
            callee = self.project.callee(value) if depth < MAX_DEPTH else None
            if callee is not None and callee != ref and self._may_draw(callee, depth + 1):
                return True
        return False

    def _calls_outside(self, ref: Ref) -> bool:
        """Whether a function's body leaves the project, so that what it does cannot be seen."""
        return any(
            not node.has_receiver and "." in node.name and node.name.partition(".")[0] not in ("torch", "numpy", "math")
            for _, node in self.project.scope(ref).calls()
        )

    @functools.cache  # noqa: B019 - lives as long as the run
    def changes_argument(self, ref: Ref, depth: int = 0) -> bool:
        """Whether a function changes an argument in place, at random."""
        scope = self.project.scope(ref)
        names = {parameter.name for parameter in scope.parameters} - {"self", "cls"}
        for store in scope.stores:
            node = scope.nodes[store.node]
            if store.name in names and self._in_place(ref, node):
                return True
        return depth < MAX_DEPTH and any(
            self._passes_on(Value(ref, index), node, depth) for index, node in scope.calls() if node.inputs
        )

    def _in_place(self, ref: Ref, node: Node) -> bool:
        if node.kind is Kind.SETITEM or (node.kind is Kind.OP and node.name.endswith("=")):
            parts = [self.provenance.made(Value(ref, item)) for item in node.inputs]
            return parts[0].data and any(part.draw is not None for part in parts[1:])
        return False

    def _passes_on(self, value: Value, node: Node, depth: int) -> bool:
        """Whether a call hands a parameter of this function to one that changes it in place."""
        nodes = self.project.scope(value.scope).nodes
        if not any(nodes[item].kind in (Kind.PARAM, Kind.PHI) for item in node.arguments):
            return False
        callee = self.project.callee(value)
        return callee is not None and callee != value.scope and self.changes_argument(callee, depth + 1)

    # ------------------------------------------------------------------------------------------ classes

    @functools.cache  # noqa: B019 - lives as long as the run
    def transform_class(self, path: str, qualname: str) -> How | None:
        """Whether a class of the project is a transform whose objects draw on every call."""
        named = catalogue.names_augmentation(qualname.rpartition(".")[2])
        if self.project.is_network_class(path, qualname) and not named:
            return None
        for name in _CALLS:
            ref = self.project.method(path, qualname, name)
            if ref is None:
                continue
            if self._fills_a_store(ref):
                return None
            if self.provenance.perturbs(ref) or self.changes_argument(ref):
                return How.SURE if named else self._random_only(qualname.rpartition(".")[2])
            if named and self._may_give_back(ref) and self._may_draw(ref):
                return How.NAME
        return None

    # -------------------------------------------------------------------------------------------- calls

    def call(self, value: Value) -> How | None:
        """Whether a call augments one of its arguments."""
        node = self.project.node(value)
        ref = self.project.callee(value)
        if ref is not None and self.project.scope(ref).name not in ("__init__", "__call__", "forward"):
            return self.function(ref)
        if ref is not None and self.project.scope(ref).name == "__call__":
            return self.transform_class(ref.path, self.project.scope(ref).owner)
        if self.provenance.augments_outside(value, node):
            return How.SURE if catalogue.is_functional_augmentation(node.name) else How.NAME
        return How.SURE if node.arguments and self.called_transform(value, node) else None

    def has_live(self, ref: Ref, scope: Scope) -> bool:
        """Whether the code of a function augments something: by a call, or by noise of its own."""
        if any(self.call(Value(ref, index)) is not None for index, _ in scope.calls()):
            return True
        return any(self.provenance.made(Value(ref, store.node)).perturbed for store in scope.stores)

    def called_transform(self, value: Value, node: Node) -> bool:
        """Whether what is called is a transform object that draws: `self.augment(x)`, `jitter(x)`."""
        return any(map(self.is_transform, self.called_values(value, node)))

    def called_values(self, value: Value, node: Node) -> tuple[Value, ...]:
        """The objects that a call may call."""
        if node.name == "()":
            return (Value(value.scope, node.inputs[0]),)
        if node.name.startswith("."):
            owner = self.project.self_class(Value(value.scope, node.inputs[0]))
            return self.project.attribute_stores(owner, node.method) if owner else ()
        return outer_values(self.project, value.scope, node.name)

    def is_transform(self, value: Value, depth: int = 0) -> bool:
        """Whether a value is a transform object that draws, of a library or of the project."""
        if depth > 6:
            return False
        node = self.project.node(value)
        if node.kind is Kind.CALL and not node.has_receiver:
            if catalogue.is_transform_class(node.name):
                return True
            found = self.project.find_class(value.scope.path, node.name)
            if found:
                return self.transform_class(found[0], found[1].qualname) is not None
            if node.method not in catalogue.COMPOSERS:
                return False
            return any(self.is_transform(Value(value.scope, item), depth + 1) for item in node.arguments)
        if node.kind in (Kind.COLLECTION, Kind.PHI, Kind.COMPREHENSION, Kind.OP):
            return any(self.is_transform(Value(value.scope, item), depth + 1) for item in node.inputs)
        return any(self.is_transform(alias, depth + 1) for alias in self.project.aliases(value))


@functools.lru_cache(maxsize=4)
def augmenters_of(project: Project) -> Augmenters:
    """The one recogniser of a project, shared by the rules."""
    return Augmenters(project, provenance_of(project))
