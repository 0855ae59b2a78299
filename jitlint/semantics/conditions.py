"""What a call switches off: code of the called function under a condition that constant arguments make false."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from jitlint.semantics.graph import Kind, RegionKind
from jitlint.semantics.project import Project, Ref, Value

_COMPARISONS: dict[str, Callable[[Any, Any], object]] = {
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
    "!=": operator.ne,
    "is": operator.is_,
    "is not": operator.is_not,
}


def is_switched_off(project: Project, value: Value, site: Value) -> bool:
    """Whether code of a function never runs in one call of it: `if perturb:` where the call says `perturb=False`."""
    scope = project.scope(value.scope)
    for region in scope.region_chain(project.node(value).region):
        block = scope.regions[region]
        if block.kind in (RegionKind.THEN, RegionKind.ELSE) and block.header >= 0:
            holds = _truth(project, Value(value.scope, block.header), site)
            if holds is not None and holds is (block.kind is RegionKind.ELSE):
                return True
    return False


def _truth(project: Project, value: Value, site: Value) -> bool | None:
    """Whether a condition holds in a call, as far as constants tell."""
    node = project.node(value)
    if node.kind is not Kind.OP:
        known = _constant(project, value, site)
        return None if known is None else bool(known[0])
    parts = [Value(value.scope, item) for item in node.inputs]
    if node.name == "not":
        holds = _truth(project, parts[0], site)
        return None if holds is None else not holds
    if node.name in ("and", "or"):
        decides = node.name == "or"
        answers = [_truth(project, part, site) for part in parts]
        return decides if decides in answers else (None if None in answers else not decides)
    compare, sides = _COMPARISONS.get(node.name), [_constant(project, part, site) for part in parts]
    if compare is None or len(sides) != 2 or sides[0] is None or sides[1] is None:
        return None
    try:
        return bool(compare(sides[0][0], sides[1][0]))
    except TypeError:  # `None > 0`
        return None


def _constant(project: Project, value: Value, site: Value) -> tuple[object] | None:
    """The constant that a value is in a call: written there, or given for a parameter, or its default."""
    node = project.node(value)
    if node.kind is Kind.CONST:
        return (node.value,)
    if node.kind is not Kind.PARAM or {"*", "**"} & set(project.node(site).keywords):
        return None
    given = project.argument(site, value.scope, node.name)
    scope = project.scope(value.scope)
    where = site.scope
    if given is None and scope.parent is not None:
        given = next((item.default for item in scope.parameters if item.name == node.name and item.default >= 0), None)
        where = Ref(value.scope.path, scope.parent)
    argument = project.node(Value(where, given)) if given is not None else None
    return (argument.value,) if argument is not None and argument.kind is Kind.CONST else None
