"""Clocks, and draws that are fresh over some of them: what :mod:`when` answers with."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import NamedTuple

from jitlint.semantics.project import Ref, Value

CALL = 0  # the region of the clock "each call of this function"
EPOCH = -1  # the region of the clock "each epoch", of a method that gives one sample


class Clock(NamedTuple):
    """What ticks: a loop's region in a scope, or `CALL` or `EPOCH` of a function."""

    scope: Ref
    region: int


class Role(enum.IntEnum):
    """What a draw does to the value that holds it."""

    NOISE = 1  # the value is drawn
    PICKED = 2  # the draw chose elements, or their order
    MIXED = 3  # the draw was combined with data: it perturbs
    MASKED = 4  # a constant was written into data at drawn positions


Clocks = frozenset[Clock]
Path = tuple[object, ...]
NONE: Clocks = frozenset()
# In `fresh`: over every clock there is, such as a draw of a data set made for each sample.
ALWAYS = Clock(Ref("", ""), -2)


class Drawn(NamedTuple):
    """A draw in a value: over which clocks it is fresh, what takes freshness away (or None), and its role.

    A random choice from a set that is perturbed already (`jittered[randint(n)]`) refreshes nothing: the same few
    perturbed elements come back. `site` is the call in the scope where the value was made, `draw` the draw itself,
    perhaps in a helper that the call leads to.
    """

    site: Value
    fresh: Clocks
    draw: Value
    restart: Value | None = None
    role: Role = Role.NOISE
    chosen: Clocks = NONE  # the clocks with which a random choice picks from what is perturbed already


class Hole(NamedTuple):
    """A parameter that a value is made from, to be filled in by callers: which part of it, and how it is used."""

    ref: Ref
    name: str
    path: Path = ()
    element: Clock | None = None  # the loop whose passes take one element each
    picked: Clocks = NONE  # the clocks with which an index into it varies
    chosen: Clocks = NONE  # those of them with which the index is drawn
    role: Role = Role.NOISE
    method: str = ""  # the method of it that gave the value: callers know the class of the object


class When(NamedTuple):
    """When a value changes, and what it holds."""

    draws: tuple[Drawn, ...] = ()
    varies: Clocks = NONE
    holes: frozenset[Hole] = frozenset()
    carried: Clocks = NONE  # loops in which it is made from its own last value and a fresh draw
    # "grid": coordinates, "made": from them, "data": not known, and with it "loaded": of a file or a data set
    data: frozenset[str] = frozenset()


EMPTY = When()


# A value that is made of more draws, or of more parameters, is known by the first of them: a story has one draw.
MOST = 16


def join(parts: Iterable[When]) -> When:
    """A value made of several: a draw in two of them is only as fresh as in both."""
    parts = [part for part in parts if part != EMPTY]
    if not parts:
        return EMPTY
    if len(parts) == 1 and len(parts[0].draws) <= 1 and len(parts[0].holes) <= MOST:
        return parts[0]
    draws: dict[Value, Drawn] = {}
    varies: set[Clock] = set()
    holes: set[Hole] = set()
    carried: set[Clock] = set()
    data: set[str] = set()
    for part in parts:
        for drawn in part.draws:
            old = draws.get(drawn.site)
            if old is not None:
                fresh, restart = old.fresh & drawn.fresh, drawn.restart or old.restart
                chosen = old.chosen | drawn.chosen
                drawn = drawn._replace(fresh=fresh, restart=restart, role=max(old.role, drawn.role), chosen=chosen)
            draws[drawn.site] = drawn
        varies |= part.varies
        holes |= part.holes
        carried |= part.carried
        data |= part.data
    kept = frozenset(holes) if len(holes) <= MOST else frozenset(sorted(holes, key=_by_name)[:MOST])
    return When(tuple(draws.values())[:MOST], frozenset(varies), kept, frozenset(carried), frozenset(data))


def _by_name(hole: Hole) -> tuple[object, ...]:
    return hole.ref, hole.name, len(hole.path), str(hole.path), len(hole.picked), len(hole.chosen)


def with_role(made: When, role: Role) -> When:
    """The value when all that is drawn in it has at least this role."""
    draws = tuple(drawn._replace(role=max(drawn.role, role)) for drawn in made.draws)
    return made._replace(draws=draws, holes=frozenset(hole._replace(role=max(hole.role, role)) for hole in made.holes))


def fresher(made: When, clocks: Clocks, chosen: Clocks = NONE) -> When:
    """The value when something picks another part of it with each tick of `clocks`, by a draw in those of `chosen`."""
    if not clocks:
        return made
    counted = clocks - chosen
    return made._replace(
        draws=tuple(
            drawn._replace(fresh=drawn.fresh | counted, chosen=drawn.chosen | chosen)
            if drawn.role >= Role.MIXED
            else drawn._replace(fresh=drawn.fresh | clocks)
            for drawn in made.draws
        ),
        varies=made.varies | clocks,
        holes=frozenset(hole._replace(picked=hole.picked | clocks, chosen=hole.chosen | chosen) for hole in made.holes),
    )


def projected(made: When) -> When:
    """A product with a random matrix is a projection; chosen or perturbed data stays what it is."""
    return made._replace(draws=tuple(drawn for drawn in made.draws if drawn.role is not Role.NOISE))
