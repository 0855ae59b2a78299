"""Finds random walks: a value perturbed from its own last result in every pass of a loop."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from jitlint import catalogue
from jitlint.semantics.calls import is_draw, is_network_call
from jitlint.semantics.contents import contents_of
from jitlint.semantics.graph import Kind, Node, Scope
from jitlint.semantics.loops import Loop, loops_of
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.provenance import COMBINING, provenance_of
from jitlint.semantics.rewinds import rewinds_of
from jitlint.semantics.shuffles import is_epoch_loop
from jitlint.semantics.staleness import staleness_of


class Walk(NamedTuple):
    """A random walk: the update, the loop's region (0: a step function), the name, what consumes it."""

    update: Value
    region: int
    name: str
    consumer: Value | None


_FILES = re.compile(r"h5|hdf|zarr|lmdb|memmap|netcdf|tiledb|(?:^|[._])(?:open|file)")
# Methods that run before the training, and not before each of its steps.
_ONCE = re.compile(r"^__init__$|init|setup|build|prepare|configure|create|make|load_(?:model|state|checkpoint)|_start$")
_IN_PLACE = frozenset("+= -= *= .add_ .sub_ .mul_".split())
_WRAPPING = frozenset("% %= remainder fmod frac mod".split())


def random_walks(project: Project) -> Iterator[Walk]:
    """Every random walk in a batch loop, on `self.x` in a training step, and on the stored samples of a data set."""
    loops, staleness = loops_of(project), staleness_of(project)
    for ref, scope in project.scopes():
        for loop in loops.batch_loops(ref):
            yield from _in_loop(project, loop, scope)
            yield from _on_self(project, ref, scope, loop.region)
        for loop in loops.loops(ref):
            if is_epoch_loop(project, ref, scope, loop.region) and rewinds_of(project).is_pass(ref, loop.region):
                yield from _in_loop(project, loop, scope)
        if staleness.is_step(ref, scope):
            yield from _on_self(project, ref, scope, 0)
        if scope.name == "__getitem__" and project.is_dataset_class(ref.path, scope.owner):
            yield from _in_store(project, ref, scope)


def _in_loop(project: Project, loop: Loop, scope: Scope) -> Iterator[Walk]:
    ref = loop.scope
    for index in contents_of(project, ref).directly_in(loop.region):
        head = scope.nodes[index]
        if head.kind is not Kind.PHI or len(head.inputs) < 2:
            continue
        if not _starts_clean(project, Value(ref, head.inputs[0])):
            continue
        for update in _updates(scope, head.inputs[1], index):
            if _perturbs(project, Value(ref, update), index):
                consumer = _consumer(project, ref, loop.region, update)
                if consumer is not None:
                    yield Walk(Value(ref, update), loop.region, head.name, consumer)


def _starts_clean(project: Project, value: Value) -> bool:
    """Whether the value before the loop is data: not a draw, and nothing that an optimizer owns."""
    made = provenance_of(project).made(value)
    node = project.node(value)
    numeric = node.kind is Kind.CONST or (node.kind is Kind.COLLECTION and not node.inputs)
    return (made.data or node.kind is Kind.CALL) and not numeric and not staleness_of(project).is_owned(value)


def _updates(scope: Scope, last: int, head: int) -> Iterator[int]:
    """The operations on the way from the end of the loop's body back to its head."""
    todo, seen = [last], set()
    while todo:
        index = todo.pop()
        if index in seen or index == head:
            continue
        seen.add(index)
        node = scope.nodes[index]
        if node.name in _WRAPPING or node.method in _WRAPPING:
            continue  # it comes round again and again
        if node.kind is Kind.PHI and node.region != scope.nodes[head].region:
            todo += node.inputs
        elif node.kind is Kind.OP or (node.kind is Kind.CALL and _reaches(scope, index, head)):
            yield index
            todo += [item for item in node.inputs if scope.nodes[item].kind in (Kind.OP, Kind.CALL, Kind.PHI)]


def _reaches(scope: Scope, index: int, head: int, depth: int = 0) -> bool:
    if index == head:
        return True
    node = scope.nodes[index]
    return depth < 6 and any(_reaches(scope, item, head, depth + 1) for item in node.inputs)


def _perturbs(project: Project, update: Value, head: int) -> bool:
    """Whether this very operation adds a draw to the value of the last pass, and nothing learned."""
    scope = project.scope(update.scope)
    node = scope.nodes[update.node]
    if not any(_is_head(scope, item, head) for item in node.inputs):
        return False
    if provenance_of(project).made(update).draw is None:
        return False
    if node.kind is Kind.OP and (node.name not in COMBINING or not _has_drawn_operand(project, update, node, head)):
        return False
    if node.kind is Kind.CALL and not _is_perturbing_call(project, update, node):
        return False
    return not _uses_network(project, update.scope, scope, update.node)


def _is_head(scope: Scope, item: int, head: int) -> bool:
    node = scope.nodes[item]
    return item == head or (node.kind is Kind.PHI and head in node.inputs)


def _has_drawn_operand(project: Project, update: Value, node: Node, head: int = -1) -> bool:
    """Whether an operand, other than the value itself, is a draw."""
    provenance, scope = provenance_of(project), project.scope(update.scope)
    others = [item for item in node.inputs if head < 0 or not _is_head(scope, item, head)]
    parts = [provenance.made(Value(update.scope, item)) for item in others]
    return any(part.draw is not None and not part.data for part in parts)


