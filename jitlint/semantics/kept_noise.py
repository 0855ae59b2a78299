"""Finds noise that an object draws once and keeps: at its first call, or one piece for each sample."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from jitlint import catalogue
from jitlint.semantics.graph import ADDING, Kind, Node, RegionKind, Scope
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.provenance import provenance_of
from jitlint.semantics.staleness import SETUP_METHODS


class KeptNoise(NamedTuple):
    """A draw that an attribute keeps, the method that runs for every batch or sample, and what adds it to data."""

    name: str
    drawn: Value
    step: Ref
    use: int
    at_first_call: bool


def kept_noise(project: Project) -> Iterator[KeptNoise]:
    """Every such attribute of the methods that run for each batch or sample."""
    for ref, scope in project.scopes():
        if not scope.owner or scope.name not in catalogue.STEP_FUNCTIONS or not scope.parameters:
            continue
        yield from _drawn_at_first_call(project, ref, scope)
        if scope.name == "__getitem__":
            yield from _drawn_for_each_sample(project, ref, scope)


def _drawn_at_first_call(project: Project, ref: Ref, scope: Scope) -> Iterator[KeptNoise]:
    """`if self.noise is None: self.noise = torch.randn_like(x)`, and then `x + self.noise`."""
    receiver = f"{scope.parameters[0].name}."
    for store in scope.stores:
        name = store.name.removeprefix(receiver)
        drawn = Value(ref, store.node)
        if name == store.name or not _is_pure_draw(project, drawn) or not _asks_for(scope, store.region, name):
            continue
        others = [item for item in project.attribute_stores((ref.path, scope.owner), name) if item != drawn]
        if any(item.scope == ref or not _is_none(project, item) for item in others):
            continue  # it is drawn anew somewhere
        use = _added(scope, name, store.node)
        if use is not None:
            yield KeptNoise(name, drawn, ref, use, at_first_call=True)


def _drawn_for_each_sample(project: Project, ref: Ref, scope: Scope) -> Iterator[KeptNoise]:
    """`self.noise = randn(images.shape)` in `__init__`, and `self.images[i] + self.noise[i]` in `__getitem__`."""
    for node in scope.nodes:
        if node.kind is not Kind.ATTR or project.self_class(Value(ref, node.inputs[0])) is None:
            continue
        stores = project.attribute_stores((ref.path, scope.owner), node.name)
        if len(stores) != 1 or project.scope(stores[0].scope).name not in SETUP_METHODS:
            continue
        use = _added(scope, node.name, -1, indexed=True) if _is_pure_draw(project, stores[0]) else None
        if use is not None:
            yield KeptNoise(node.name, stores[0], ref, use, at_first_call=False)


def _is_pure_draw(project: Project, value: Value) -> bool:
    made = provenance_of(project).made(value)
    return made.draw is not None and not made.perturbed


def _is_none(project: Project, value: Value) -> bool:
    node = project.node(value)
    return node.kind is Kind.CONST and node.value is None


def _asks_for(scope: Scope, region: int, name: str) -> bool:
    """Whether a branch runs only while `self.name` is missing."""
    for outer in scope.region_chain(region):
        block = scope.regions[outer]
        if block.kind is RegionKind.THEN and _says_missing(scope, scope.nodes[block.header], name):
            return True
    return False


def _says_missing(scope: Scope, node: Node, name: str) -> bool:
    """`self.noise is None`, alone or with `or`; `not hasattr(self, "noise")`."""
    inputs = [scope.nodes[item] for item in node.inputs]
    if node.kind is Kind.OP and node.name == "is":
        return any(item.kind is Kind.ATTR and item.name == name for item in inputs)
    if node.kind is Kind.OP and node.name == "not":
        asked = inputs[0]
        return asked.name == "hasattr" and any(scope.nodes[item].value == name for item in asked.arguments)
    return node.kind is Kind.OP and node.name == "or" and any(_says_missing(scope, item, name) for item in inputs)


def _added(scope: Scope, name: str, drawn: int, indexed: bool = False) -> int | None:
    """The operation that adds `self.name`, or an element of it, to something."""
    carriers = {drawn} if drawn >= 0 else set()
    for index, node in enumerate(scope.nodes):
        if node.kind is Kind.ATTR and node.name == name:
            carriers |= set() if indexed else {index}
        elif node.kind is Kind.INDEX and indexed:
            whole = scope.nodes[node.inputs[0]]
            carriers |= {index} if whole.kind is Kind.ATTR and whole.name == name else set()
        elif not carriers & set(node.inputs):
            continue
        elif node.kind is Kind.OP and node.name in ADDING:
            return index
        elif node.kind is Kind.PHI or (node.kind is Kind.OP and node.name in ("*", "/")):
            carriers.add(index)
    return None
