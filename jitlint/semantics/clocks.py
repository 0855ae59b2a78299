"""Clocks, and draws that are fresh over some of them: what :mod:`when` answers with."""

from __future__ import annotations

import enum
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
