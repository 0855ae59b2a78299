"""How values flow through one scope: who uses a node, what it leads to, what two places exclude each other.

Every walk is iterative and asked of the graph here, so that no rule walks by hand.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator

from jitlint.semantics.graph import RegionKind, Scope

_BRANCHES = (RegionKind.THEN, RegionKind.ELSE)


class _Key:
    """A scope as a key: scopes compare by value, which would cost more than the walk."""

    __slots__ = ("scope",)

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def __hash__(self) -> int:
        return id(self.scope)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other.scope is self.scope


@functools.lru_cache(maxsize=512)
def _all_users(key: _Key) -> tuple[tuple[int, ...], ...]:
    found: list[list[int]] = [[] for _ in key.scope.nodes]
    for index, node in enumerate(key.scope.nodes):
        for item in dict.fromkeys(node.inputs):
            found[item].append(index)
    return tuple(map(tuple, found))


def users(scope: Scope, index: int) -> tuple[int, ...]:
    """The nodes that are computed from a node, in order."""
    return _all_users(_Key(scope))[index]


def reached(scope: Scope, starts: Iterable[int], through: Callable[[int], bool] | None = None) -> Iterator[int]:
    """Every node that values flow to from `starts`, the starts first; `through` says which nodes pass them on."""
    todo, seen = list(starts), set()
    while todo:
        index = todo.pop()
        if index in seen:
            continue
        seen.add(index)
        yield index
        if through is None or through(index):
            todo += users(scope, index)


def sources(scope: Scope, starts: Iterable[int], through: Callable[[int], bool] | None = None) -> Iterator[int]:
    """Every node that `starts` are computed from, the starts first; `through` says which nodes are looked behind."""
    todo, seen = list(starts), set()
    while todo:
        index = todo.pop()
        if index in seen:
            continue
        seen.add(index)
        yield index
        if through is None or through(index):
            todo += scope.nodes[index].inputs


def flows(scope: Scope, start: int, end: int) -> bool:
    """Whether the value of `start` flows into `end`."""
    return start == end or any(index == end for index in reached(scope, [start]))


def exclusive(scope: Scope, first: int, second: int) -> bool:
    """Whether two regions never run one after the other in one pass: the two branches of one `if`."""
    chosen = {
        (scope.regions[region].statement, scope.regions[region].header): scope.regions[region].kind
        for region in scope.region_chain(first)
        if scope.regions[region].kind in _BRANCHES
    }
    return any(
        chosen.get((block.statement, block.header), block.kind) is not block.kind
        for block in (scope.regions[region] for region in scope.region_chain(second))
        if block.kind in _BRANCHES
    )
