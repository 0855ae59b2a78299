"""No compiled pattern of jitlint reads a text twice: each gets a quarter of a megabyte made of its own beginnings.

The texts come from the parsed pattern: every prefix of what it matches, repeated; and the prefix up to each repeated
part with that part repeated to the end, so that the rest fails as late as possible. A pattern that backtracks needs
many minutes for one of them; a linear one needs milliseconds.
"""

from __future__ import annotations

import importlib
import inspect
import itertools
import pkgutil
import re
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

import jitlint

try:
    from re import _parser as sre_parse  # type: ignore[attr-defined]
except ImportError:  # Python 3.10
    import sre_parse  # type: ignore[no-redef]

SIZE = 1 << 18
LIMIT = 0.5  # seconds of CPU time; what is linear takes a hundredth
SEARCHES = ("search", "finditer", "findall", "sub", "subn", "split")
PLAIN = ("LITERAL", "RANGE")
PATHS = 6  # ways through the alternatives of a pattern


class Piece(NamedTuple):
    """An example of one part of a pattern; `repeats`: there may be many of it in a row."""

    text: str
    repeats: bool = False


# ------------------------------------------------------------------------------------------- the patterns


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(jitlint.__path__, "jitlint."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def patterns_in(value: Any, depth: int = 4) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict) and depth:
        for item in value.values():
            yield from patterns_in(item, depth - 1)
    elif isinstance(value, list | tuple | set | frozenset) and depth:
        for item in value:
            yield from patterns_in(item, depth - 1)


def found() -> list[Any]:
    """Every compiled pattern of the package once, with the methods that it is used with."""
    seen: dict[tuple[Any, int], Any] = {}
    for module in modules():
        source = Path(module.__file__ or "").read_text(encoding="utf-8")
        for name, value in vars(module).items():
            owned = vars(value).values() if inspect.isclass(value) and value.__module__ == module.__name__ else [value]
            for pattern in itertools.chain.from_iterable(map(patterns_in, owned)):
                used = set(re.findall(rf"\b{name}\.(\w+)", source)) if isinstance(value, re.Pattern) else set()
                key = pattern.pattern, pattern.flags
                if key not in seen:
                    anchored = bool(used) and not used & set(SEARCHES)
                    seen[key] = pytest.param(pattern, anchored, id=f"{module.__name__}.{name}-{len(seen)}")
    return list(seen.values())


# ---------------------------------------------------------------------------------------------- the texts


def paths(tree: Any) -> list[list[Piece]]:
    """Examples of what a parsed pattern matches, each as a list of pieces."""
    ways: list[list[Piece]] = [[]]
    for operation, argument in tree:
        ways = [_joined(way, more) for way in ways for more in step(str(operation), argument)][:PATHS]
    return ways


def _joined(way: list[Piece], more: list[Piece]) -> list[Piece]:
    """One piece for letters in a row."""
    if way and len(more) == 1 and not more[0].repeats and not way[-1].repeats:
        return [*way[:-1], Piece(way[-1].text + more[0].text)]
    return [*way, *more]


def step(operation: str, argument: Any) -> list[list[Piece]]:
    if operation in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        least, most, inner = argument
        if most == 1:
            return paths(inner)
        return [[Piece("".join(piece.text for piece in way) * max(least, 1), most > 100)] for way in paths(inner)]
    if operation == "SUBPATTERN":
        return paths(argument[-1])
    if operation == "ATOMIC_GROUP":
        return paths(argument)
    if operation == "BRANCH":
        return [way for inner in argument[1] for way in paths(inner)]
    if operation in ("LITERAL", "NOT_LITERAL", "ANY", "IN"):
        return [[Piece(example(operation, argument))]]
    return [[]]  # anchors, lookarounds, references


def example(operation: str, argument: Any) -> str:
    if operation == "LITERAL":
        return chr(argument)
    if operation != "IN":
        return next(item for item in "ab" if operation == "ANY" or ord(item) != argument)
    named = [value if str(kind) == "LITERAL" else value[0] for kind, value in argument if str(kind) in PLAIN]
    return next(item for item in ("a", " ", "1", *map(chr, named), "~") if is_in(item, argument))


def is_in(item: str, members: Sequence[tuple[Any, Any]]) -> bool:
    negated = str(members[0][0]) == "NEGATE"
    return any(matches(item, str(kind), value) for kind, value in members[negated:]) is not negated


def matches(item: str, kind: str, value: Any) -> bool:
    if kind == "LITERAL":
        return ord(item) == value
    if kind == "RANGE":
        return bool(value[0] <= ord(item) <= value[1])
    letter = {"CATEGORY_WORD": r"\w", "CATEGORY_SPACE": r"\s", "CATEGORY_DIGIT": r"\d"}
    name = str(value)
    plain = letter[name.replace("_NOT_", "_")]
    return (re.match(plain, item) is not None) is not ("_NOT_" in name)


def attacks(pattern: re.Pattern[Any]) -> Iterator[str]:
    texts: set[tuple[str, str]] = set()
    for way in paths(sre_parse.parse(pattern.pattern, pattern.flags & ~re.DEBUG)):
        for end in range(1, len(way) + 1):
            prefix = "".join(piece.text for piece in way[:end])
            texts |= {(prefix, ""), (f"{prefix}~", ""), (prefix[:-1], "")}
            if way[end - 1].repeats:
                texts.add((way[end - 1].text, "".join(piece.text for piece in way[: end - 1])))
    for unit, head in sorted(texts):
        if unit:
            yield f"{head}{unit * (SIZE // len(unit))}~"


class Superlinear(Exception):  # noqa: N818
    pass


def stop(*_: object) -> None:
    raise Superlinear


@pytest.mark.parametrize(("pattern", "anchored"), found())
def test_a_pattern_is_linear_in_its_own_prefixes(pattern: re.Pattern[Any], anchored: bool) -> None:
    before = signal.signal(signal.SIGVTALRM, stop)
    try:
        for text in attacks(pattern):
            data: Any = text.encode("latin-1") if isinstance(pattern.pattern, bytes) else text
            signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT)
            try:
                if anchored:
                    pattern.match(data)
                else:
                    for _ in pattern.finditer(data):
                        pass
            except Superlinear:
                pytest.fail(f"{pattern.pattern!r} does not end on {SIZE} characters of {text[:60]!r}")
            finally:
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    finally:
        signal.signal(signal.SIGVTALRM, before)


def test_the_attack_finds_what_backtracks() -> None:
    """The test's own test: patterns known to be worse than linear, and their linear twins."""
    for bad, good in ((r"rand\w*\s*\(", r"rand\w*\s*(\()?"), (r"a[^\n]*=[^\n]*b", r"a[^\n]*"), (r"(a+)+$", r"a+")):
        with pytest.raises(pytest.fail.Exception):
            test_a_pattern_is_linear_in_its_own_prefixes(re.compile(bad), False)
        test_a_pattern_is_linear_in_its_own_prefixes(re.compile(good), False)
