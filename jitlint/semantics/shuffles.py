"""Finds orders that are shuffled once above the epochs and then used by every one of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from jitlint import catalogue
from jitlint.semantics.calls import is_draw
from jitlint.semantics.clocks import Role
from jitlint.semantics.contents import contents_of
from jitlint.semantics.flow import reached
from jitlint.semantics.graph import LOOPS, Kind, Node, Scope
from jitlint.semantics.loops import loops_of
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.provenance import provenance_of
from jitlint.semantics.when import variance_of

_EPOCH = re.compile(r"(?:^|_)(?:epoch|epochs|ep|num_epochs|n_epochs|nepochs|max_epochs|max_epoch|e)(?:_|\d|$)")


class Shuffled(NamedTuple):
    """A shuffle, the epoch loop below it, and where the loop uses the order."""

    call: Value
    region: int
    use: Value
    subset: bool  # a random subset, not an order


def stale_shuffles(project: Project) -> Iterator[Shuffled]:
    """Every shuffle directly above an epoch loop that uses its order in each pass."""
    for ref, scope in project.scopes():
        found = (*scope.of_kind(Kind.CALL), *scope.of_kind(Kind.COMPREHENSION))
        shuffles = sorted(index for index, node in found if is_shuffle(project, Value(ref, index), node))
        if not shuffles:
            continue
        for region, block in enumerate(scope.regions):
            if block.kind in LOOPS and is_epoch_loop(project, ref, scope, region):
                for shuffle in shuffles:
                    yield from _used_in(project, ref, scope, region, shuffle)


def is_epoch_loop(project: Project, ref: Ref, scope: Scope, region: int) -> bool:
    """Whether a loop runs over epochs: it says so, and it trains or holds a batch loop."""
    header = scope.regions[region].header
    if header < 0:
        return False
    stores = contents_of(project, ref).stores(region)
    names = {store.name for store in stores if store.region == region and _is_loop_variable(scope, store.node)}
    node = scope.nodes[header]
    arguments = [scope.nodes[item].name for item in (node.arguments if node.kind is Kind.CALL else ())]
    if not any(_EPOCH.search(name.lower()) for name in [*names, *arguments] if name):
        return False
    loops = loops_of(project)
    trains = any(
        scope.within(node.region, region) and loops.is_training_call(Value(ref, index)) for index, node in scope.calls()
    )
    yields = any(scope.within(node.region, region) for _, node in scope.of_kind(Kind.YIELD))
    return (
        trains
        or yields
        or any(
            other.loader and scope.within(other.region, region) for other in loops.loops(ref) if other.region != region
        )
    )


def _is_loop_variable(scope: Scope, index: int) -> bool:
    """Whether a node is an element of what a loop runs over, or a part of one."""
    node = scope.nodes[index]
    return node.kind is Kind.LOOPVAR or (node.kind is Kind.INDEX and scope.nodes[node.inputs[0]].kind is Kind.LOOPVAR)


def is_shuffle(project: Project, value: Value, node: Node) -> bool:
    """Whether a value is a random order, or a random choice of samples."""
    if node.kind is Kind.COMPREHENSION and node.name == "filter":
        conditions = node.inputs[1:]
        return any(provenance_of(project).made(Value(value.scope, item)).draw for item in conditions)
    if node.kind is not Kind.CALL:
        return False
    if node.name in catalogue.SHUFFLES and node.name != "random.sample":
        return True
    if node.name in (".shuffle", ".permutation", ".permuted"):
        return is_draw(project, value)
    fraction = node.keyword("frac") if "frac" in node.keywords and node.method == "sample" else None
    return fraction is not None and project.node(Value(value.scope, fraction)).value == 1


def _used_in(project: Project, ref: Ref, scope: Scope, region: int, shuffle: int) -> Iterator[Shuffled]:
    if scope.nodes[shuffle].region not in set(scope.region_chain(scope.regions[region].parent)):
        return
    carriers = _carriers(scope, region, shuffle)
    if carriers is None or _is_drawn_again(project, ref, scope, region, carriers):
        return
    if any(
        is_shuffle(project, Value(ref, index), node) and _reads(scope, node, carriers)
        for index, node in enumerate(scope.nodes)
        if scope.within(node.region, region)
    ):
        return
    for index, node in enumerate(scope.nodes):
        if (
            scope.within(node.region, region)
            and node.kind in (Kind.INDEX, Kind.LOOPVAR, Kind.CALL)
            and carriers & set(node.inputs)
        ) and (node.kind is not Kind.CALL or _picks(project, Value(ref, index), node, shuffle)):
            yield Shuffled(
                Value(ref, shuffle), region, Value(ref, index), scope.nodes[shuffle].kind is Kind.COMPREHENSION
            )
            return


def _picks(project: Project, value: Value, node: Node, shuffle: int) -> bool:
    """Whether a call picks what it gives in the order that it is given: by its name, or by what it does."""
    if catalogue.names_batch_function(node.text.rpartition(".")[2]):
        return True
    drawn = Value(value.scope, shuffle)
    return any(item.draw == drawn and item.role is Role.PICKED for item in variance_of(project).when(value).draws)


def _is_drawn_again(project: Project, ref: Ref, scope: Scope, region: int, carriers: set[int]) -> bool:
    """Whether the loop binds the name of the order to a new one for its next pass."""
    merged = (scope.nodes[index] for index in carriers if scope.nodes[index].kind is Kind.PHI)
    inside = (item for node in merged for item in node.inputs if scope.within(scope.nodes[item].region, region))
    return any(is_shuffle(project, Value(ref, item), scope.nodes[item]) for item in inside)


def _reads(scope: Scope, node: Node, carriers: set[int]) -> bool:
    return any(item in carriers or carriers & set(scope.nodes[item].inputs) for item in node.inputs)


def _carriers(scope: Scope, region: int, shuffle: int) -> set[int] | None:
    """The values that hold the shuffled order when the loop starts; None when it is cut into parts."""
    carriers = {shuffle}
    for index in range(shuffle + 1, len(scope.nodes)):
        node = scope.nodes[index]
        if not carriers & set(node.inputs):
            continue
        if scope.within(node.region, region):
            if node.kind is Kind.PHI:
                carriers.add(index)
            continue
        if node.kind is Kind.INDEX:
            if node.inputs[0] in carriers and _is_part(scope, node) and _is_kept(scope, index):
                return None
            carriers.add(index)
        elif node.kind in (Kind.PHI, Kind.COLLECTION) or (
            node.kind is Kind.CALL
            and node.method
            in ("list", "array", "tolist", "to", "cuda", "tensor", "numpy", "reset_index", "asarray", "from_numpy")
        ):
            carriers.add(index)
    return carriers


def _is_kept(scope: Scope, index: int) -> bool:
    """Whether a value, or something that is made of it, gets a name."""
    named = {item for nodes in scope.variables.values() for item in nodes}
    return any(item in named for item in reached(scope, [index]))


def _is_part(scope: Scope, node: Node) -> bool:
    """`order[:n]` or `order[n:]`: the order is split into parts, which stay what they are."""
    return any(scope.nodes[item].name == "slice" and scope.nodes[item].inputs for item in node.inputs[1:])
