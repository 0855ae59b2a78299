"""Patterns of `.gitignore` files, matched in time that is linear in the name.

The files come with the tree, so a pattern may be anything. One that git would not understand matches nothing, and
twenty stars against a long name cost what one star costs: a star takes the shortest text after which the next letters
follow, and is never asked again. Matching letter by letter in Python is avoided where a comparison of strings does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

__all__ = ["Pattern", "decide", "parse_patterns"]

_LONGEST = 4096  # characters of a pattern: no path is longer
_MOST = 20_000  # patterns of one file
_ANY_DEPTH = "**"
_CLASSES = {
    "alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "upper": "A-Z", "lower": "a-z", "space": r"\s",
    "punct": r"!-/:-@\[-`{-~", "xdigit": "0-9a-fA-F", "blank": r"\ \t", "cntrl": r"\x00-\x1f\x7f",
    "print": r"\x20-\x7e", "graph": r"\x21-\x7e",
}  # fmt: skip


class _Matcher(Protocol):
    def __call__(self, name: str, /) -> object: ...


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line: what it matches, and whether that is excluded or (`!`) included again.

    `parts` are matchers of names, None standing for any number of directories; of a pattern without a slash there is
    one, and it matches at any depth.
    """

    parts: tuple[_Matcher | None, ...]
    is_anchored: bool
    is_negated: bool = False
    for_directories: bool = False
    text: str = field(default="", compare=False)

    def matches(self, names: Sequence[str], *, is_directory: bool) -> bool:
        """Whether the pattern matches the path made of these names itself (not: one of its parents)."""
        if self.for_directories and not is_directory:
            return False
        if not self.is_anchored:
            matcher = self.parts[0]
            return matcher is not None and bool(matcher(names[-1]))
        return _match_parts(self.parts, names)


def parse_patterns(lines: Iterable[str]) -> tuple[Pattern, ...]:
    """The patterns of a file's lines; empty lines, comments and what is no pattern are left out."""
    found = (_parse(line.rstrip("\r\n")) for line, _ in zip(lines, range(_MOST), strict=False))
    return tuple(item for item in found if item is not None)


def decide(patterns: Sequence[Pattern], path: str, *, is_directory: bool, with_parents: bool = False) -> bool | None:
    """True if a path (relative, with `/`) is excluded, False if included again, None if nothing matches.

    The last match counts. `with_parents`: what lies in an excluded directory is excluded too.
    """
    names = path.split("/")
    first = 1 if with_parents else len(names)
    for depth in range(first, len(names) + 1):
        directory = is_directory or depth < len(names)
        found = _last_match(patterns, names[:depth], directory)
        if depth == len(names) or found:
            return found
    return None


def _last_match(patterns: Sequence[Pattern], names: Sequence[str], is_directory: bool) -> bool | None:
    for pattern in reversed(patterns):
        if pattern.matches(names, is_directory=is_directory):
            return not pattern.is_negated
    return None


def _match_parts(parts: Sequence[_Matcher | None], names: Sequence[str]) -> bool:
    """Match names one by one; at a mismatch, the last `**` takes one name more."""
    at = part = 0
    retry: tuple[int, int] | None = None  # the part behind the last `**`, and the name to begin at
    while at < len(names):
        if part < len(parts) and parts[part] is None:
            part += 1
            retry = part, at
            continue
        matcher = parts[part] if part < len(parts) else None
        if matcher is not None and matcher(names[at]):
            part, at = part + 1, at + 1
            continue
        if retry is None:
            return False
        part, at = retry[0], retry[1] + 1
        retry = part, at
    return all(item is None for item in parts[part:])


# ------------------------------------------------------------------------------------------------ parsing


