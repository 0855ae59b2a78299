"""From the terms of a function to those of its caller: arguments take the place of parameters, clocks go outward."""

from __future__ import annotations

from abc import abstractmethod

from jitlint.semantics.clocks import (
    ALWAYS,
    CALL,
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
    with_role,
)
from jitlint.semantics.conditions import is_switched_off
from jitlint.semantics.graph import Kind
from jitlint.semantics.project import Ref, Value
from jitlint.semantics.when.repeats import Repeats


class Arguments(Repeats):
    """Puts what one call passes in for the parameters of what it calls."""

    @abstractmethod
    def when(self, value: Value, path: Path = ()) -> When:
        """When a value, or the part of it that constant indices lead to, changes."""

    @abstractmethod
    def element(self, value: Value, clock: Clock | None, path: Path = ()) -> When:
        """One element of what a loop with this clock runs over (or of what a call takes one element of)."""

    def filled(self, made: When, ref: Ref, site: Value, without: frozenset[int] = frozenset()) -> When:
        """A value of a function with the arguments of one call put in for its parameters."""
        here = self.here(site)
        parts = [
            made._replace(
                draws=tuple(
                    self._called(drawn, ref, site, here)
                    for drawn in made.draws
                    if drawn.site.scope != ref or not is_switched_off(self.project, drawn.site, site)
                ),
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
        asked = self._asked(hole, argument) if hole.method else None
        if asked is not None:
            return asked
        made = self.element(argument, hole.element, hole.path) if hole.element else self.when(argument, hole.path)
        if hole.role is Role.MIXED and not made.data:
            made = with_role(made, Role.MIXED)
        if hole.method and self.project.node(argument).kind is Kind.PARAM:
            made = made._replace(holes=frozenset(item._replace(method=hole.method) for item in made.holes))
        return made

    def _asked(self, hole: Hole, argument: Value) -> When | None:
        """What a method of an object gives, if a caller knows its class: not all that the object was made from.

        Nothing that is known, where `__getattr__` gives the method, or where a function defines the class.
        """
        path, name = self.project.constructor(argument) or ("", "")
        method = self.project.method(path, name, hole.method) if path else None
        if method is None:
            own = path or (path is None and name[:1].isupper() and "." not in name)
            return When(data=frozenset(["data"])) if own else None
        given = join(self.when(Value(method, result), hole.path) for result in self.project.scope(method).returns)
        each = Clock(method, CALL)
        draws = tuple(
            drawn._replace(fresh=frozenset([ALWAYS]) if {each, ALWAYS} & drawn.fresh else NONE) for drawn in given.draws
        )
        parts = [When(draws, frozenset([ALWAYS]) if given.varies else NONE, data=given.data)]
        setup = self.project.callee(argument) if self.project.node(argument).kind is Kind.CALL else None
        for inner in given.holes:
            passed = self.project.argument(argument, setup, inner.name) if setup and inner.ref == setup else None
            if passed is not None:
                parts.append(fresher(self.plugged(inner, Value(argument.scope, passed)), inner.picked, inner.chosen))
        return join(parts)

    def _outward(self, clocks: Clocks, ref: Ref, here: Clocks) -> Clocks:
        if Clock(ref, CALL) in clocks or Clock(ref, EPOCH) in clocks:
            return frozenset(clock for clock in clocks if clock.scope != ref) | here
        return frozenset(clock for clock in clocks if clock.scope != ref)
