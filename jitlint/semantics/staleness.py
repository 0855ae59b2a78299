"""What networks consume, where values come from, and what a training owns.

Which calls feed a network, through helpers too; in which scopes a value was made that enters one; and whether a
value is learned, so that it is no noise.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import NamedTuple

from jitlint import catalogue
from jitlint.semantics.calls import is_network_call
from jitlint.semantics.clocks import Drawn
from jitlint.semantics.contents import contents_of
from jitlint.semantics.flow import sources
from jitlint.semantics.graph import Kind, Node, Scope
from jitlint.semantics.loops import Loop, Loops, loops_of
from jitlint.semantics.memo import remembered
from jitlint.semantics.project import COMMON_METHODS, Project, Ref, Value
from jitlint.semantics.provenance import Made, provenance_of

# Calls that pick elements: with an index that varies, every pass sees other ones.
SELECTORS = frozenset(
    "gather index_select take take_along_dim take_along_axis choice next pop popleft sample get roll".split()
)
# Products with a matrix: a random one is a projection, not noise.
PROJECTIONS = frozenset("matmul mm bmm einsum linear dot tensordot addmm conv2d conv1d".split())
# Their functions mix what they are given; of another function it is not sure what it takes from its arguments.
ARRAY_LIBRARIES = ("torch.", "numpy.", "jax.", "tensorflow.", "einops.", "scipy.", "kornia.", "cv2.")
# Methods that run before training starts.
SETUP_METHODS = frozenset(
    "__init__ __post_init__ setup build prepare prepare_data initialize init configure_model setUp on_fit_start "
    "on_train_start build_model create reset_parameters".split()
)
# The region of a loop that a call hides.
_LEARNED = frozenset({"requires_grad_", "Parameter", "retain_grad"})
HIDDEN = -1
MAX_CALLERS = 6
MAX_DEPTH = 3


class Stale(NamedTuple):
    """A stale draw that a network call in a loop consumes."""

    loop: Loop
    consumer: Value
    entry: Value  # the value at the place where it enters the loop
    origin: Value  # the same value in the scope that made it
    made: Made
    combined: Value | None
    certain: bool
    drawn: Drawn
    per_epoch: bool = False  # batches get different draws, but every epoch the same


class Staleness:
    """Answers what the networks of a project consume."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.provenance = provenance_of(project)
        self.loops: Loops = loops_of(project)
        self._called: dict[Ref, tuple[bool, frozenset[str]]] = {}

    # -------------------------------------------------------------------------------------------- loops

    def called_elsewhere(self) -> list[tuple[Ref, Scope]]:
        """The functions of other files of the project that the files asked for call: their loops may use
        what is drawn here."""
        asked = set(self.project.asked)
        found: dict[Ref, Scope] = {}
        drawing = self._drawing_names
        for ref, scope in self.project.scopes():
            if not self._draws(ref, scope, drawing):
                continue
            for index, node in scope.calls():
                callee = self.project.callee(Value(ref, index)) if node.arguments else None
                if callee is not None and callee.path not in asked:
                    found[callee] = self.project.scope(callee)
        return list(found.items())

    @functools.cached_property
    def _drawing_names(self) -> frozenset[str]:
        """Bare names of the functions that draw, or call one that does: seen from names alone, before any file
        is loaded to look into it."""
        found: set[str] = set()
        for _ in range(2):
            known = frozenset(found)
            for ref, scope in self.project.scopes():
                if scope.name not in COMMON_METHODS and self._draws(ref, scope, known):
                    found.add(scope.name)
        return frozenset(found)

    def _draws(self, ref: Ref, scope: Scope, drawing: frozenset[str]) -> bool:
        itself, names = self._called_names(ref, scope)
        return itself or not names.isdisjoint(drawing)

    def _called_names(self, ref: Ref, scope: Scope) -> tuple[bool, frozenset[str]]:
        """Whether a call of a scope has the name of a draw, and the bare names of all its calls."""
        if ref not in self._called:
            calls = [(node.name, node.text.rpartition(".")[2]) for _, node in scope.calls()]
            itself = any(name in catalogue.DRAWS or _names_draw(last) for name, last in calls)
            self._called[ref] = itself, frozenset(last for _, last in calls)
        return self._called[ref]

    def trains_on(self, stale: Stale) -> bool:
        """Whether the consumer's result reaches the loss that its loop trains on."""
        scope = self.project.scope(stale.loop.scope)
        todo = [
            item
            for index, node in scope.calls()
            if scope.within(node.region, stale.loop.region)
            and self.loops.is_training_call(Value(stale.loop.scope, index))
            for item in (index, *node.inputs)
        ]
        seen: set[int] = set()
        while todo:
            index = todo.pop()
            if index == stale.consumer.node:
                return True
            if index not in seen:
                seen.add(index)
                todo += scope.nodes[index].inputs
        return False

    def is_step(self, ref: Ref, scope: Scope) -> bool:
        """Whether a function runs once per training batch."""
        if self.project.is_configured("step_functions", scope.qualname):
            return True
        return bool(scope.owner) and scope.name in catalogue.TRAINING_STEP_FUNCTIONS

    def consumed(self, consumer: Value, node: Node) -> Iterator[int]:
        """The values of its own scope that a network consumes by a call: arguments, or what a closure reads."""
        yield from self._captured(consumer, node, self.project.callee(consumer))
        yield from self._given(consumer, node)

    def _given(self, consumer: Value, node: Node) -> Iterator[int]:
        """The arguments of a call that a network consumes."""
        ref = self.project.callee(consumer)
        if is_network_call(self.project, consumer, ref):
            yield from node.arguments
        elif ref is None and node.has_receiver and node.method == "train_on_batch":
            yield from node.arguments[:1]
        elif ref is None and node.name == ".run":
            yield from self.loops.fed_values(consumer, node)
        elif ref is not None:
            for parameter in self.project.scope(ref).parameters:
                argument = self.project.argument(consumer, ref, parameter.name)
                if argument is not None and self.consumes(ref, parameter.name):
                    yield argument

    def _captured(self, consumer: Value, node: Node, ref: Ref | None) -> Iterator[int]:
        """What a function defined in the scope of a call, and called or handed on by it, feeds to a network.

        `optimizer.step(closure)`, where `closure` calls `model(coords)`.
        """
        scope = self.project.scope(consumer.scope)
        handed_on = (scope.nodes[item].name for item in node.arguments if scope.nodes[item].kind is Kind.GLOBAL)
        module, path = self.project.modules[consumer.scope.path], consumer.scope.path
        inner = [Ref(path, name) for name in handed_on if name in module.scopes]
        if ref is not None and ref.path == path:
            inner.append(ref)
        for closure in inner:
            if scope.qualname and module.scopes[closure.qualname].parent == scope.qualname:
                for name in sorted(self._feeds(closure)):
                    bound = [index for index in scope.variables.get(name, ()) if index < consumer.node]
                    yield from bound[-1:]

    @remembered(frozenset[str]())
    def _feeds(self, ref: Ref) -> frozenset[str]:
        """The variables of the scopes around it that a function feeds to a network."""
        scope = self.project.scope(ref)
        fed = [item for index, node in scope.calls() for item in self.consumed(Value(ref, index), node)]
        read = (scope.nodes[item] for item in sources(scope, fed))
        return frozenset(node.name for node in read if node.kind is Kind.GLOBAL)

    @remembered(False)
    def consumes(self, ref: Ref, parameter: str) -> bool:
        """Whether a function feeds a parameter to a network."""
        scope = self.project.scope(ref)
        for index, node in scope.calls():
            for argument in self._given(Value(ref, index), node):  # a closure may read one part of it: `x` of `x, y`
                if parameter in self.provenance.made(Value(ref, argument)).parameters:
                    return True
        return False

    # ------------------------------------------------------------------------------------------ origins

    def origins(self, value: Value, depth: int = 0) -> Iterator[Value]:
        """The value in the scopes that made it: at the callers, in `__init__`, at the module's top level."""
        node = self.project.node(value)
        if depth > MAX_DEPTH:
            return
        if node.kind is Kind.PARAM:
            yield from self._from_callers(value, node, depth)
        elif node.kind is Kind.ATTR and self.project.self_class(Value(value.scope, node.inputs[0])):
            yield from self._from_attribute(value, node, depth)
        elif node.kind is Kind.GLOBAL:
            yield from self._from_global(value, node)
        else:
            yield value

    def _from_callers(self, value: Value, node: Node, depth: int) -> Iterator[Value]:
        for site in self.project.callers(value.scope)[:MAX_CALLERS]:
            argument = self.project.argument(site, value.scope, node.name)
            if argument is not None:
                yield from self.origins(Value(site.scope, argument), depth + 1)

    def _from_attribute(self, value: Value, node: Node, depth: int) -> Iterator[Value]:
        owner = self.project.self_class(Value(value.scope, node.inputs[0]))
        assert owner is not None
        stores = self.project.attribute_stores(owner, node.name)
        if any(self.project.scope(store.scope).name not in SETUP_METHODS for store in stores):
            return
        if self.is_refilled(owner, node.name):
            return
        for store in stores or self.project.aliases(value):
            yield from self.origins(store, depth + 1)

    def is_refilled(self, owner: tuple[str, str], name: str) -> bool:
        """Whether some method changes `self.name` in place, or hands it to something that may."""
        methods = ((ref, self.project.scope(ref)) for ref in self._methods_of(owner))
        return any(self.is_changed(ref, 0, name) for ref, scope in methods if scope.name not in SETUP_METHODS)

    def is_changed(self, ref: Ref, region: int, name: str) -> bool:
        """Whether a region of a method changes `self.name` in place, or sets it."""
        scope = self.project.scope(ref)
        for _, call in scope.calls():
            method = call.method
            if call.name.startswith(".") and (method.endswith("_") or method in ("update", "append", "copy_")):
                receiver = scope.nodes[call.inputs[0]]
                if receiver.kind is Kind.ATTR and receiver.name == name and scope.within(call.region, region):
                    return True
        return any(item.name.endswith("." + name) and scope.within(item.region, region) for item in scope.stores)

    def _methods_of(self, owner: tuple[str, str]) -> list[Ref]:
        path, prefix = owner[0], owner[1] + "."
        return [Ref(path, name) for name in self.project.modules[path].scopes if name.startswith(prefix)]

    def _from_global(self, value: Value, node: Node) -> Iterator[Value]:
        module = self.project.modules[value.scope.path]
        if any(node.name in scope.globals for scope in module.scopes.values()):
            return
        yield from self.project.aliases(value)

    # -------------------------------------------------------------------------------------- exclusions

    @remembered(False)
    def is_owned(self, value: Value) -> bool:
        """Whether a value is learned: a parameter, something an optimizer updates or gradients flow to."""
        scope = self.project.scope(value.scope)
        learning = self._learning_calls(value.scope)
        sets = self._sets_requires_grad(value.scope)
        if not learning and not sets:
            return False
        chain = set(self.chain(value))
        contents = contents_of(self.project, value.scope)
        names = {name for item in chain for name in (*contents.variables(item), *contents.names(item))}
        for node in learning:
            if node.keyword("requires_grad") is not None and chain & set(self.calls_made_by(scope, chain, node)):
                return True
            last = node.text.rpartition(".")[2]
            if last in _LEARNED and chain & set(node.inputs):
                return True
            if self._is_optimizer(node, last) and self._mentions(scope, node, chain, names):
                return True
        return any(f"{name}.requires_grad" in sets for name in names)

    @remembered(frozenset[str]())
    def _sets_requires_grad(self, ref: Ref) -> frozenset[str]:
        """The names that end in `.requires_grad` and are set in a scope."""
        stores = self.project.scope(ref).stores
        return frozenset(store.name for store in stores if store.name.endswith(".requires_grad"))

    @remembered(tuple[Node, ...]())
    def _learning_calls(self, ref: Ref) -> tuple[Node, ...]:
        """The calls of a scope that say that a value is learned."""
        return tuple(node for _, node in self.project.scope(ref).calls() if self._is_learning(node))

    def _is_learning(self, node: Node) -> bool:
        last = node.text.rpartition(".")[2]
        is_named = last in _LEARNED or self._is_optimizer(node, last)
        return is_named or node.keyword("requires_grad") is not None

    def calls_made_by(self, scope: Scope, chain: set[int], call: Node) -> Iterator[int]:
        """The indices in `chain` at which this very call stands."""
        return (index for index in chain if scope.nodes[index] is call)

    def _is_optimizer(self, node: Node, last: str) -> bool:
        return ".optim" in node.name or bool(re.match(r"^(?:Adam\w*|SGD|RMSprop|LBFGS|Adagrad|RAdam|Lion)$", last))

    def _mentions(self, scope: Scope, node: Node, chain: set[int], names: set[str]) -> bool:
        todo = list(node.arguments)
        for _ in range(40):
            if not todo:
                return False
            index = todo.pop()
            inner = scope.nodes[index]
            if index in chain or inner.name in names:
                return True
            if inner.kind in (Kind.COLLECTION, Kind.PHI, Kind.COMPREHENSION, Kind.OP):
                todo += inner.inputs
        return False

    def chain(self, value: Value) -> list[int]:
        """The nodes of a scope through which a draw reaches a value, the value first."""
        scope = self.project.scope(value.scope)
        found: dict[int, None] = {}
        todo = [value.node]
        while todo and len(found) < 200:
            index = todo.pop()
            if index in found or self.provenance.made(Value(value.scope, index)).draw is None:
                continue
            found[index] = None
            todo += scope.nodes[index].inputs
        return list(found)


def _names_draw(last: str) -> bool:
    return last in catalogue.REFILLS or last in catalogue.GENERATOR_DRAWS or catalogue.names_augmentation(last)


@functools.lru_cache(maxsize=4)
def staleness_of(project: Project) -> Staleness:
    """The one staleness analysis of a project, shared by the rules."""
    return Staleness(project)
