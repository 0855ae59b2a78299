"""Which draws does training consume again and again without drawing again?

For every place where a network is trained on a value, the draws in that value (:mod:`when`) are held against the
clocks that repeat the training: the batch loop or step, and the epochs around it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from jitlint import catalogue
from jitlint.semantics.graph import Scope
from jitlint.semantics.loops import loops_of
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.staleness import staleness_of
from jitlint.semantics.when import ALWAYS, CALL, Clock, Drawn, When, variance_of


class Repeat(NamedTuple):
    """Code that trains again and again: a batch loop, a step function, or a fit that hides its epochs."""

    clock: Clock
    loader: bool
    trains: bool


class Hoisted(NamedTuple):
    """A draw that the passes of a loop share."""

    repeat: Repeat
    clock: Clock  # the clock over which it is not fresh: that of the batches, or of the epochs
    consumer: Value
    argument: Value
    drawn: Drawn
    made: When

    @property
    def per_epoch(self) -> bool:
        """Whether batches get different draws, but all epochs the same."""
        return self.clock != self.repeat.clock


def hoisted(project: Project) -> Iterator[Hoisted]:
    """Every draw that a training consumes and that is not fresh over its batches, or over its epochs."""
    variance = variance_of(project)
    for repeat, consumer, argument in consumed(project):
        made = variance.seen(argument)
        for drawn in made.draws:
            clock = stale_clock(project, repeat, drawn)
            if clock is not None:
                yield Hoisted(repeat, clock, consumer, argument, drawn, made)


def stale_clock(project: Project, repeat: Repeat, drawn: Drawn) -> Clock | None:
    """The innermost clock of a training over which a draw is not fresh."""
    if ALWAYS in drawn.fresh:
        return None
    if repeat.clock not in drawn.fresh:
        return repeat.clock
    return next((clock for clock in epochs_of(project, repeat) if clock not in drawn.fresh), None)


def epochs_of(project: Project, repeat: Repeat) -> Iterator[Clock]:
    """The loops around a batch loop, and the calls of its function where one of them is repeated."""
    ref, region = repeat.clock
    scope = project.scope(ref)
    variance = variance_of(project)
    if region > CALL:
        for outer in list(scope.region_chain(region))[1:]:
            if Clock(ref, outer) in variance.clocks(ref, outer) and outer:
                yield Clock(ref, outer)
    if ref.qualname and any(variance.here(site) - {Clock(site.scope, CALL)} for site in project.callers(ref)):
        yield Clock(ref, CALL)


def consumed(project: Project) -> Iterator[tuple[Repeat, Value, Value]]:
    """Every place where training feeds a network: what repeats it, the call, and the argument."""
    staleness, loops = staleness_of(project), loops_of(project)
    for ref, scope in project.scopes():
        repeats = [Repeat(Clock(ref, loop.region), loop.loader, loop.trains) for loop in loops.batch_loops(ref)]
        if staleness.is_step(ref, scope) or is_forward(project, ref, scope):
            repeats.append(Repeat(Clock(ref, CALL), True, True))
        if not repeats:
            continue
        for index, node in scope.calls():
            inside = [repeat for repeat in repeats if scope.within(node.region, repeat.clock.region)]
            if inside and not loops.evaluates(ref, node.region):
                for argument in staleness.consumed(Value(ref, index), node):
                    yield max(inside, key=lambda item: item.clock.region), Value(ref, index), Value(ref, argument)


def is_forward(project: Project, ref: Ref, scope: Scope) -> bool:
    """Whether a function is the forward pass of a network."""
    named = scope.name in catalogue.STEP_FUNCTIONS and scope.name != "__getitem__"
    return named and bool(scope.owner) and project.is_network_class(ref.path, scope.owner)
