"""How the tables of libraries are made: what a fact says, of which versions, and who says so."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import NamedTuple

from jitlint.versions import Allowed, Version


class What(enum.Enum):
    """What the names of a fact are, or do. Behind it: what the fact's `detail` is."""

    LOADER = "iterates a data set in batches"
    EPOCH_SAMPLER = "a sampler whose order depends on the epoch that it is told"
    SETS_EPOCH = "a package (or class) that tells samplers the epoch itself"
    DRAWS_FROM = "a package whose transforms draw from a generator"  # its library, or `own`
    GLOBAL_SEED = "seeds the global generator of one library"  # that library
    SEEDS_ALL = "seeds the generators of several libraries"
    SEEDED_METHOD = "a method that starts the stream it draws from with `seed=`"
    GENERATOR = "makes a generator that a program keeps for itself"
    TAKES_KEYS = "a package whose functions or layers take JAX keys"
    SEEDS_WORKERS = "seeds a library's generator in every worker process"  # that library
    DROPS = "drops while it is told (or not told otherwise) that it trains"  # the position of `training`
    DROPS_ALWAYS = "drops whatever the mode"
    DROPPING_LAYER = "a layer that drops until it is told that the network is evaluated"
    KEEPS_ELEMENTS = "keeps every element after the first pass"
    KEPT_DATASET = "makes a data set whose `map` runs once and is kept in files"
    KEEPS_SIZE = "a random transform that gives pictures of the size that it gets"


class Fact(NamedTuple):
    """What some names of a library are, from one version up to another (if it changed), and the source that says so."""

    what: What
    names: tuple[str, ...]
    source: str
    detail: object = None
    since: Version | None = None
    before: Version | None = None


class Library(NamedTuple):
    """A library: its name, a regular expression of its names in package indices, and what is known of it."""

    name: str
    indexed_as: str
    facts: tuple[Fact, ...]


def names(words: str, prefix: str = "") -> tuple[str, ...]:
    """The words of a text, each behind a prefix."""
    return tuple(f"{prefix}{word}" for word in words.split())


def newest(facts: Iterable[Fact], allowed: Allowed | None) -> tuple[Fact, ...]:
    """Those that hold for the newest version that a project allows; where it says nothing, for the newest of all."""
    return tuple(fact for fact in facts if _holds(fact, allowed.below if allowed is not None else None))


def _holds(fact: Fact, below: Version | None) -> bool:
    if below is None:
        return fact.before is None
    return (fact.since is None or fact.since < below) and (fact.before is None or below <= fact.before)
