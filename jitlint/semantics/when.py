"""When does a value change? Every draw in it carries the clocks over which it is fresh.

A *clock* ticks with each pass of a loop, each call of a function, or each epoch for the method that gives a sample.
A draw is fresh over the clocks around it, less what a restart of its generator takes away. On its way to a consumer
freshness is put in the terms of each scope that it passes: what a function drew is fresh over the loops around its
call; an element of a container is another one in each pass, but the same ones in every epoch; an index adds the
clocks that the index varies with; each element of a returned tuple is a value of its own.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator

from jitlint import catalogue
from jitlint.semantics.calls import (
    CONVERSIONS,
    GATHERING,
    SHAPE_ATTRIBUTES,
    is_draw,
    is_network_call,
    is_opaque,
    tells_shape,
)
from jitlint.semantics.clocks import (
    ALWAYS,
    CALL,
    EMPTY,
    EPOCH,
    NONE,
    Clock,
    Clocks,
    Drawn,
    Hole,
    Path,
    Role,
    When,
    fresher,
    join,
    projected,
    with_role,
)
from jitlint.semantics.elements import Elements
from jitlint.semantics.flow import reached, sources
from jitlint.semantics.graph import LOOPS, Kind, Node, RegionKind, Scope
from jitlint.semantics.memo import remembered
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.provenance import Provenance, provenance_of
from jitlint.semantics.staleness import ARRAY_LIBRARIES, PROJECTIONS, SELECTORS, SETUP_METHODS

MAX_SITES = 6
MAX_OUTWARD = 3
# Parts of parts of parts are one value: recursive functions would nest them for ever.
MAX_PATH = 3

_REPEATING = LOOPS | {RegionKind.COMPREHENSION}
_GRIDS = frozenset(
    "linspace arange range meshgrid mgrid ogrid indices affine_grid cartesian_prod create_meshgrid".split()
)
# What they give of coordinates are coordinates; other functions make values from them.
_KEEPING_GRIDS = frozenset(
    "clamp clip remainder fmod where add sub subtract mul multiply div rearrange repeat mod vstack Tensor "
    "from_numpy".split()
)
_LOADS = re.compile(r"load|read|open|fetch|fromfile|memmap|genfromtxt|datasets")
_MAKERS = frozenset("tensor array asarray as_tensor constant Tensor FloatTensor LongTensor float int str".split())


def read_inputs(node: Node) -> tuple[int, ...]:
    """The values that a call's result depends on: not what it overwrites."""
    kept = tuple(item for item, key in zip(node.arguments, node.keywords, strict=False) if key != "out")
    read = node.name.startswith(".") and node.method not in catalogue.OVERWRITES  # a called object is no data
    return (node.inputs[0], *kept) if read else kept