def _is_perturbing_call(project: Project, update: Value, node: Node) -> bool:
    """`coord.add_(noise)`, or an augmentation of the value: of the project, a library or by its name."""
    if is_draw(project, update) or node.method in catalogue.OVERWRITES:
        return False  # nothing of the old values is left
    if node.method in ("add_", "sub_", "mul_") and node.has_receiver:
        return _has_drawn_operand(project, update, node)
    ref = project.callee(update)
    provenance = provenance_of(project)
    if ref is not None:
        return provenance.perturbs(ref)
    draw = provenance.made(update).draw
    return draw is not None and draw[:3] == (update.scope.path, update.scope.qualname, update.node)


def _uses_network(project: Project, ref: Ref, scope: Scope, index: int, depth: int = 0) -> bool:
    """Whether an update also adds a gradient or a network's output: an integrator."""
    node = scope.nodes[index]
    if (
        node.kind is Kind.CALL
        and depth
        and is_network_call(project, Value(ref, index), project.callee(Value(ref, index)))
    ):
        return True
    if "grad" in node.name:
        return True
    if depth > 5 or node.kind is Kind.PHI:
        return False
    return any(_uses_network(project, ref, scope, item, depth + 1) for item in node.inputs)


def _consumer(project: Project, ref: Ref, region: int, update: int) -> Value | None:
    """The network call of the loop that gets the walking value."""
    scope = project.scope(ref)
    for index, node in contents_of(project, ref).calls(region):
        if index <= update:
            continue
        for argument in staleness_of(project).consumed(Value(ref, index), node):
            if _reaches(scope, argument, update):
                return Value(ref, index)
    return None


def _on_self(project: Project, ref: Ref, scope: Scope, region: int) -> Iterator[Walk]:
    """Walks of `self.x` in a loop, or (region 0) in a function that is one step; not where it is set again."""
    inside = contents_of(project, ref).stores(region)
    names = Counter(store.name for store in inside)
    for store in inside:
        node = scope.nodes[store.node]
        if store.base < 0 or (region and names[store.name] > 1) or project.self_class(Value(ref, store.base)) is None:
            continue
        name = store.name.rpartition(".")[2]
        own = [item for item in node.inputs if _is_attribute(scope, item, name)]
        if not own or node.kind not in (Kind.OP, Kind.CALL) or (not region and _is_given_anew(project, ref, name)):
            continue
        if _perturbs(project, Value(ref, store.node), own[0]):
            yield Walk(Value(ref, store.node), region, store.name, _consumer(project, ref, region, store.node))


def _is_given_anew(project: Project, step: Ref, name: str) -> bool:
    """Whether another method, which may run before every step, sets an attribute: `set_input(batch)`."""
    scope = project.scope(step)
    stores = project.attribute_stores((step.path, scope.owner), name)
    methods = {project.scope(store.scope).name for store in stores if store.scope != step}
    return any(not _ONCE.search(method) for method in methods)


def _in_store(project: Project, ref: Ref, scope: Scope) -> Iterator[Walk]:
    """`image = self.images[index]; image += noise`: the noise stays in the data set."""
    for kind in (Kind.OP, Kind.CALL):
        for index, node in scope.of_kind(kind):
            name = _stored(project, ref, scope, node.inputs[0]) if node.name in _IN_PLACE else None
            if name and _has_drawn_operand(project, Value(ref, index), node):
                yield Walk(Value(ref, index), 0, f"self.{name}", None)
    for index, _ in scope.calls():
        callee = project.callee(Value(ref, index))
        for parameter in project.scope(callee).parameters if callee is not None else ():
            argument = project.argument(Value(ref, index), callee, parameter.name) if callee is not None else None
            name = _stored(project, ref, scope, argument) if argument is not None else None
            if name and callee is not None and _changes_in_place(project, callee, parameter.name):
                yield Walk(Value(ref, index), 0, f"self.{name}", None)


def _changes_in_place(project: Project, ref: Ref, parameter: str) -> bool:
    """Whether a function adds a draw to a parameter in place."""
    scope = project.scope(ref)
    for kind in (Kind.OP, Kind.CALL):
        for index, node in scope.of_kind(kind):
            if node.name not in _IN_PLACE or not _has_drawn_operand(project, Value(ref, index), node):
                continue
            target = scope.nodes[node.inputs[0]]
            if target.kind is Kind.PARAM and target.name == parameter:
                return True
    return False


def _stored(project: Project, ref: Ref, scope: Scope, index: int) -> str | None:
    """The attribute whose element a value is, if that is kept in memory and not read from a file each time."""
    node = scope.nodes[index]
    for _ in range(2):  # `image, label = self.samples[index]`
        if node.kind is not Kind.INDEX or isinstance(scope.nodes[node.inputs[1]].value, str):
            return None
        node = scope.nodes[node.inputs[0]]
        if node.kind is Kind.ATTR:
            break
    owner = project.self_class(Value(ref, node.inputs[0])) if node.kind is Kind.ATTR else None
    if owner is None:
        return None
    made = [project.node(store) for store in project.attribute_stores(owner, node.name)]
    return None if any(_FILES.search(store.text.lower()) for store in made) else node.name


def _is_attribute(scope: Scope, item: int, name: str) -> bool:
    node = scope.nodes[item]
    return node.kind is Kind.ATTR and node.name == name
