"""Draws, and what is known of the tensors that contain them: which line drew how often for how many forwards."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

from runtime_probe.sites import Site


@dataclass(frozen=True)
class Draw:
    """One execution of a random operation: where it is written, who called that, and a serial number.

    `forward` is the number of the watched forward that came next. `given_data`: the function that drew was handed
    data, so it did not make the data up. `outer` are the places that the call came from beyond `caller`.
    """

    operation: str
    site: Site
    caller: Site | None
    serial: int
    forward: int = 0
    given_data: bool = False
    outer: tuple[Site, ...] = ()
    values: int | None = None  # a digest of what was drawn, of draws in the loop


@dataclass(frozen=True)
class Trace:
    """What is known about a tensor: the draws in it, and where its first ingredient was made.

    `combined` and `gathered` are the last operation that mixed a draw into something else, and the last that picked
    entries in a drawn order: the draw, and the number of the forward that came next. `whole` are the serials of the
    draws from which nothing was picked; parts of drawn numbers, a batch at a time, are made-up data and no noise.
    """

    draws: tuple[Draw, ...] = ()
    origin: tuple[str, Site] | None = None
    combined: tuple[Draw, int] | None = None
    gathered: tuple[Draw, int] | None = None
    whole: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Use:
    """A stream was handed to a network, in its `forward`-th watched forward, as a tensor of this shape."""

    trace: Trace
    forward: int
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Source:
    """A line that drew coordinates of the model: how often it drew, and for how many forwards."""

    operation: str
    site: Site
    caller: Site | None
    draws: int
    forwards: int
    same: bool = False  # every draw gave the same numbers

    def __str__(self) -> str:
        called = "" if self.caller is None else f", called from {self.caller}"
        times, forwards = _count(self.draws, "time"), _count(self.forwards, "forward")
        return f"`{self.operation}` at {self.site} in {self.site.function}{called}; drawn {times} for {forwards}"


@dataclass(frozen=True)
class Stale:
    """A draw that is mixed into the input, or orders it, again and again: `uses` forwards, long after it was made."""

    draw: Draw
    uses: int

    def __str__(self) -> str:
        draw = self.draw
        called = "" if draw.caller is None else f", called from {draw.caller}"
        return f"`{draw.operation}` at {draw.site} in {draw.site.function}{called}; drawn once for {self.uses} forwards"


@dataclass(frozen=True)
class ProvenanceReport:
    """The lines that drew, the line that made the coordinates, and the model's call, as far as they were seen.

    `mixed` is noise and `ordered` a permutation that were drawn once and used by many forwards, in the loop;
    `stored` is noise that a function mixed into data which it was given, before the first forward.
    """

    sources: tuple[Source, ...]
    origin: tuple[str, Site] | None
    call: Site | None
    forwards: int
    mixed: Stale | None = None
    ordered: Stale | None = None
    stored: Stale | None = None


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'s' * (number != 1)}"


def report_on(uses: list[Use], call: Site | None) -> ProvenanceReport:
    """What is known of the tensors of one stream; `call` is where the model is called."""
    lines: dict[tuple[str, Site, Site | None], dict[int, int | None]] = {}
    forwards: dict[tuple[str, Site, Site | None], int] = {}
    for use in uses:
        keys = {(draw.operation, draw.site, draw.caller) for draw in use.trace.draws}
        for draw in use.trace.draws:
            lines.setdefault((draw.operation, draw.site, draw.caller), {})[draw.serial] = draw.values
        for key in keys:
            forwards[key] = forwards.get(key, 0) + 1
    sources = tuple(Source(*key, len(drawn), forwards[key], _are_same(drawn)) for key, drawn in lines.items())
    origin = next((use.trace.origin for use in uses if use.trace.origin), None)
    return ProvenanceReport(
        sources, origin, call, len(uses), _stale(uses, "combined"), _stale(uses, "gathered"), _stored(uses)
    )


def _are_same(drawn: Mapping[int, int | None]) -> bool:
    """Draws after the first forward gave the same numbers each time."""
    values = [value for value in drawn.values() if value is not None]
    return len(values) >= STALE_USES and len(set(values)) == 1


STALE_USES = 4  # forwards for which one draw served, each time used anew, before it is called stale


def _stale(uses: list[Use], kind: str) -> Stale | None:
    """The draw that most forwards mixed in, or picked by, anew and that was made several forwards before."""
    counts: dict[Draw, int] = {}
    for earlier, use in itertools.pairwise(uses):
        event = getattr(use.trace, kind)
        if event is not None and event[1] >= earlier.forward and event[0].forward < earlier.forward:
            counts[event[0]] = counts.get(event[0], 0) + 1
    draw = max(counts, key=lambda d: counts[d], default=None)
    return Stale(draw, counts[draw] + 1) if draw is not None and counts[draw] >= STALE_USES else None


def _stored(uses: list[Use]) -> Stale | None:
    """Noise that a function mixed into the data it was given, before the first forward, and that all forwards get."""
    counts: dict[tuple[str, Site], tuple[Draw, int]] = {}
    for use in uses:
        combined = use.trace.combined
        if combined is not None and combined[0].given_data and combined[1] == 0:
            draw = combined[0]
            counts[draw.operation, draw.site] = (draw, counts.get((draw.operation, draw.site), (draw, 0))[1] + 1)
    if not counts:
        return None
    draw, times = max(counts.values(), key=lambda entry: entry[1])
    return Stale(draw, times) if times >= STALE_USES and 2 * times > len(uses) else None
