"""Which draws does training consume again and again without drawing again?

For every place where a network is trained on a value, the draws in that value (:mod:`when`) are held against the
clocks that repeat the training: the batch loop or step, and the epochs around it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from jitlint import catalogue
from jitlint.semantics.calls import CONVERSIONS
from jitlint.semantics.clocks import ALWAYS, CALL, EPOCH, Clock, Drawn, Role
from jitlint.semantics.flow import sources
from jitlint.semantics.graph import ADDING, Kind, Node, RegionKind, Scope
from jitlint.semantics.loops import Loop, loops_of
from jitlint.semantics.memo import remembered
from jitlint.semantics.objects import objects_of
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.provenance import COMBINING, Draw, provenance_of
from jitlint.semantics.staleness import ARRAY_LIBRARIES, HIDDEN, Stale, Staleness, staleness_of
from jitlint.semantics.when import Variance, read_inputs, variance_of

MAX_PATH = 400


class Use(NamedTuple):
    """A value that repeated code consumes: `loop` repeats it (region 0: each call; `HIDDEN`: the epochs of a fit)."""

    loop: Loop
    consumer: Value
    argument: Value

    @property
    def clock(self) -> Clock:
        """What ticks with each pass."""
        return Clock(self.loop.scope, self.loop.region)


class Hoisted:
    """Answers which draws of one project are hoisted, by what consumes them."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.variance: Variance = variance_of(project)
        self.staleness: Staleness = staleness_of(project)
        self.loops = loops_of(project)

    # ------------------------------------------------------------------------------------------ answers

    @functools.cached_property
    def in_training(self) -> tuple[Stale, ...]:
        """Every draw that a network is trained on and that its batches, or its epochs, share."""
        return tuple(self._stale(self.trained()))

    @functools.cached_property
    def in_samples(self) -> tuple[Stale, ...]:
        """Every draw in what a data set gives out, whoever trains on it, that all epochs share."""
        return tuple(stale for stale in self._stale(self._given_out()) if stale.per_epoch)

    @functools.cached_property
    def in_generators(self) -> tuple[Stale, ...]:
        """Every draw that a generator function combines with what it yields."""
        return tuple(stale for stale in self._stale(self._yielded()) if stale.combined is not None)

    @functools.cached_property
    def in_data_path(self) -> tuple[Stale, ...]:
        """Every draw combined with data in `forward`, `__getitem__`, `__call__` or a training step."""
        return tuple(stale for stale in self._stale(self._operations()) if stale.combined == stale.consumer)

    def _stale(self, uses: Iterable[Use]) -> Iterator[Stale]:
        found: set[tuple[Clock, Value, int]] = set()
        for use in uses:
            for drawn in self.variance.seen(use.argument).draws:
                clock = self.stale_clock(use, drawn)
                if clock is None or drawn.restart is not None:
                    continue
                stale = self._described(use, drawn, clock)
                if stale is not None and (use.clock, drawn.site, stale.entry.node) not in found:
                    found.add((use.clock, drawn.site, stale.entry.node))
                    yield stale

    @remembered(False)
    def sees_batches(self, loop: Loop) -> bool:
        """Whether a loop trains its networks on other data in each pass, whatever it counts."""
        return any(
            use.clock in made.varies
            and (made.data or made.holes)
            and not any(drawn.role is Role.NOISE for drawn in made.draws)
            for use in self._uses_in.get(loop.scope, ())
            if use.loop.region == loop.region
            for made in (self.variance.seen(use.argument),)
        )

    @functools.cached_property
    def _uses_in(self) -> dict[Ref, list[Use]]:
        found: dict[Ref, list[Use]] = {}
        for use in self.trained():
            found.setdefault(use.loop.scope, []).append(use)
        return found

    # ------------------------------------------------------------------------------------------- clocks

    def stale_clock(self, use: Use, drawn: Drawn) -> Clock | None:
        """The innermost clock of repeated code over which a draw is not fresh."""
        if ALWAYS in drawn.fresh:
            return None
        return next((clock for clock in self._clocks_of(use) if clock not in drawn.fresh), None)

    def _clocks_of(self, use: Use) -> Iterator[Clock]:
        ref, region = use.clock
        yield use.clock
        if region > CALL:
            yield from self._loops_around(ref, region)
        scope = self.project.scope(ref)
        if scope.name == "__getitem__":
            yield Clock(ref, EPOCH)
        if ref.qualname and region > CALL and self._is_called_again(ref):
            yield Clock(ref, CALL)

    def _loops_around(self, ref: Ref, region: int) -> Iterator[Clock]:
        scope = self.project.scope(ref)
        for outer in list(scope.region_chain(region))[1:]:
            if scope.regions[outer].kind in (RegionKind.FOR, RegionKind.WHILE):
                yield Clock(ref, outer)

    def _is_called_again(self, ref: Ref) -> bool:
        """Whether a loop calls a function again and again: `for epoch in …: train_epoch(…)`."""
        return any(self.variance.here(site) - {Clock(site.scope, CALL)} for site in self.project.callers(ref))

    # --------------------------------------------------------------------------------------------- uses

    def trained(self) -> Iterator[Use]:
        """Every place where a network is trained on a value."""
        for ref, scope in (*self.project.scopes(), *self.staleness.called_elsewhere()):
            repeats = [*self.loops.batch_loops(ref)]
            if self.staleness.is_step(ref, scope) or self._is_forward(ref, scope):
                repeats.append(Loop(ref, CALL, True, True))
            by_region = {loop.region: loop for loop in repeats}
            for index, node in scope.calls():
                yield from self._fitted(ref, scope, index, node)
                around = (by_region[region] for region in scope.region_chain(node.region) if region in by_region)
                innermost = next(around, None)
                if innermost is None or self.loops.evaluates(ref, node.region):
                    continue
                for argument in self.staleness.consumed(Value(ref, index), node):
                    if not self._learns_input(innermost, argument):
                        yield Use(innermost, Value(ref, index), Value(ref, argument))

    def _learns_input(self, loop: Loop, argument: int) -> bool:
        """Whether a loop optimises what a network is given and not the network: an attack, or an inversion.

        Its steps serve one sample, which gets one draw: `optimizer = SGD([delta])`, `model(x + delta + noise)`.
        """
        scope, objects = self.project.scope(loop.scope), objects_of(self.project)
        steps = [node for _, node in scope.calls() if node.method == "step" and node.has_receiver]
        inside = [node for node in steps if scope.within(node.region, loop.region)]
        makers = [maker for node in inside for maker in objects.origins(Value(loop.scope, node.inputs[0]))]
        learned = [item for maker in makers if maker.scope == loop.scope for item in self._listed(scope, maker.node)]
        given = set(sources(scope, [argument])) if learned else set[int]()
        return bool(learned) and all(maker.scope == loop.scope for maker in makers) and given.issuperset(learned)

    def _listed(self, scope: Scope, maker: int) -> tuple[int, ...]:
        """What an optimizer is made for, or the optimizer itself where that is not a list of single values."""
        first = next(iter(scope.nodes[maker].arguments), maker)
        node = scope.nodes[first]
        return node.inputs if node.kind is Kind.COLLECTION and node.name in ("list", "tuple") else (first,)

    def _fitted(self, ref: Ref, scope: Scope, index: int, node: Node) -> Iterator[Use]:
        """`model.fit(images, epochs=n)` hides the loops over epochs and batches."""
        if node.name != ".fit" or not node.arguments:
            return
        epochs = node.keyword("epochs")
        first = node.keyword("x") if node.keywords[0] is not None else node.arguments[0]
        if epochs is not None and scope.nodes[epochs].value != 1 and first is not None:
            yield Use(Loop(ref, HIDDEN, False, True), Value(ref, index), Value(ref, first))

    def _is_forward(self, ref: Ref, scope: Scope) -> bool:
        named = scope.name in catalogue.STEP_FUNCTIONS and scope.name != "__getitem__"
        return named and bool(scope.owner) and self.project.is_network_class(ref.path, scope.owner)

    def _given_out(self) -> Iterator[Use]:
        for ref, scope in self.project.scopes():
            if scope.name == "__getitem__" and self.project.is_dataset_class(ref.path, scope.owner):
                for result in scope.returns:
                    yield Use(Loop(ref, CALL, True, True), Value(ref, result), Value(ref, result))

    def _yielded(self) -> Iterator[Use]:
        for ref, scope in self.project.scopes():
            for index, node in scope.of_kind(Kind.YIELD):
                around = [loop for loop in self.loops.loops(ref) if scope.within(node.region, loop.region)]
                if around and node.inputs:
                    yield Use(around[-1]._replace(loader=True), Value(ref, index), Value(ref, node.inputs[0]))

    def _operations(self) -> Iterator[Use]:
        for ref, scope in self.project.scopes():
            if scope.owner and scope.name in catalogue.STEP_FUNCTIONS:
                for index, node in scope.of_kind(Kind.OP):
                    if node.name in COMBINING:
                        yield Use(Loop(ref, CALL, True, True), Value(ref, index), Value(ref, index))

    # ------------------------------------------------------------------------------------------ stories

    def _described(self, use: Use, drawn: Drawn, clock: Clock) -> Stale | None:
        """Where a hoisted draw enters the loop, and what combines it with the data of a pass there."""
        found = self._entry(use, drawn)
        if found is None:
            return None
        entry, combined, certain = found
        if self.project.node(entry).kind is Kind.PARAM and self._is_forward(
            entry.scope, self.project.scope(entry.scope)
        ):
            return None  # judged where the network is called
        role = next((item.role for item in self.variance.seen(entry).draws if item.site == drawn.site), drawn.role)
        origin = self._origin(entry, drawn)
        made = provenance_of(self.project).made(origin)
        site = drawn.site
        node = self.project.node(site)
        made = made._replace(
            draw=Draw(site.scope.path, site.scope.qualname, site.node, node.text), perturbed=role >= Role.MIXED
        )
        if self.staleness.is_owned(origin) or self.staleness.is_owned(entry) or self._is_carried_on(entry, use.clock):
            return None
        return Stale(
            use.loop,
            use.consumer,
            entry,
            origin,
            made,
            combined,
            certain,
            drawn._replace(role=role),
            clock != use.clock or clock in drawn.chosen,
        )

    def _entry(self, use: Use, drawn: Drawn) -> tuple[Value, Value | None, bool] | None:
        """The node through which a draw comes in from outside, and the operation inside that combines it."""
        scope, ref = self.project.scope(use.loop.scope), use.loop.scope
        todo: list[tuple[int, Value | None, bool]] = [(use.argument.node, None, True)]
        seen: set[int] = set()
        if not self._holds(use.argument, drawn):
            return None
        while todo and len(seen) < MAX_PATH:
            index, combined, certain = todo.pop()
            if index in seen:
                continue
            seen.add(index)
            node = scope.nodes[index]
            read = read_inputs(node) if node.kind is Kind.CALL else node.inputs
            holding = [item for item in reversed(read) if self._holds(Value(ref, item), drawn)]
            if self._is_outside(scope, node, use.loop.region) or not holding:
                return Value(ref, index), combined, certain
            adds = node.kind is Kind.OP and node.name in ADDING
            if self._mixes(use, scope, node, drawn) and (adds or not self._is_sum(combined)):
                combined = Value(ref, index)
                certain = certain and (node.kind is Kind.OP or node.name.startswith(ARRAY_LIBRARIES))
            todo += [(item, combined, certain) for item in holding]
        return None

    def _is_sum(self, value: Value | None) -> bool:
        return value is not None and self.project.node(value).name in ADDING

    def _holds(self, value: Value, drawn: Drawn) -> bool:
        return any(item.site == drawn.site for item in self.variance.seen(value).draws)

    def _is_outside(self, scope: Scope, node: Node, region: int) -> bool:
        if region == HIDDEN or not scope.within(node.region, region):
            return True
        own = node.kind is Kind.ATTR and scope.nodes[node.inputs[0]].kind is Kind.PARAM
        return node.kind in (Kind.GLOBAL, Kind.PARAM, Kind.LOOPVAR) or own

    def _is_carried_on(self, entry: Value, loop: Clock) -> bool:
        """Whether the next pass finds something else in an attribute: the loop changes it in place."""
        node = self.project.node(entry)
        owner = self.project.self_class(Value(entry.scope, node.inputs[0])) if node.kind is Kind.ATTR else None
        return owner is not None and self.staleness.is_changed(loop.scope, max(loop.region, CALL), node.name)

    def _mixes(self, use: Use, scope: Scope, node: Node, drawn: Drawn) -> bool:
        """Whether an operation combines the draw with something that each pass has anew, or cuts a window of it."""
        call = node.kind is Kind.CALL and node.method not in CONVERSIONS
        window = node.kind is Kind.INDEX and any(
            self.variance.is_window(Value(use.loop.scope, item)) for item in node.inputs[1:]
        )
        if not (call or window or (node.kind is Kind.OP and node.name in COMBINING)):
            return False
        others = [Value(use.loop.scope, item) for item in _parts(scope, node)]
        made = [self.variance.when(item) for item in others if not self._holds(item, drawn)]
        return any(use.clock in item.varies or item.holes for item in made)

    def _origin(self, entry: Value, drawn: Drawn) -> Value:
        """The same value in the scope that made it."""
        for origin in self.staleness.origins(entry):
            if provenance_of(self.project).made(origin).draw is not None:
                return origin
        return drawn.site if drawn.site.scope != entry.scope else entry


def _parts(scope: Scope, node: Node) -> Iterator[int]:
    """The inputs of an operation, those of a list or tuple among them one by one."""
    for item in node.inputs:
        inner = scope.nodes[item]
        yield from inner.inputs if inner.kind is Kind.COLLECTION else (item,)


@functools.lru_cache(maxsize=4)
def hoisted_of(project: Project) -> Hoisted:
    """The one answer of a project to "what is hoisted?", shared by the rules."""
    return Hoisted(project)
