"""What lies in a region or a statement, and what uses a node: a question about one loop costs what that loop holds."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterator, Sequence

from jitlint.semantics.graph import Kind, Node, Scope, Store
from jitlint.semantics.project import Project, Ref


class Contents:
    """The nodes and stores of one scope by the place that they stand in."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self._in_region = _grouped(node.region for node in scope.nodes)
        self._in_statement = _grouped(node.statement for node in scope.nodes)
        self._inner_regions = _grouped(region.parent for region in scope.regions)
        self._blocks = _grouped(region.statement for region in scope.regions)
        self._statements = _grouped(statement.region for statement in scope.statements)
        self._inside: dict[int, list[int]] = {}
        self._parts: dict[int, list[int]] = {}
        self._names = defaultdict[int, list[str]](list)
        for store in scope.stores:
            self._names[store.node].append(store.name)
        self._variables = defaultdict[int, list[str]](list)
        for name, values in scope.variables.items():
            for value in values:
                self._variables[value].append(name)
        self._stores = _grouped(store.region for store in scope.stores)
        self._users = defaultdict[int, list[int]](list)
        for index, node in enumerate(scope.nodes):
            for item in node.inputs:
                self._users[item].append(index)

    def _regions(self, region: int) -> list[int]:
        """A region and those in it."""
        found = [region]
        for outer in found:
            found += self._inner_regions[outer]
        return found

    def inside(self, region: int) -> list[int]:
        """The nodes that lie in a region, in order."""
        if region not in self._inside:
            nodes = (node for inner in self._regions(region) for node in self._in_region[inner])
            self._inside[region] = sorted(nodes)
        return self._inside[region]

    def directly_in(self, region: int) -> Sequence[int]:
        """The nodes that lie in a region and in no other one within it, in order."""
        return self._in_region[region]

    def calls(self, region: int) -> Iterator[tuple[int, Node]]:
        """The calls that lie in a region, with their indices."""
        nodes = self.scope.nodes
        return ((index, nodes[index]) for index in self.inside(region) if nodes[index].kind is Kind.CALL)

    def stores(self, region: int) -> list[Store]:
        """What a region binds, in order."""
        found = sorted(number for inner in self._regions(region) for number in self._stores[inner])
        return [self.scope.stores[number] for number in found]

    def part_of(self, statement: int) -> list[int]:
        """The nodes of a statement and of those in its blocks, in order."""
        if statement not in self._parts:
            found = [statement]
            for outer in found:
                found += [inner for region in self._blocks[outer] for inner in self._statements[region]]
            self._parts[statement] = sorted(node for inner in found for node in self._in_statement[inner])
        return self._parts[statement]

    def users(self, node: int) -> Sequence[int]:
        """The nodes that have a node among their inputs."""
        return self._users[node]

    def names(self, node: int) -> Sequence[str]:
        """The names that a value is stored as, in order."""
        return self._names[node]

    def variables(self, node: int) -> Sequence[str]:
        """The local names that a value is bound to."""
        return self._variables[node]


class _AllContents:
    def __init__(self, project: Project) -> None:
        self.project = project
        self._found: dict[Ref, Contents] = {}

    def of(self, ref: Ref) -> Contents:
        """The contents of a scope."""
        if ref not in self._found:
            self._found[ref] = Contents(self.project.scope(ref))
        return self._found[ref]


@functools.lru_cache(maxsize=4)
def _contents(project: Project) -> _AllContents:
    return _AllContents(project)


def contents_of(project: Project, ref: Ref) -> Contents:
    """The contents of a scope, shared by the rules."""
    return _contents(project).of(ref)


def _grouped(places: Iterator[int]) -> defaultdict[int, list[int]]:
    found = defaultdict[int, list[int]](list)
    for number, place in enumerate(places):
        found[place].append(number)
    return found
