"""The state of one scope while it is evaluated: its nodes, its regions, and what each name means at this point."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Sequence

from jitlint.diagnostic import Span
from jitlint.semantics.builder.module_state import ModuleState
from jitlint.semantics.builder.syntax import make_tuple, span_of
from jitlint.semantics.graph import Kind, Node, Parameter, Region, RegionKind, Scope, Statement, Store

Environment = dict[str, int]


class ScopeState:
    """A scope that is being evaluated."""

    def __init__(self, module: ModuleState, qualname: str, owner: str, parent: str | None, span: Span) -> None:
        self.module = module
        self.qualname = qualname
        self.home = module.homes[qualname] = object()
        self.owner = owner
        self.parent = parent
        self.span = self.name_span = span
        self.decorators: tuple[str, ...] = ()
        self.parameters: list[Parameter] = []
        self.nodes: list[Node] = []
        self.regions: list[Region] = [Region(RegionKind.BODY, -1, -1)]
        self.statements: list[Statement] = []
        self.stores: list[Store] = []
        self.returns: list[int] = []
        self.variables: dict[str, list[int]] = {}
        self.global_nodes: dict[str, int] = {}
        self.global_names: set[str] = set()
        self.is_generator = False
        self.environment: Environment = {}
        self.region = 0
        self.statement = -1
        self.class_prefix = ""
        self.drawn_in_setup = False
        self.binds: list[str] = []

    def bind_parameters(self, arguments: ast.arguments, defaults: dict[str, int]) -> None:
        self.statements.append(Statement(self.span, 0))
        self.statement = 0
        every = [(argument, 0) for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
        every += [(extra, stars) for stars, extra in ((1, arguments.vararg), (2, arguments.kwarg)) if extra]
        for argument, stars in every:
            self.parameters.append(Parameter(argument.arg, defaults.get(argument.arg, -1), stars))
            node = self.add(Kind.PARAM, span_of(argument), name=argument.arg)
            self.environment[argument.arg] = node
            self.variables.setdefault(argument.arg, []).append(node)

    def add(
        self,
        kind: Kind,
        span: Span,
        inputs: tuple[int, ...] = (),
        name: str = "",
        keywords: tuple[str | None, ...] = (),
        value: object = None,
    ) -> int:
        self.nodes.append(make_tuple(Node, (kind, self.region, self.statement, span, inputs, name, keywords, value)))
        return len(self.nodes) - 1

    def open_region(self, kind: RegionKind, header: int = -1, header_span: Span | None = None) -> int:
        self.regions.append(Region(kind, self.region, self.statement, header, header_span))
        return len(self.regions) - 1

    def merge(self, other: Environment, span: Span) -> None:
        """Join another branch's names into the present ones."""
        mine = self.environment
        for name, node in other.items():
            present = mine.get(name)
            if present is None:
                mine[name] = node
            elif present != node:
                mine[name] = self.add(Kind.PHI, span, (present, node), name)

    def global_node(self, name: str, tree: ast.expr) -> int:
        full = self.qualified(name)
        node = self.global_nodes.get(full)
        if node is None:
            self.nodes.append(Node(Kind.GLOBAL, 0, self.statement, span_of(tree), name=full))
            node = self.global_nodes[full] = len(self.nodes) - 1
        return node

    def qualified(self, name: str) -> str:
        """A dotted name with its import resolved, as far as the module's text tells."""
        head, dot, rest = name.partition(".")
        return self.module.imports.get(head, head) + dot + rest

    def finish(self) -> None:
        """Add the finished graph to the module."""
        self.module.scopes[self.qualname] = Scope(
            self.qualname,
            self.owner,
            self.parent,
            self.span,
            self.name_span,
            tuple(self.parameters),
            self.decorators,
            tuple(self.nodes),
            tuple(self.regions),
            tuple(self.statements),
            tuple(self.stores),
            tuple(self.returns),
            self.is_generator,
            {name: tuple(nodes) for name, nodes in self.variables.items()},
            frozenset(self.global_names),
            _by_kind(self.nodes),
        )


def _by_kind(nodes: Sequence[Node]) -> dict[Kind, tuple[int, ...]]:
    found: defaultdict[Kind, list[int]] = defaultdict(list)
    for index, node in enumerate(nodes):
        found[node.kind].append(index)
    return {kind: tuple(indices) for kind, indices in found.items()}
