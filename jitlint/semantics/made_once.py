"""Draws that are made once, with their object or module: how they were made, as far as rules ask."""

from __future__ import annotations

from jitlint import catalogue
from jitlint.libraries.generators import RESEEDS
from jitlint.libraries.loading import COUNTS
from jitlint.semantics.calls import SHAPE_ATTRIBUTES, SHAPE_METHODS
from jitlint.semantics.clocks import Role
from jitlint.semantics.flow import sources
from jitlint.semantics.graph import LOOPS, Kind, Node, RegionKind, Scope
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.shuffles import is_shuffle
from jitlint.semantics.staleness import Stale
from jitlint.semantics.when import variance_of

_ITERATING = LOOPS | {RegionKind.COMPREHENSION}


def is_made_at_setup(project: Project, stale: Stale) -> bool:
    """Whether a method draws that runs only while its object is made, for use in another method."""
    scope = project.scope(stale.drawn.site.scope)
    return bool(scope.owner) and variance_of(project).is_setup(stale.drawn.site.scope)


def is_made_at_import(project: Project, stale: Stale) -> bool:
    """Whether a draw is made when the module is imported and meets the data only in a function."""
    ref = stale.drawn.site.scope
    if ref.qualname or not stale.loop.scope.qualname or stale.drawn.role is Role.PICKED:
        return False
    variance = variance_of(project)
    scope = project.scope(ref)
    held = (
        drawn
        for nodes in scope.variables.values()
        for node in nodes
        for drawn in variance.when(Value(ref, node)).draws
        if drawn.site == stale.drawn.site
    )
    return not any(drawn.role >= Role.MIXED for drawn in held)


def is_per_item(project: Project, stale: Stale) -> bool:
    """Whether a draw was made for each of the samples that were given, and not to make up samples.

    It stands in a loop over them, or its shape is theirs.
    """
    ref = stale.drawn.draw.scope
    scope, node = project.scope(ref), project.node(stale.drawn.draw)
    for region in scope.region_chain(node.region):
        header = scope.regions[region].header
        if scope.regions[region].kind in _ITERATING and header >= 0 and _runs_over_data(project, ref, scope, header):
            return True
    # An order or a choice of all samples is a split, or a subset.
    orders = stale.drawn.role is Role.PICKED or is_shuffle(project, stale.drawn.draw, node)
    return not orders and any(_tells_size(scope.nodes[item]) for item in sources(scope, node.arguments))


def is_pinned(project: Project, stale: Stale) -> bool:
    """Whether a draw takes from a generator of its own that is given a seed there: the same numbers are wanted."""
    draw = project.node(stale.drawn.draw)
    scope = project.scope(stale.drawn.draw.scope)
    given = draw.keyword("generator")
    if given is None and draw.has_receiver:
        given = draw.inputs[0]
    if given is None:
        return False
    made = {index for index in sources(scope, [given]) if scope.nodes[index].name in catalogue.GENERATORS}
    if any(scope.nodes[index].arguments for index in made if scope.nodes[index].name != "torch.Generator"):
        return True
    seeds = (node for _, node in scope.calls() if node.method in RESEEDS and node.has_receiver and node.arguments)
    return any(not made.isdisjoint(sources(scope, [node.inputs[0]])) for node in seeds)


def _runs_over_data(project: Project, ref: Ref, scope: Scope, header: int) -> bool:
    counted = scope.nodes[header]
    if counted.kind is Kind.CALL and counted.method in COUNTS:
        return any(_tells_size(scope.nodes[item]) for item in sources(scope, counted.arguments))
    made = variance_of(project).seen(Value(ref, header))
    return bool(made.data or made.holes or made.draws)


def _tells_size(node: Node) -> bool:
    """`len(items)`, `items.shape[0]`, `items.size(0)`."""
    if node.kind is Kind.CALL:
        return node.name == "len" or (node.name.startswith(".") and node.method in SHAPE_METHODS)
    return node.kind is Kind.ATTR and node.name in SHAPE_ATTRIBUTES
