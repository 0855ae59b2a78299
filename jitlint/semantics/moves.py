"""Plans the move of stale statements into the loop that consumes their value."""

from __future__ import annotations

import re

from jitlint.diagnostic import MoveIntoLoop, Rename, Span
from jitlint.semantics.contents import contents_of
from jitlint.semantics.graph import Kind, Scope
from jitlint.semantics.project import Project, Value
from jitlint.semantics.staleness import Stale, Staleness

MAX_STATEMENTS = 8
# Calls that belong above a loop: they report, or read what is large.
_ONCE = re.compile(
    r"^(?:print|open|input|exit)$|^(?:logging|logger)\.|"
    r"(?:^|[._])(?:log|load\w*|imread|read\w*|download\w*|write\w*|save\w*)$"
)


def plan_move(project: Project, staleness: Staleness, stale: Stale) -> MoveIntoLoop | None:
    """The move that makes a stale value fresh, or None when draw and loop do not stand in one scope."""
    if stale.origin.scope != stale.loop.scope or stale.loop.region <= 0:
        return None
    return MovePlanner(project, staleness, stale).plan()


class MovePlanner:
    """Works out which statements move, and whether the value needs a name of its own."""

    def __init__(self, project: Project, staleness: Staleness, stale: Stale) -> None:
        self.project = project
        self.staleness = staleness
        self.stale = stale
        self.scope: Scope = project.scope(stale.loop.scope)
        self.contents = contents_of(project, stale.loop.scope)
        self.loop = stale.loop.region
        self.loop_statement = self.scope.regions[self.loop].statement
        self._around = frozenset(self.scope.region_chain(self.scope.statements[self.loop_statement].region))
        self._lifted: dict[int, int] = {}

    def plan(self) -> MoveIntoLoop | None:
        """The statements to move and where to, or None when the move is not sure to be right."""
        chain = self.staleness.chain(self.stale.origin)
        moved = {self._lift(self.scope.nodes[node].statement) for node in chain if not self._in_loop(node)}
        if not moved or -1 in moved or len(moved) > MAX_STATEMENTS or self._does_more(moved):
            return None
        old = self._rebound(moved)
        rename = None
        if old is not None and not self._add_creation(moved, old):
            rename = Rename(old, perturbed_name(self.project, self.stale, old))
        before = self._first_use(moved)
        if before is None or max(moved) >= self.loop_statement:
            return None
        spans = tuple(self.scope.statements[index].span for index in sorted(moved))
        return MoveIntoLoop(self.scope.statements[self.loop_statement].span, spans, before, rename)

    def _does_more(self, moved: set[int]) -> bool:
        """Whether the statements also do what should happen once: print, read a file."""
        nodes = (self.scope.nodes[index] for statement in moved for index in self._part_of(statement))
        return any(node.kind is Kind.CALL and _ONCE.search(node.text.lower()) for node in nodes)

    def _in_loop(self, node: int) -> bool:
        return self.scope.within(self.scope.nodes[node].region, self.loop)

    def _lift(self, statement: int) -> int:
        """The statement around `statement` that stands in a block around the loop, or -1."""
        inner = statement
        if inner not in self._lifted:
            while statement >= 0 and self.scope.statements[statement].region not in self._around:
                statement = self.scope.regions[self.scope.statements[statement].region].statement
            self._lifted[inner] = statement
        return self._lifted[inner]

    def _rebound(self, moved: set[int]) -> str | None:
        """A name that the moved statements read and bind, so that a second pass would read their own result."""
        for statement in sorted(moved):
            for name in self._binds(statement):
                if any(self._defines_outside(node, name, moved) for node in self._reads(statement)):
                    return name
        return None

    def _binds(self, statement: int) -> tuple[str, ...]:
        return self.scope.statements[statement].binds

    def _reads(self, statement: int) -> list[int]:
        return [
            item
            for index in self._part_of(statement)
            for item in self.scope.nodes[index].inputs
            if self._lift(self.scope.nodes[item].statement) != statement
        ]

    def _part_of(self, statement: int) -> list[int]:
        nodes = self.scope.nodes
        return [index for index in self.contents.part_of(statement) if self._lift(nodes[index].statement) == statement]

    def _defines_outside(self, node: int, name: str, moved: set[int]) -> bool:
        return node in self.scope.variables.get(name, ()) and self._lift(self.scope.nodes[node].statement) not in moved

    def _add_creation(self, moved: set[int], name: str) -> bool:
        """Let the clean creation of `name` move along, if nothing else needs it where it is."""
        extra: set[int] = set()
        for _ in range(4):
            nodes = [
                node
                for statement in moved | extra
                for node in self._reads(statement)
                if self._defines_outside(node, name, moved | extra)
            ]
            if not nodes:
                moved |= extra
                return True
            for node in nodes:
                statement = self._lift(self.scope.nodes[node].statement)
                if (
                    self.scope.nodes[node].kind is Kind.PARAM
                    or statement < 0
                    or self._needed_elsewhere(node, moved | extra)
                ):
                    return False
                if self._repeats_in_place(statement):
                    return False
                extra.add(statement)
        return False

    def _repeats_in_place(self, statement: int) -> bool:
        """Whether a creation is a compound statement, which may do more than create."""
        span = self.scope.statements[statement].span
        return any(region.statement == statement for region in self.scope.regions) and span.line != span.end_line

    def _needed_elsewhere(self, node: int, moved: set[int]) -> bool:
        statement = self._lift(self.scope.nodes[node].statement)
        users = ((index, self.scope.nodes[index]) for index in self.contents.users(node))
        return any(
            user.kind is not Kind.PHI
            and not self._in_loop(index)
            and self._lift(user.statement) not in moved | {statement}
            for index, user in users
        )

    def _first_use(self, moved: set[int]) -> Span | None:
        """The first statement directly in the loop that reads what the moved statements bind."""
        names = {name for statement in moved for name in self._binds(statement)}
        made = {node for name in names for node in self.scope.variables.get(name, ())}
        for index in self.contents.inside(self.loop):
            node = self.scope.nodes[index]
            if node.kind is not Kind.PHI and self._reads_name(node.inputs, made):
                return self.scope.statements[self._child_of_loop(node.statement)].span
        return None

    def _reads_name(self, inputs: tuple[int, ...], made: set[int]) -> bool:
        return any(item in made or self._merges(item, made) for item in inputs)

    def _merges(self, node: int, made: set[int], depth: int = 0) -> bool:
        merged = self.scope.nodes[node]
        return (
            merged.kind is Kind.PHI
            and depth < 4
            and any(item in made or self._merges(item, made, depth + 1) for item in merged.inputs)
        )

    def _child_of_loop(self, statement: int) -> int:
        while self.scope.statements[statement].region != self.loop:
            outer = self.scope.regions[self.scope.statements[statement].region].statement
            if outer == statement or outer < 0:
                return statement
            statement = outer
        return statement


def perturbed_name(project: Project, stale: Stale, old: str) -> str:
    """A free name for the perturbed form of `old`: `jittered_coord`, `noisy_images`, `augmented_x`."""
    draw = stale.made.draw
    text = f"{old} {draw.name if draw else ''}".lower()
    if re.search(r"jitter|coord|grid|position|points|xy", text):
        prefix = "jittered"
    else:
        prefix = "noisy" if re.search(r"noise|noisy|rand", text) else "augmented"
    base = f"{prefix}_{old.rpartition('.')[2]}"
    taken = project.scope(stale.loop.scope).variables
    name, number = base, 2
    while name in taken:
        name, number = f"{base}_{number}", number + 1
    return name


def value_name(project: Project, value: Value) -> str:
    """The name that a value is bound to, or an empty text."""
    scope = project.scope(value.scope)
    node = scope.nodes[value.node]
    if node.name and node.kind in (Kind.PARAM, Kind.PHI, Kind.GLOBAL, Kind.ATTR):
        return node.name
    names = contents_of(project, value.scope).names(value.node)
    return names[-1] if names else ""