@lru_cache(maxsize=1024)
def _parse(line: str) -> Pattern | None:
    if len(line) > _LONGEST or line.startswith("#"):
        return None
    text = _without_trailing_spaces(line)
    is_negated = text.startswith("!")
    text = text[is_negated:]
    for_directories = text.endswith("/")
    text = text.removesuffix("/")
    if not text or text.endswith("/"):
        return None
    is_anchored = "/" in text
    words = text.removeprefix("/").split("/") if is_anchored else [text]
    if words[-1] == _ANY_DEPTH and is_anchored:
        words.append("*")  # `a/**` is what lies in `a`, not `a`
    parts = tuple(None if word == _ANY_DEPTH and is_anchored else _matcher(word) for word in words)
    return Pattern(parts, is_anchored, is_negated, for_directories, line)


def _without_trailing_spaces(line: str) -> str:
    """The line without spaces at its end, unless a backslash keeps them."""
    text = line.rstrip(" ")
    backslashes = len(text) - len(text.rstrip("\\"))
    return text + " " if backslashes % 2 and len(text) < len(line) else text


def _matcher(word: str) -> _Matcher:
    """What matches one name."""
    if not any(letter in word for letter in "*?[\\"):
        return word.__eq__
    if word.count("*") == 1 and not any(letter in word for letter in "?[\\"):
        head, _, tail = word.partition("*")
        return lambda name: len(name) >= len(head) + len(tail) and name.startswith(head) and name.endswith(tail)
    expression = _expression(word)
    if expression is None:
        return lambda name: False
    return re.compile(expression, re.DOTALL).fullmatch


def _expression(word: str) -> str | None:
    """A regular expression that never goes back, or None if the word is no pattern."""
    chunks: list[str] = [""]
    at = 0
    while at < len(word):
        letter = word[at]
        at += 1
        if letter == "*":
            chunks += [""] * bool(chunks[-1] or len(chunks) == 1)
        elif letter == "?":
            chunks[-1] += "."
        elif letter == "\\":
            if at == len(word):
                return None
            chunks[-1] += re.escape(word[at])
            at += 1
        elif letter == "[":
            found = _bracket(word, at)
            if found is None:
                return None
            at, part = found
            chunks[-1] += part
        else:
            chunks[-1] += re.escape(letter)
    return _joined(chunks)


def _joined(chunks: list[str]) -> str:
    """The chunks between the stars: the first at the start, the last at the end, each other at the first place.

    A group in a lookahead, then named, is taken as a whole: Python 3.10 has no atomic groups.
    """
    if len(chunks) == 1:
        return chunks[0]
    first, *middle, last = chunks
    found = "".join(f"(?=(?P<g{number}>.*?{chunk}))(?P=g{number})" for number, chunk in enumerate(middle))
    return f"{first}{found}.*{last}"


def _bracket(word: str, at: int) -> tuple[int, str] | None:
    """The set that begins at an offset, and the offset behind it; None if it is not closed."""
    is_negated = word[at : at + 1] in ("!", "^")
    at += is_negated
    start = at
    members: list[str] = []
    while at < len(word) and (word[at] != "]" or at == start):
        if word.startswith("[:", at) and ":]" in word[at + 2 :]:
            end = word.index(":]", at + 2)
            if word[at + 2 : end] not in _CLASSES:
                return None
            members.append(_CLASSES[word[at + 2 : end]])
            at = end + 2
            continue
        low, at = _member(word, at)
        if word.startswith("-", at) and at + 1 < len(word) and word[at + 1] != "]":
            high, at = _member(word, at + 1)
            members += [f"{re.escape(low)}-{re.escape(high)}"] if low <= high else []
        else:
            members.append(re.escape(low))
    if at >= len(word):
        return None
    if not members:
        return at + 1, "." if is_negated else "(?!)"
    return at + 1, f"[{'^' * is_negated}{''.join(members)}]"


def _member(word: str, at: int) -> tuple[str, int]:
    """One letter of a set, and the offset behind it."""
    if word[at] == "\\" and at + 1 < len(word):
        return word[at + 1], at + 2
    return word[at], at + 1