class Variance:
    """Answers when the values of one project change, remembering the answers."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.what: Provenance = provenance_of(project)
        self.elements = Elements(self)

    # ------------------------------------------------------------------------------------------- clocks

    def clocks(self, ref: Ref, region: int) -> Clocks:
        """Everything that repeats the code of a region."""
        scope = self.project.scope(ref)
        found = [Clock(ref, inner) for inner in scope.region_chain(region) if scope.regions[inner].kind in _REPEATING]
        if ref.qualname:
            found.append(Clock(ref, CALL))
        if scope.name == "__getitem__":
            found.append(Clock(ref, EPOCH))
        return frozenset(found)

    def _innermost(self, value: Value) -> Clock:
        """What repeats the code of a value most often."""
        scope = self.project.scope(value.scope)
        chain = scope.region_chain(self.project.node(value).region)
        loop = next((region for region in chain if scope.regions[region].kind in _REPEATING), CALL)
        return Clock(value.scope, loop)

    def here(self, value: Value) -> Clocks:
        """Everything that repeats the code of a value."""
        return self.clocks(value.scope, self.project.node(value).region)

    # ------------------------------------------------------------------------------------------- values

    @remembered(EMPTY)
    def when(self, value: Value, path: Path = ()) -> When:
        """When a value, or the part of it that constant indices lead to, changes."""
        node = self.project.node(value)
        handler = _HANDLERS.get(node.kind)
        return handler(self, value, node, path) if handler else self._all(value, node.inputs)

    def _all(self, value: Value, nodes: Iterable[int], path: Path = ()) -> When:
        return join(self.when(Value(value.scope, item), path) for item in nodes)

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

    @remembered(True)
    def is_setup(self, ref: Ref) -> bool:
        """Whether a method runs only while its object is made: `__init__`, or one that only such methods call."""
        scope = self.project.scope(ref)
        if scope.name in SETUP_METHODS:
            return True
        callers = self.project.callers(ref)
        return bool(callers) and all(
            self.project.scope(site.scope).owner and self.is_setup(site.scope) for site in callers
        )

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

    def _index(self, value: Value, node: Node, path: Path) -> When:
        scope = self.project.scope(value.scope)
        key = scope.nodes[node.inputs[1]]
        if key.kind is Kind.CONST and isinstance(key.value, (int, str)):
            return self.when(Value(value.scope, node.inputs[0]), (key.value, *path)[:MAX_PATH])
        return self._picked(value, node.inputs[0], node.inputs[1:], path)

    def _picked(self, value: Value, base: int, keys: Iterable[int], path: Path) -> When:
        keys = tuple(keys)
        whole, index = self.when(Value(value.scope, base)), self._all(value, keys)
        unknown = frozenset(Clock(hole.ref, CALL) for hole in index.holes)
        crop = any(self._is_slice(value, item) for item in keys)
        role = Role.MIXED if crop and whole.data else Role.PICKED
        chosen = frozenset(clock for drawn in index.draws for clock in drawn.fresh & self.here(drawn.site))
        return join([fresher(whole, index.varies | unknown, chosen), with_role(index, role)._replace(data=frozenset())])

    def _is_slice(self, value: Value, item: int) -> bool:
        """Whether an index cuts a window: a slice with two ends."""
        node = self.project.node(Value(value.scope, item))
        if node.kind is not Kind.COLLECTION:
            return False
        if node.name == "slice":
            return len(node.inputs) > 1
        return any(self._is_slice(value, inner) for inner in node.inputs)

    def _operation(self, value: Value, node: Node, path: Path) -> When:
        if node.name == "@":
            return projected(self._all(value, node.inputs))
        made = self._mixed(value, node.inputs)
        if node.name == "**" and "grid" in made.data:
            return made._replace(data=made.data - {"grid"} | {"made"})
        return made

    def _mixed(self, value: Value, inputs: Iterable[int]) -> When:
        """A draw that meets data perturbs it; of two parameters that are added, callers tell which one is drawn."""
        joined = self._perturbed(value, inputs)
        if joined.holes and not joined.draws and self._adds_parameters(value):
            return joined._replace(holes=with_role(joined, Role.MIXED).holes)
        return joined

    def _perturbed(self, value: Value, inputs: Iterable[int]) -> When:
        """What a node makes of some of its inputs: the drawn ones perturb, if anything is perturbed."""
        inputs = tuple(inputs)
        parts = [self.when(Value(value.scope, item)) for item in inputs]
        if not any(part.draws for part in parts) or not self.what.made(value).perturbed:
            return join(parts)
        made = [self.what.made(Value(value.scope, item)) for item in inputs]
        return join(
            with_role(part, Role.MIXED) if of.draw and not of.data else part
            for part, of in zip(parts, made, strict=True)
        )

    def _adds_parameters(self, value: Value) -> bool:
        """Whether a value is the sum of two that come from different parameters."""
        node = self.project.node(value)
        if node.kind is not Kind.OP or node.name not in ("+", "-", "+=", "-="):
            return False
        names = [{hole.name for hole in self.when(Value(value.scope, item)).holes} for item in node.inputs]
        return len(names) == 2 and all(names) and not names[0] & names[1]

    def _written(self, value: Value, node: Node, path: Path) -> When:
        """`x[key] = item`: what stood there, what is put there, and where."""
        base, item, *keys = node.inputs
        held, where = self.when(Value(value.scope, base)), self._all(value, keys)
        known = bool(held.draws or held.data or held.holes)
        written = self.project.scope(value.scope).nodes[item]
        masks = known and (written.kind is Kind.CONST or (written.kind is Kind.GLOBAL and self._is_number(value, item)))
        role = Role.MASKED if masks else Role.MIXED
        put = self.when(Value(value.scope, item))
        return join([held, put, with_role(where, role)._replace(data=frozenset())])

    def _is_number(self, value: Value, item: int) -> bool:
        aliases = self.project.aliases(Value(value.scope, item))
        return bool(aliases) and all(self.project.node(alias).kind is Kind.CONST for alias in aliases)

    def _display(self, value: Value, node: Node, path: Path) -> When:
        part, count = path[0] if path else None, len(node.inputs)
        if node.name in ("tuple", "list") and isinstance(part, int) and -count <= part < count:
            return self.when(Value(value.scope, node.inputs[part]), path[1:])
        if path and node.name == "dict":
            half = len(node.inputs) // 2
            for key, item in zip(node.inputs[:half], node.inputs[half:], strict=False):
                if self.project.node(Value(value.scope, key)).value == path[0]:
                    return self.when(Value(value.scope, item), path[1:])
        return self._all(value, node.inputs)

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
            return join([made, self._returned(value, ref, (), frozenset({*cone, head}))])
        return made

    # -------------------------------------------------------------------------------------------- calls

    def _call(self, value: Value, node: Node, path: Path) -> When:
        if tells_shape(node):
            return EMPTY
        said = self.what.said_by_settings(value, node)
        if said is not None and not said.augmentation:
            return self._all(value, node.inputs)
        if self._own_draw(value, node) is not None:
            return self._drawn(value, node, read_inputs(node))
        ref = self.project.callee(value)
        if ref is not None and self.project.scope(ref).name != "__init__":
            return self._returned(value, ref, path)
        if is_network_call(self.project, value, ref) or node.name.startswith(".predict"):
            return When(varies=self._all(value, node.inputs).varies)
        if node.method == "Parameter":
            return self._all(value, node.inputs)._replace(draws=())  # learned
        if node.method in PROJECTIONS:
            return projected(self._all(value, node.inputs))
        if node.method in ("next", "pop", "popleft"):
            return fresher(self.elements.element(Value(value.scope, node.inputs[0]), None, path), self.here(value))
        if node.method in SELECTORS and node.inputs:
            return self._picked(value, node.inputs[0], node.inputs[1:], path)
        if node.name.startswith(".") and node.method in CONVERSIONS and not self._is_module(value, node):
            return self.when(Value(value.scope, node.inputs[0]), path)
        if self._is_layer(value, node) or (is_opaque(self.project, value) and ref is None and not self._gathers(node)):
            return When(varies=self._all(value, node.inputs).varies)
        return self._library_call(value, node)

    def _is_module(self, value: Value, node: Node) -> bool:
        """Whether the receiver of a call is a name that nothing binds: a module whose import is not shown."""
        receiver = Value(value.scope, node.inputs[0])
        return self.project.node(receiver).kind is Kind.GLOBAL and not self.project.aliases(receiver)

    def _is_layer(self, value: Value, node: Node) -> bool:
        """Whether a call runs a layer that a network keeps: what comes out is no longer what went in."""
        owner = self.project.scope(value.scope).owner
        if not owner or not node.has_receiver or not node.text.startswith("self."):
            return False
        return self.project.is_network_class(value.scope.path, owner)

    def _gathers(self, node: Node) -> bool:
        return node.method.endswith(("Dataset", "DataLoader", "Loader", "Sampler", "Subset", "Batch", "Data"))

    def _library_call(self, value: Value, node: Node) -> When:
        if node.name in catalogue.VARYING:
            return When(varies=self.here(value))
        made = self._mixed(value, read_inputs(node))
        if node.method in _GRIDS:
            return made._replace(data=made.data | {"grid"})
        if "grid" in made.data and node.method not in CONVERSIONS | GATHERING | _KEEPING_GRIDS:
            made = made._replace(data=made.data - {"grid"} | {"made"})
        if made.draws or made.data or made.holes or node.method in _MAKERS or node.name.startswith("."):
            return made
        if node.name.startswith(ARRAY_LIBRARIES) and not _LOADS.search(node.name):
            return made  # made of constants
        return made._replace(data=frozenset(["data"]))

    def _own_draw(self, value: Value, node: Node) -> Role | None:
        """What role the draw of a call itself has, or None if the call is no draw."""
        if is_draw(self.project, value) or node.name.startswith("torch.nn.init."):
            shuffles = node.method in ("shuffle", "permutation", "permuted", "sample", "choice") and node.arguments
            return Role.PICKED if shuffles else Role.NOISE
        made = self.what.made(value)
        if made.augmentation and made.draw and made.draw[:3] == (*value.scope, value.node):
            return Role.MIXED
        return None

    def _drawn(self, value: Value, node: Node, read: tuple[int, ...]) -> When:
        """What a call that draws gives, made from what it reads."""
        role = self._own_draw(value, node)
        assert role is not None
        inputs = self._all(value, read)
        fresh, restart = self._freshness(value, node)
        own = Drawn(value, fresh, value, restart, role)
        if role is Role.NOISE:
            return When((own,), fresh | inputs.varies)
        return join([inputs, When((own,), fresh)])

    def _freshness(self, value: Value, node: Node) -> tuple[Clocks, Value | None]:
        """Over which clocks a draw is fresh, and the restart of its generator that takes some away."""
        here = self.here(value)
        if node.name.startswith("jax.random.") and node.arguments:
            key = Value(value.scope, node.arguments[0])
            made = self.when(key)
            given = frozenset(Clock(hole.ref, CALL) for hole in made.holes)
            return (made.varies | given) & here, key if here - made.varies - given else None
        return here, None

    def _returned(self, value: Value, ref: Ref, path: Path, without: frozenset[int] = frozenset()) -> When:
        """What a call of a project's function gives, in the terms of its caller."""
        scope = self.project.scope(ref)
        results = scope.returns or tuple(node.inputs[0] for _, node in scope.of_kind(Kind.YIELD) if node.inputs)
        body = join(self.when(Value(ref, result), path) for result in results)
        return self.filled(body, ref, value, without)

    def filled(self, made: When, ref: Ref, site: Value, without: frozenset[int] = frozenset()) -> When:
        """A value of a function with the arguments of one call put in for its parameters."""
        here = self.here(site)
        parts = [
            made._replace(
                draws=tuple(self._called(drawn, ref, site, here) for drawn in made.draws),
                varies=self._outward(made.varies, ref, here),
                holes=frozenset(
                    hole._replace(
                        picked=self._outward(hole.picked, ref, here), chosen=self._outward(hole.chosen, ref, here)
                    )
                    for hole in made.holes
                    if hole.ref != ref
                ),
                carried=NONE,
            )
        ]
        for hole in made.holes:
            argument = self.project.argument(site, ref, hole.name) if hole.ref == ref else None
            if argument is not None and argument not in without:
                passed = self.plugged(hole, Value(site.scope, argument))
                picked, chosen = (self._outward(clocks, ref, here) for clocks in (hole.picked, hole.chosen))
                parts.append(fresher(passed, picked, chosen))
        return join(parts)

    def _called(self, drawn: Drawn, ref: Ref, site: Value, here: Clocks) -> Drawn:
        """A draw in the terms of the caller: one that each call makes is made at the call."""
        fresh = self._outward(drawn.fresh, ref, here)
        site = site if Clock(ref, CALL) in drawn.fresh else drawn.site
        return drawn._replace(fresh=fresh, site=site, chosen=self._outward(drawn.chosen, ref, here))

    def plugged(self, hole: Hole, argument: Value) -> When:
        """What an argument brings to where a parameter is used."""
        made = (
            self.elements.element(argument, hole.element, hole.path) if hole.element else self.when(argument, hole.path)
        )
        if hole.role is Role.MIXED and not made.data:
            return with_role(made, Role.MIXED)
        return made

    def _outward(self, clocks: Clocks, ref: Ref, here: Clocks) -> Clocks:
        if Clock(ref, CALL) in clocks or Clock(ref, EPOCH) in clocks:
            return frozenset(clock for clock in clocks if clock.scope != ref) | here
        return frozenset(clock for clock in clocks if clock.scope != ref)

    def _loop_variable(self, value: Value, node: Node, path: Path) -> When:
        clock = Clock(value.scope, node.region)
        made = self.elements.element(Value(value.scope, node.inputs[0]), clock, path)
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
