"""What is asked of every seed, whatever it starts over: is it guarded, is it taken back, what is it by default?"""

from __future__ import annotations

from jitlint import catalogue
from jitlint.semantics.graph import Node, RegionKind, Scope
from jitlint.semantics.project import Project, Ref, Value

_CHOSEN = frozenset({RegionKind.THEN, RegionKind.ELSE, RegionKind.LAMBDA})


def gives_back(scope: Scope, seed: Node) -> bool:
    """Whether the generator is put back to where it was: `fork_rng()` around, `set_rng_state(state)` afterwards."""
    for region in scope.region_chain(seed.region):
        block = scope.regions[region]
        opened = scope.nodes[block.header].text if block.kind is RegionKind.WITH and block.header >= 0 else ""
        if catalogue.RESTORES.search(catalogue.snake(opened)):
            return True
    return any(
        catalogue.RESTORES.search(catalogue.snake(other.text)) and other.span > seed.span and other.arguments
        for _, other in scope.calls()
    )


def is_guarded(scope: Scope, region: int, outer: int) -> bool:
    """Whether a condition, or a function for later, stands between some code and what repeats it."""
    for inner in scope.region_chain(region):
        if inner == outer:
            return False
        if scope.regions[inner].kind in _CHOSEN:
            return True
    return False


def default_of(project: Project, ref: Ref, name: str) -> Value | None:
    """The default of a function's parameter, which belongs to the scope around it."""
    scope = project.scope(ref)
    default = next((item.default for item in scope.parameters if item.name == name), -1)
    return Value(Ref(ref.path, scope.parent), default) if default >= 0 and scope.parent is not None else None
