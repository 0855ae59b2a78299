"""Finds stale values: drawn outside a loop (or step function) and consumed inside it.

For every argument of a network call in a batch loop, the walk goes backwards to where values *enter* the
loop. A value that was drawn anew, selected by something that varies, or came from the batch on its way is
fresh; what is left entered unchanged, and if it depends on a draw, that draw is stale.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from jitlint import catalogue
from jitlint.semantics.graph import Kind, Node, RegionKind, Scope
from jitlint.semantics.loops import Loop, Loops, loops_of
from jitlint.semantics.project import COMMON_METHODS, Project, Ref, Value
from jitlint.semantics.provenance import (
    COMBINING,
    CONVERSIONS,
    SHAPE_ATTRIBUTES,
    Made,
    Provenance,
    is_draw,
    is_network_call,
    provenance_of,
    tells_shape,
)

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
HIDDEN = -1
MAX_CALLERS = 6
MAX_DEPTH = 3


class Entry(NamedTuple):
    """A value that enters a loop: its node, and the operation inside that combined it with batch data."""

    node: int
    combined: int = -1
    certain: bool = True


class Trace(NamedTuple):
    """What the inside of a loop makes of a value."""

    entries: tuple[Entry, ...] = ()
    fresh: bool = False  # carries data of this pass
    drawn: bool = False  # was drawn in this pass


class Stale(NamedTuple):
    """A stale draw that a network call in a loop consumes."""

    loop: Loop
    consumer: Value
    entry: Value  # the value at the place where it enters the loop
    origin: Value  # the same value in the scope that made it
    made: Made
    combined: Value | None
    certain: bool
    per_epoch: bool = False  # batches get different draws, but every epoch the same


NOTHING = Trace()
FRESH = Trace(fresh=True)


def join(parts: Iterable[Trace]) -> Trace:
    """The trace of a value computed from several."""
    entries: dict[Entry, None] = {}
    fresh = drawn = False
    for part in parts:
        entries.update(dict.fromkeys(part.entries))
        fresh = fresh or part.fresh
        drawn = drawn or part.drawn
    return Trace(() if drawn else tuple(entries)[:12], fresh, drawn)


class LoopTracer:
    """Traces values of one loop (or, with region 0, of one step function) to where they enter it."""

    def __init__(self, project: Project, provenance: Provenance, ref: Ref, region: int) -> None:
        self.project = project
        self.provenance = provenance
        self.ref = ref
        self.scope = project.scope(ref)
        self.region = region
        self._known: dict[int, Trace] = {}

    def inside(self, node: Node) -> bool:
        """Whether a node is computed in every pass."""
        return self.scope.within(node.region, self.region)

    def trace(self, index: int) -> Trace:
        """Where the value of a node comes from, seen from inside the loop."""
        known = self._known.get(index)
        if known is None:
            self._known[index] = NOTHING
            known = self._known[index] = self._trace(index, self.scope.nodes[index])
        return known

    def _trace(self, index: int, node: Node) -> Trace:
        kind = node.kind
        if kind in (Kind.CONST, Kind.LAMBDA):
            return NOTHING
        if kind is Kind.GLOBAL:
            return Trace((Entry(index),))
        if kind is Kind.ATTR:
            return self._attribute(index, node)
        if not self.inside(node):
            return Trace((Entry(index),))
        if kind is Kind.PARAM:
            return self._parameter(index)
        if kind is Kind.LOOPVAR:
            return FRESH
        if kind is Kind.CALL:
            return self._call(index, node)
        if kind is Kind.INDEX:
            return self._index(node)
        if kind is Kind.SETITEM:
            return join([self.trace(item) for item in node.inputs])
        parts = [self.trace(item) for item in node.inputs]
        if kind is Kind.OP and node.name in COMBINING:
            return self._combine(index, parts)
        if kind is Kind.PHI:
            return self._phi(parts)
        return join(parts)

    def _phi(self, parts: list[Trace]) -> Trace:
        """A value that is fresh on one path is refreshed there by design."""
        joined = join(parts)
        if any(part.fresh and not part.entries for part in parts):
            return joined._replace(entries=())
        return joined

    def _parameter(self, index: int) -> Trace:
        if self.project.self_class(Value(self.ref, index)) is not None:
            return NOTHING
        return FRESH

    def _attribute(self, index: int, node: Node) -> Trace:
        if node.name in SHAPE_ATTRIBUTES:
            return NOTHING
        if self.project.self_class(Value(self.ref, node.inputs[0])) is not None:
            return Trace((Entry(index),))
        return self.trace(node.inputs[0])

    def _index(self, node: Node) -> Trace:
        chosen = join(self.trace(item) for item in node.inputs[1:])
        if chosen.fresh or chosen.drawn or self._varies(node.inputs[1:]):
            return FRESH
        return self.trace(node.inputs[0])

    def _varies(self, nodes: Iterable[int]) -> bool:
        """Whether an index is computed in the loop from something that the loop changes."""
        for item in nodes:
            node = self.scope.nodes[item]
            if node.kind is Kind.PHI and self.inside(node):
                return True
            if node.kind in (Kind.OP, Kind.COLLECTION) and self._varies(node.inputs):
                return True
            if node.kind is Kind.ATTR and node.name not in SHAPE_ATTRIBUTES:
                return True
        return False

    def _combine(self, index: int, parts: list[Trace]) -> Trace:
        joined = join(parts)
        if self.scope.nodes[index].name == "@":
            return FRESH
        if not joined.fresh:
            return joined
        marked = tuple(entry if entry.combined >= 0 else entry._replace(combined=index) for entry in joined.entries)
        return joined._replace(entries=marked)

    def _call(self, index: int, node: Node) -> Trace:
        value = Value(self.ref, index)
        if is_draw(self.project, value) or node.name.startswith("torch.nn.init."):
            return Trace(drawn=True)
        if tells_shape(node):
            return NOTHING
        made = self.provenance.made(value)
        ref = self.project.callee(value)
        if self._draws_anew(made, ref, index):
            return Trace(fresh=True, drawn=True)
        if is_network_call(self.project, value, ref):
            return FRESH
        if not node.inputs or node.method in PROJECTIONS:
            return FRESH
        joined = join(self.trace(item) for item in _read_inputs(node))
        if node.method in SELECTORS and (
            joined.fresh or self._varies(node.arguments) or node.method in ("next", "pop")
        ):
            return FRESH
        if not joined.fresh or not joined.entries:
            return joined
        known = node.name.startswith(ARRAY_LIBRARIES)
        mixed = tuple(
            Entry(entry.node, index if entry.combined < 0 else entry.combined, entry.certain and known)
            for entry in joined.entries
        )
        return joined._replace(entries=mixed)

    def _draws_anew(self, made: Made, ref: Ref | None, index: int) -> bool:
        if made.draw is not None and made.draw[:3] == (self.ref.path, self.ref.qualname, index):
            return True
        return ref is not None and self.provenance.returns(ref).draw is not None


def _read_inputs(node: Node) -> tuple[int, ...]:
    """The values that a call's result depends on: not what it overwrites."""
    kept = tuple(item for item, key in zip(node.arguments, node.keywords, strict=False) if key != "out")
    return kept if node.method in catalogue.OVERWRITES or not node.has_receiver else (node.inputs[0], *kept)


