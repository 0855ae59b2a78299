"""The module model: every scope of a file as a small data-flow graph, without syntax-tree nodes.

A scope (the module's top level, or one function) is a list of *nodes* in evaluation order. A node is one
value: a call, an operation, a parameter, a constant. Its `inputs` are the indices of the nodes it was
computed from, so the question "where does this value come from?" is a walk backwards along `inputs`.
A name that can have two values at one place (after an `if`, at the head of a loop) is a `phi` node, as in
static single assignment form. Each node lies in a *region* (the body of a loop, of an `if`, of a `with`)
and belongs to a *statement*; "is this drawn inside that loop?" is a walk up the regions.

Nodes are named tuples and not dataclasses because a large file has many thousands of them and building
and pickling a named tuple costs a third.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from jitlint.diagnostic import Span

# A relative import's name starts with one of these for every dot, since a dot marks a method.
RELATIVE = "^"


class Kind(enum.IntEnum):
    """What a node is."""

    PARAM = 1  # `name` is the parameter
    CONST = 2  # `value` is the constant
    GLOBAL = 3  # a name that this scope does not bind; `name` is its import target if it is an import
    ATTR = 4  # inputs[0].name
    INDEX = 5  # inputs[0][inputs[1:]]
    OP = 6  # an operator; `name` is its symbol
    CALL = 7  # see `Node.name`
    PHI = 8  # one of the inputs
    LOOPVAR = 9  # an element of inputs[0]
    COLLECTION = 10  # a display: tuple, list, set, dict, f-string
    LAMBDA = 11  # a function made here; its draws happen when it is called
    SETITEM = 12  # inputs[0] after `inputs[0][…] = inputs[1]`
    ENTER = 13  # the value of `with inputs[0] as …`
    COMPREHENSION = 14  # inputs are the element (of a dict, whose `value` is "dict": key and value) and the conditions
    YIELD = 15
    WORD = 16  # a statement that only says `name`: break, return, raise, assert or del of its inputs


class RegionKind(enum.IntEnum):
    """What repeats, guards or defers a piece of code."""

    BODY = 1
    FOR = 2
    WHILE = 3
    THEN = 4
    ELSE = 5
    WITH = 6
    TRY = 7
    LAMBDA = 8
    COMPREHENSION = 9


LOOPS = frozenset({RegionKind.FOR, RegionKind.WHILE})
# The words that leave a loop or a function.
LEAVING = frozenset("break return raise".split())
# The names of operators that add one value to another.
ADDING = frozenset("+ - += -=".split())


class Node(NamedTuple):
    """One value of a scope.

    For a call, `name` is the qualified name of what is called (`torch.randn_like`, or the bare name of
    something of this module), `.method` when a method of `inputs[0]` is called, or `()` when the value
    `inputs[0]` itself is called; `value` is the dotted text of what is called (`self.model`), or None.
    `keywords` runs along the arguments: None for a positional one, `*` and `**` for unpacking, else the
    keyword.
    """

    kind: Kind
    region: int
    statement: int
    span: Span
    inputs: tuple[int, ...] = ()
    name: str = ""
    keywords: tuple[str | None, ...] = ()
    value: object = None

    @property
    def arguments(self) -> tuple[int, ...]:
        """The argument nodes of a call, without the receiver or the called value."""
        return self.inputs[1:] if self.has_receiver else self.inputs

    @property
    def method(self) -> str:
        """The last part of what a call calls: `randn_like` of `torch.randn_like`, `to` of `.to`."""
        return self.name.rpartition(".")[2]

    @property
    def text(self) -> str:
        """What a call calls, as written (`self.model`), or its last part where it is no dotted name."""
        return self.value if isinstance(self.value, str) else self.method

    def keyword(self, name: str) -> int | None:
        """The node of a call's keyword argument, or None."""
        return next((node for node, key in zip(self.arguments, self.keywords, strict=False) if key == name), None)

    @property
    def has_receiver(self) -> bool:
        """Whether `inputs[0]` of this call is a receiver or the called value."""
        return self.name[:1] in (".", "(")


class Region(NamedTuple):
    """A block of code. `header` is the node of the iterable, condition or context manager (or -1).

    `ends`: control never goes on behind the block, since it returns, raises, continues or breaks.
    """

    kind: RegionKind
    parent: int
    statement: int
    header: int = -1
    header_span: Span | None = None
    ends: bool = False


class Statement(NamedTuple):
    """A statement's own span (compound: with its whole body) and the region that it stands in."""

    span: Span
    region: int
    binds: tuple[str, ...] = ()


