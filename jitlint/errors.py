"""What a run could not do, said in one line."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["UsageError", "nearest"]


class UsageError(Exception):
    """The run cannot do what was asked; the message is one line and the exit code 2."""


def nearest(word: str, valid: Iterable[str]) -> str:
    """`; did you mean …?` with the valid word that is nearest to `word`, or nothing if none is near."""
    import difflib

    spelled = {item.lower(): item for item in valid}
    found = difflib.get_close_matches(word.lower(), spelled, n=1, cutoff=0.65)
    return f"; did you mean `{spelled[found[0]]}`?" if found else ""