class Staleness:
    """Answers which draws of a project are stale."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.provenance = provenance_of(project)
        self.loops: Loops = loops_of(project)
        self._consumes: dict[tuple[Ref, str], bool] = {}
        self._called: dict[Ref, tuple[bool, frozenset[str]]] = {}

    # -------------------------------------------------------------------------------------------- loops

    @functools.cached_property
    def in_loops(self) -> tuple[Stale, ...]:
        """Every stale draw consumed in a batch loop."""
        return tuple(
            found
            for ref, scope in (*self.project.scopes(), *self.called_elsewhere())
            if any(region.kind in (RegionKind.FOR, RegionKind.WHILE) for region in scope.regions)
            for loop in self.loops.batch_loops(ref)
            for found in self._in_region(loop)
        )

    @functools.cached_property
    def in_fits(self) -> tuple[Stale, ...]:
        """Every perturbed value given to a `fit(..., epochs=n)`, which hides the loops over epochs and batches."""
        return tuple(
            found
            for ref, scope in self.project.scopes()
            for index, node in scope.calls()
            if node.method == "fit" and node.has_receiver and self._repeats_epochs(scope, node)
            for found in self._fitted(ref, index, node)
        )

    @functools.cached_property
    def in_slices(self) -> tuple[Stale, ...]:
        """Every perturbed array made above the epochs, of which the batches of each epoch are slices."""
        return tuple(
            found
            for ref, scope in self.project.scopes()
            if any(region.kind is RegionKind.FOR for region in scope.regions)
            for loop in self.loops.batch_loops(ref)
            if loop.trains and (epoch := self.loops.epoch_loop(ref, loop.region)) is not None
            for index, node in scope.calls()
            if scope.within(node.region, loop.region)
            for argument in self.consumed(Value(ref, index), node)
            if (whole := self._sliced(scope, argument, epoch)) is not None
            for found in self._stale(Loop(ref, HIDDEN, False, True), Value(ref, index), Entry(whole))
        )

    def _sliced(self, scope: Scope, index: int, epoch: int) -> int | None:
        """The array from above a loop over epochs that a value is a slice of, in another form or not."""
        sliced = False
        for _ in range(8):
            node = scope.nodes[index]
            if not scope.within(node.region, epoch):
                return index if sliced and node.kind in (Kind.OP, Kind.CALL) else None
            is_slice = node.kind is Kind.INDEX and scope.nodes[node.inputs[1]].name == "slice"
            if not is_slice and not (node.kind is Kind.CALL and node.method in CONVERSIONS):
                return None
            sliced = sliced or is_slice
            index = node.inputs[0]
        return None

    def _repeats_epochs(self, scope: Scope, node: Node) -> bool:
        epochs = node.keyword("epochs")
        return epochs is not None and scope.nodes[epochs].value != 1

    def _fitted(self, ref: Ref, index: int, node: Node) -> Iterator[Stale]:
        for argument, key in zip(node.arguments, node.keywords, strict=True):
            if key not in (None, "x") or argument != node.arguments[0]:
                continue
            yield from self._stale(Loop(ref, HIDDEN, False, True), Value(ref, index), Entry(argument))

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

    @functools.cached_property
    def in_steps(self) -> tuple[Stale, ...]:
        """Every stale draw consumed in a step function, which runs once per batch without a visible loop."""
        return tuple(
            found
            for ref, scope in self.project.scopes()
            if self.is_step(ref, scope)
            for found in self._in_region(Loop(ref, 0, True, True))
        )

    @functools.cached_property
    def in_generators(self) -> tuple[Stale, ...]:
        """Every stale draw that a generator function combines with what it yields."""
        return tuple(
            found
            for ref, scope in self.project.scopes()
            if scope.is_generator
            for loop in self.loops.loops(ref)
            for found in self._yielded(loop, scope)
        )

    def _yielded(self, loop: Loop, scope: Scope) -> Iterator[Stale]:
        tracer = LoopTracer(self.project, self.provenance, loop.scope, loop.region)
        for index, node in enumerate(scope.nodes):
            if node.kind is Kind.YIELD and node.inputs and tracer.inside(node):
                for entry in tracer.trace(node.inputs[0]).entries:
                    if entry.combined >= 0:
                        yield from self._stale(loop._replace(loader=True), Value(loop.scope, index), entry)

    @functools.cached_property
    def in_data_path(self) -> tuple[Stale, ...]:
        """Every stale draw combined with data in `forward`, `__getitem__`, `__call__` or a training step."""
        return tuple(
            found
            for ref, scope in self.project.scopes()
            if scope.owner and scope.name in catalogue.STEP_FUNCTIONS
            for found in self._combined(ref, scope)
        )

    def _combined(self, ref: Ref, scope: Scope) -> Iterator[Stale]:
        tracer = LoopTracer(self.project, self.provenance, ref, 0)
        seen: set[int] = set()
        for index, node in enumerate(scope.nodes):
            if node.kind is not Kind.OP or node.name not in COMBINING:
                continue
            for entry in tracer.trace(index).entries:
                if entry.combined == index and entry.node not in seen:
                    seen.add(entry.node)
                    yield from self._stale(Loop(ref, 0, True, True), Value(ref, index), entry)

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

    def _in_region(self, loop: Loop) -> Iterator[Stale]:
        scope = self.project.scope(loop.scope)
        tracer = LoopTracer(self.project, self.provenance, loop.scope, loop.region)
        seen: set[int] = set()
        for index, node in scope.calls():
            if not tracer.inside(node) or self.loops.evaluates(loop.scope, node.region):
                continue
            consumer = Value(loop.scope, index)
            for argument in self.consumed(consumer, node):
                for entry in tracer.trace(argument).entries:
                    if entry.node not in seen:
                        seen.add(entry.node)
                        yield from self._stale(loop, consumer, entry)

    def consumed(self, consumer: Value, node: Node) -> Iterator[int]:
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

    def consumes(self, ref: Ref, parameter: str) -> bool:
        """Whether a function feeds a parameter to a network."""
        key = (ref, parameter)
        if key not in self._consumes:
            self._consumes[key] = False
            self._consumes[key] = self._feeds(ref, parameter)
        return self._consumes[key]

    def _feeds(self, ref: Ref, parameter: str) -> bool:
        scope = self.project.scope(ref)
        for index, node in scope.calls():
            for argument in self.consumed(Value(ref, index), node):
                if parameter in self.provenance.made(Value(ref, argument)).parameters:
                    return True
        return False

    def _stale(self, loop: Loop, consumer: Value, entry: Entry) -> Iterator[Stale]:
        where = Value(loop.scope, entry.node)
        combined = Value(loop.scope, entry.combined) if entry.combined >= 0 else None
        for origin in self.origins(where):
            made = self.provenance.made(origin)
            if made.draw is not None and not self.is_owned(origin) and not self.is_owned(where):
                yield Stale(loop, consumer, where, origin, made, combined, entry.certain)

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
        sites = list(self._methods_of(owner))
        for ref in sites:
            scope = self.project.scope(ref)
            if scope.name in SETUP_METHODS:
                continue
            for _, call in scope.calls():
                method = call.method
                if call.name.startswith(".") and (method.endswith("_") or method in ("update", "append", "copy_")):
                    receiver = scope.nodes[call.inputs[0]]
                    if receiver.kind is Kind.ATTR and receiver.name == name:
                        return True
            if any(store.name.endswith("." + name) for store in scope.stores):
                return True
        return False

    def _methods_of(self, owner: tuple[str, str]) -> list[Ref]:
        path, prefix = owner[0], owner[1] + "."
        return [Ref(path, name) for name in self.project.modules[path].scopes if name.startswith(prefix)]

    def _from_global(self, value: Value, node: Node) -> Iterator[Value]:
        module = self.project.modules[value.scope.path]
        if any(node.name in scope.globals for scope in module.scopes.values()):
            return
        yield from self.project.aliases(value)

    # -------------------------------------------------------------------------------------- exclusions

    def is_owned(self, value: Value) -> bool:
        """Whether a value is learned: a parameter, something an optimizer updates or gradients flow to."""
        scope = self.project.scope(value.scope)
        chain = set(self.chain(value))
        names = {name for name, nodes in scope.variables.items() if chain & set(nodes)}
        names |= {store.name for store in scope.stores if store.node in chain}
        for _, node in scope.calls():
            if node.keyword("requires_grad") is not None and chain & set(self.calls_made_by(scope, chain, node)):
                return True
            last = node.text.rpartition(".")[2]
            if last in ("requires_grad_", "Parameter", "retain_grad") and chain & set(node.inputs):
                return True
            if self._is_optimizer(node, last) and self._mentions(scope, node, chain, names):
                return True
        return any(f"{name}.requires_grad" in {store.name for store in scope.stores} for name in names)

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
