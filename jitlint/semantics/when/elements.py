"""When an element changes: of a loader, a data set, a generator, or any container that a loop runs over."""

from __future__ import annotations

from jitlint.semantics.clocks import ALWAYS, CALL, EMPTY, EPOCH, NONE, Clock, Clocks, Hole, Path, When, fresher, join
from jitlint.semantics.graph import Kind, Node
from jitlint.semantics.memo import remembered
from jitlint.semantics.project import Ref, Value
from jitlint.semantics.when.arguments import Arguments

# Calls whose elements are those of their first argument.
_SAME_ELEMENTS = frozenset(
    "tqdm trange iter list tuple islice cycle reversed sorted prefetch track progress_bar Subset random_split "
    "DataLoader ConcatDataset from_generator prepare".split()
)
_CHAIN = frozenset("batch shuffle prefetch repeat cache take skip unbatch padded_batch with_options".split())


class Elements(Arguments):
    """Answers for one project what one pass of a loop takes out of what it runs over."""

    @remembered(EMPTY)
    def element(self, value: Value, clock: Clock | None, path: Path = ()) -> When:
        """One element of what a loop with this clock runs over (or of what a call takes one element of)."""
        node = self.project.node(value)
        ticks = frozenset([clock]) if clock else NONE
        if node.kind is Kind.PARAM and self.project.self_class(value) is None:
            hole = Hole(value.scope, node.name, path, clock or Clock(value.scope, CALL), ticks)
            return When(holes=frozenset([hole]), varies=ticks)
        if node.kind in (Kind.PHI, Kind.ENTER):
            return join(self.element(Value(value.scope, item), clock, path) for item in node.inputs)
        if node.kind is Kind.CALL:
            found = self._element_of_call(value, node, clock, path)
            if found is not None:
                return found
        if node.kind in (Kind.GLOBAL, Kind.ATTR):
            aliases = self.project.aliases(value)
            if aliases:
                return join(self._brought_element(value.scope, alias, clock, path) for alias in aliases)
        return fresher(self.when(value, path if node.kind is not Kind.COLLECTION else ()), ticks)

    def _brought_element(self, ref: Ref, alias: Value, clock: Clock | None, path: Path) -> When:
        made = self.element(alias, clock, path)
        if alias.scope == ref:
            return made
        ticks = frozenset([clock]) if clock else NONE
        draws = tuple(
            drawn._replace(fresh=drawn.fresh if drawn.site.scope != alias.scope else ticks) for drawn in made.draws
        )
        return made._replace(draws=draws)

    def _element_of_call(self, value: Value, node: Node, clock: Clock | None, path: Path) -> When | None:
        last = node.text.rpartition(".")[2]
        first = Value(value.scope, node.arguments[0]) if node.arguments else None
        ticks = frozenset([clock]) if clock else NONE
        if last == "enumerate" and first:
            return When(varies=ticks) if path[:1] == (0,) else self.element(first, clock, path[1:])
        if last == "zip" and path and isinstance(path[0], int) and 0 <= path[0] < len(node.arguments):
            return self.element(Value(value.scope, node.arguments[path[0]]), clock, path[1:])
        if last == "TensorDataset" and path and isinstance(path[0], int) and 0 <= path[0] < len(node.arguments):
            return fresher(self.when(Value(value.scope, node.arguments[path[0]]), path[1:]), ticks)
        if (last in _SAME_ELEMENTS or last.endswith("DataLoader")) and (first or node.keyword("dataset") is not None):
            given = node.keyword("dataset")
            return self.element(Value(value.scope, given) if given is not None else first, clock, path)  # type: ignore[arg-type]
        if node.name.startswith(".") and last in (*_CHAIN, "items", "values", "as_numpy_iterator"):
            return self.element(Value(value.scope, node.inputs[0]), clock, path)
        return self._element_of_object(value, node, clock, path)

    def _element_of_object(self, value: Value, node: Node, clock: Clock | None, path: Path) -> When | None:
        """One sample of a project's data set, one value of its generator, or one element of what it returns."""
        ref = self.project.callee(value)
        if ref is not None and self.project.scope(ref).name != "__init__":
            return self._element_of_function(value, ref, clock, path)
        made = self.project.constructor(value)
        if made is None or made[0] is None:
            return None
        where, owner = made[0], made[1]
        giver = self.project.method(where, owner, "__getitem__") or self.project.method(where, owner, "__iter__")
        if giver is None:
            return None
        scope = self.project.scope(giver)
        results = scope.returns or tuple(item.inputs[0] for _, item in scope.of_kind(Kind.YIELD) if item.inputs)
        sample = join(self.when(Value(giver, result), path) for result in results)
        return self._sampled(sample, giver, value, clock)

    def _sampled(self, sample: When, giver: Ref, site: Value, clock: Clock | None) -> When:
        """What the method that gives one sample made, in the terms of the loop that takes the samples."""
        ticks = frozenset([clock]) if clock else NONE

        gives_all = self.project.scope(giver).name == "__iter__"

        def outward(clocks: Clocks) -> Clocks:
            each = ticks if Clock(giver, CALL) in clocks else NONE
            passes = Clock(giver, CALL) if gives_all else Clock(giver, EPOCH)  # `__iter__` runs once for each pass
            epochs = frozenset([ALWAYS]) if passes in clocks else NONE
            return each | epochs | frozenset(c for c in clocks if c.scope != giver)

        made = sample._replace(
            draws=tuple(drawn._replace(fresh=outward(drawn.fresh)) for drawn in sample.draws),
            varies=outward(sample.varies) | ticks,
            holes=frozenset(hole._replace(picked=outward(hole.picked)) for hole in sample.holes),
        )
        setup = {hole.ref for hole in made.holes if self.project.scope(hole.ref).name == "__init__"}
        for ref in setup:
            if self.project.callee(site) == ref:
                made = self._given_at_setup(made, ref, site)
        return made

    def _given_at_setup(self, made: When, ref: Ref, site: Value) -> When:
        parts = [made._replace(holes=frozenset(hole for hole in made.holes if hole.ref != ref))]
        for hole in made.holes:
            argument = self.project.argument(site, ref, hole.name) if hole.ref == ref else None
            if argument is not None:
                parts.append(fresher(self.plugged(hole, Value(site.scope, argument)), hole.picked, hole.chosen))
        return join(parts)

    def _element_of_function(self, value: Value, ref: Ref, clock: Clock | None, path: Path) -> When:
        scope = self.project.scope(ref)
        ticks = frozenset([clock]) if clock else NONE
        if not scope.is_generator:
            body = join(self.element(Value(ref, result), None, path) for result in scope.returns)
            return fresher(self.filled(body, ref, value), ticks)
        parts = []
        for _, item in scope.of_kind(Kind.YIELD):
            inner = self.clocks(ref, item.region) - {Clock(ref, CALL)}
            made = self.when(Value(ref, item.inputs[0]), path) if item.inputs else EMPTY
            draws = tuple(
                drawn._replace(fresh=drawn.fresh | ticks if inner and inner & drawn.fresh else drawn.fresh)
                for drawn in made.draws
            )
            varies = made.varies | (ticks if inner & made.varies or not made.draws else NONE)
            holes = frozenset(
                hole._replace(picked=hole.picked | ticks) if inner & hole.picked else hole for hole in made.holes
            )
            parts.append(made._replace(draws=draws, varies=varies, holes=holes))
        return self.filled(join(parts), ref, value)
