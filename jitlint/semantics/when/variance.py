"""When a value changes: parameters, names of other scopes, loop variables and what a pass makes of its last one."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator

from jitlint.semantics.calls import SHAPE_ATTRIBUTES, is_network_call
from jitlint.semantics.clocks import ALWAYS, CALL, EMPTY, NONE, Clock, Clocks, Hole, Path, Role, When, fresher, join
from jitlint.semantics.flow import reached, sources
from jitlint.semantics.graph import LOOPS, Kind, Node, RegionKind, Scope
from jitlint.semantics.loops import loops_of
from jitlint.semantics.memo import remembered
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.staleness import ARRAY_LIBRARIES
from jitlint.semantics.when.calls import Calls

MAX_SITES = 6
MAX_OUTWARD = 3


class Variance(Calls):
    """Answers when the values of one project change, remembering the answers."""

    # ------------------------------------------------------------------------------------------- values

    @remembered(EMPTY)
    def when(self, value: Value, path: Path = ()) -> When:
        """When a value, or the part of it that constant indices lead to, changes."""
        node = self.project.node(value)
        handler = _HANDLERS.get(node.kind)
        return handler(self, value, node, path) if handler else self._all(value, node.inputs)

    def _nothing(self, value: Value, node: Node, path: Path) -> When:
        return EMPTY

    def _parameter(self, value: Value, node: Node, path: Path) -> When:
        scope = self.project.scope(value.scope)
        if self.project.self_class(value) is not None:
            return EMPTY
        if node.region and scope.regions[node.region].kind is RegionKind.LAMBDA:
            return When(varies=frozenset([Clock(value.scope, CALL)]))
        if scope.name == "__getitem__":
            return When(varies=frozenset([Clock(value.scope, CALL)]))
        made = When(holes=frozenset([Hole(value.scope, node.name, path)]))
        default = next((item.default for item in scope.parameters if item.name == node.name), -1)
        if default < 0 or scope.parent is None:
            return made
        once = self.when(Value(Ref(value.scope.path, scope.parent), default), path)
        return join([made, When(tuple(drawn._replace(fresh=NONE) for drawn in once.draws))])

    def _elsewhere(self, value: Value, aliases: Iterable[Value], path: Path) -> When:
        """A name of another scope."""
        return join(self._brought(value.scope, alias, self.when(alias, path)) for alias in aliases)

    def _brought(self, ref: Ref, alias: Value, made: When) -> When:
        """What another scope made, as one scope sees it: made once, unless something makes it again."""
        if alias.scope == ref:
            return made
        fresh = self._renewed(ref, alias, made)
        draws = tuple(drawn._replace(fresh=fresh) for drawn in made.draws)
        return made._replace(draws=draws, varies=fresh, carried=NONE)

    def _renewed(self, ref: Ref, alias: Value, made: When) -> Clocks:
        """How often another scope makes again what one scope uses."""
        scope = self.project.scope(alias.scope)
        if scope.owner and alias.scope.qualname != ref.qualname:
            return NONE if self.is_setup(alias.scope) else frozenset([ALWAYS])
        if self.project.scope(ref).parent == alias.scope.qualname:  # a function defined in the loop that draws
            around = self.clocks(alias.scope, self._defined_in(alias.scope, ref.qualname))
            anew = bool(around - {Clock(alias.scope, CALL)}) and all(around <= drawn.fresh for drawn in made.draws)
            return frozenset([Clock(ref, CALL)]) if anew else NONE
        return NONE

    def _defined_in(self, ref: Ref, qualname: str) -> int:
        """The region in which a nested function is defined."""
        nodes = self.project.scope(ref).of_kind(Kind.GLOBAL)
        return next((node.region for _, node in nodes if node.name == qualname), 0)

    def _global(self, value: Value, node: Node, path: Path) -> When:
        aliases = self.project.aliases(value)
        if aliases:
            return self._elsewhere(value, aliases, path)
        module = self.project.modules[value.scope.path]
        if node.name in module.scopes or self.project.function(value.scope.path, node.name) is not None:
            return EMPTY  # a function is no data
        return EMPTY if node.name.startswith(ARRAY_LIBRARIES) else When(data=frozenset(["data"]))

    def _attribute(self, value: Value, node: Node, path: Path) -> When:
        if node.name in SHAPE_ATTRIBUTES:
            return EMPTY
        base = Value(value.scope, node.inputs[0])
        if self.project.self_class(base) is not None:
            aliases = self.project.aliases(value)
            return self._elsewhere(value, aliases, path) if aliases else When(data=frozenset(["data"]))
        made = self.project.constructor(base)
        if made is not None and made[0] is not None:
            return self._elsewhere(value, self.project.attribute_stores((made[0], made[1]), node.name), path)
        return self.when(base)

    # --------------------------------------------------------------------------------------------- phis

    def _merged(self, value: Value, node: Node, path: Path) -> When:
        scope = self.project.scope(value.scope)
        if scope.regions[node.region].kind in LOOPS and self._is_head(scope, value.node, node):
            return self._head(value, node, path, scope)
        parts = [self.when(Value(value.scope, item), path) for item in node.inputs]
        joined = join(parts)
        renewed = [part for part in parts if part.draws and not part.data and not part.holes]
        clocks = frozenset(clock for part in renewed for drawn in part.draws for clock in drawn.fresh)
        return fresher(joined, clocks) if len(renewed) < len(parts) else joined

    def _is_head(self, scope: Scope, index: int, node: Node) -> bool:
        return node.span == scope.regions[node.region].header_span and bool(node.inputs) and node.inputs[0] < index

    def _head(self, value: Value, node: Node, path: Path, scope: Scope) -> When:
        """A name at the head of a loop: its value before the loop, and what a pass made of it."""
        first = self.when(Value(value.scope, node.inputs[0]), path)
        if len(node.inputs) < 2:
            return first
        clock = Clock(value.scope, node.region)
        cone = self._cone(scope, value.node, node)
        if not cone:  # made anew in each pass
            last = self.when(Value(value.scope, node.inputs[-1]), path)
            return last._replace(varies=last.varies | {clock})
        added = [self._beside(Value(value.scope, index), scope.nodes[index], cone, value.node) for index in cone]
        sides = join(added)
        joined = join([first, sides])
        walks = any(clock in drawn.fresh and drawn.role >= Role.MIXED for drawn in sides.draws)
        return joined._replace(
            varies=joined.varies | {clock}, carried=joined.carried | (frozenset([clock]) if walks else NONE)
        )

    def _cone(self, scope: Scope, head: int, node: Node) -> frozenset[int]:
        """The nodes of the loop through which the name's value goes from one pass to the next."""
        inside = frozenset(
            index
            for index in reached(scope, [head], lambda i: scope.within(scope.nodes[i].region, node.region))
            if scope.within(scope.nodes[index].region, node.region)
        )
        if node.inputs[-1] not in inside:
            return frozenset()
        return frozenset(sources(scope, [node.inputs[-1]], lambda i: i in inside and i != head)) & inside - {head}

    def _beside(self, value: Value, node: Node, cone: frozenset[int], head: int) -> When:
        """What a node of a cone adds to the value that goes through it."""
        made = self._perturbed(value, [item for item in node.inputs if item not in cone and item != head])
        if node.kind is not Kind.CALL:
            return made
        ref = self.project.callee(value)
        if self._own_draw(value, node) is not None:
            return join([made, self._drawn(value, node, node.inputs[:0])])
        if is_network_call(self.project, value, ref):
            return EMPTY
        if ref is not None:
            paths = self._taken(self.project.scope(value.scope), value.node, cone)
            return join([made, *(self._returned(value, ref, path, frozenset({*cone, head})) for path in paths)])
        return made

    def _taken(self, scope: Scope, call: int, cone: frozenset[int]) -> list[Path]:
        """The elements of a returned tuple that go on: the first of `model, loss = train(model)`."""
        users = [scope.nodes[index] for index in cone if call in scope.nodes[index].inputs]
        keys = [scope.nodes[user.inputs[1]] if user.kind is Kind.INDEX else None for user in users]
        known = [(key.value,) for key in keys if key is not None and isinstance(key.value, int)]
        return list[Path](known) if users and len(known) == len(users) else [()]

    def _loop_variable(self, value: Value, node: Node, path: Path) -> When:
        clock = Clock(value.scope, node.region)
        made = self.element(Value(value.scope, node.inputs[0]), clock, path)
        return made._replace(varies=made.varies | {clock})

    # ---------------------------------------------------------------------------------- seen by callers

    @remembered(EMPTY)
    def seen(self, value: Value, path: Path = ()) -> When:
        """A value with the parameters of its function, and of the callers', replaced by what callers pass."""
        made = self.when(value, path)
        for _ in range(MAX_OUTWARD):
            open_holes = [hole for hole in made.holes if self.project.callers(hole.ref)]
            if not open_holes:
                break
            made = join([made._replace(holes=made.holes - frozenset(open_holes)), *self._passed(open_holes)])
        return made

    def _passed(self, holes: list[Hole]) -> Iterator[When]:
        for hole in holes:
            for site in self.project.callers(hole.ref)[:MAX_SITES]:
                argument = self.project.argument(site, hole.ref, hole.name)
                if argument is None:
                    continue
                if loops_of(self.project).evaluates(site.scope, self.project.node(site).region):
                    yield When(data=frozenset(["data"]))  # says nothing about what training passes
                    continue
                made = self.plugged(hole, Value(site.scope, argument))
                each = frozenset([Clock(hole.ref, CALL)])
                draws = tuple(
                    drawn._replace(fresh=drawn.fresh | (each if self._innermost(site) in drawn.fresh else NONE))
                    for drawn in made.draws
                )
                yield fresher(made._replace(draws=draws, carried=NONE), hole.picked, hole.chosen)


_HANDLERS = {
    Kind.CONST: Variance._nothing,
    Kind.LAMBDA: Variance._nothing,
    Kind.PARAM: Variance._parameter,
    Kind.GLOBAL: Variance._global,
    Kind.ATTR: Variance._attribute,
    Kind.INDEX: Variance._index,
    Kind.OP: Variance._operation,
    Kind.CALL: Variance._call,
    Kind.PHI: Variance._merged,
    Kind.LOOPVAR: Variance._loop_variable,
    Kind.COLLECTION: Variance._display,
    Kind.SETITEM: Variance._written,
}


@functools.lru_cache(maxsize=4)
def variance_of(project: Project) -> Variance:
    """The one answer of a project to "when?", shared by the rules."""
    return Variance(project)