class Store(NamedTuple):
    """A value bound to a dotted name (`coord`, `self.coord`, `train_set.dataset.transform`)."""

    name: str
    node: int
    statement: int
    region: int
    base: int = -1  # for an attribute: the node of what the attribute is set on


class Parameter(NamedTuple):
    """A parameter and the node of its default (in the enclosing scope), or -1; `stars` are those before its name."""

    name: str
    default: int = -1
    stars: int = 0


@dataclass(frozen=True, slots=True)
class Scope:
    """The top level of a module (`qualname` is empty) or one function."""

    qualname: str
    owner: str  # qualified name of the class whose method this is, else ""
    parent: str | None  # qualname of the enclosing scope
    span: Span
    name_span: Span
    parameters: tuple[Parameter, ...]
    decorators: tuple[str, ...]
    nodes: tuple[Node, ...]
    regions: tuple[Region, ...]
    statements: tuple[Statement, ...]
    stores: tuple[Store, ...]
    returns: tuple[int, ...]
    is_generator: bool
    variables: Mapping[str, tuple[int, ...]]  # every value a local name was bound to
    globals: frozenset[str] = frozenset()
    kinds: Mapping[Kind, tuple[int, ...]] = field(default_factory=dict)  # the nodes of each kind, in order

    @property
    def name(self) -> str:
        """The last part of the qualified name."""
        return self.qualname.rpartition(".")[2]

    @property
    def is_method(self) -> bool:
        """Whether the function is defined in a class body and takes its instance first."""
        return bool(self.owner) and "staticmethod" not in self.decorators

    def region_chain(self, region: int) -> Iterator[int]:
        """The region and its ancestors, innermost first, down to the body."""
        while region >= 0:
            yield region
            region = self.regions[region].parent

    def within(self, region: int, ancestor: int) -> bool:
        """Whether `region` is `ancestor` or lies in it."""
        while region > ancestor:  # a region's parent was opened before it
            region = self.regions[region].parent
        return region == ancestor

    def conditions(self, node: Node) -> Iterator[int]:
        """What decides whether a node is reached: the conditions around it, and of earlier branches that end there."""
        around = set(self.region_chain(node.region))
        for number, region in enumerate(self.regions):
            if region.kind in (RegionKind.THEN, RegionKind.ELSE) and region.header >= 0:
                before = region.header_span is not None and region.header_span.line < node.span.line
                if number in around or (region.ends and region.parent in around and before):
                    yield region.header

    def moved(self, down: int) -> Scope:
        """The same function so many lines further down."""
        return replace(
            self,
            span=self.span.moved(down),
            name_span=self.name_span.moved(down),
            nodes=tuple(node._replace(span=node.span.moved(down)) for node in self.nodes),
            regions=tuple(
                region._replace(header_span=region.header_span.moved(down)) if region.header_span else region
                for region in self.regions
            ),
            statements=tuple(item._replace(span=item.span.moved(down)) for item in self.statements),
        )

    def calls(self) -> Iterator[tuple[int, Node]]:
        """Every call of the scope with its index."""
        return self.of_kind(Kind.CALL)

    def of_kind(self, kind: Kind) -> Iterator[tuple[int, Node]]:
        """Every node of a kind with its index."""
        indices = self.kinds.get(kind, ())
        return zip(indices, map(self.nodes.__getitem__, indices), strict=True)


@dataclass(frozen=True, slots=True)
class ClassModel:
    """A class: its bases by qualified name, and where it stands."""

    qualname: str
    bases: tuple[str, ...]
    span: Span
    name_span: Span
    methods: tuple[str, ...]
    decorators: tuple[str, ...] = ()
    attributes: Mapping[str, int] = field(default_factory=dict)  # class attribute -> node of the module scope


class Comment(NamedTuple):
    """A run of adjacent comment lines, `#` and what is before it removed.

    They stand alone, or `behind` the bracket or comma that ends a line of code, where an element of a list could be.
    """

    first_line: int
    column: int
    lines: tuple[str, ...]
    behind: bool = False

    @property
    def place(self) -> int:
        """The first line on which it would stand alone."""
        return self.first_line + self.behind


@dataclass(frozen=True, slots=True, eq=False)
class Module:
    """Everything the rules may know of one file."""

    path: str
    scopes: Mapping[str, Scope]
    classes: Mapping[str, ClassModel]
    imports: Mapping[str, str]  # local name -> qualified name; a relative one starts with `RELATIVE`
    comments: tuple[Comment, ...] = ()
    exported: frozenset[str] = frozenset()  # `__all__`
    cell_ends: tuple[int, ...] = ()  # the last line of every cell, for a notebook
