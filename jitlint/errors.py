"""What a run could not do, said in one line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

__all__ = ["UsageError", "internal_error", "nearest"]


class UsageError(Exception):
    """The run cannot do what was asked; the message is one line and the exit code 2."""


def nearest(word: str, valid: Iterable[str]) -> str:
    """`; did you mean …?` with the valid word that is nearest to `word`, or nothing if none is near."""
    import difflib

    spelled = {item.lower(): item for item in valid}
    found = difflib.get_close_matches(word.lower(), spelled, n=1, cutoff=0.65)
    return f"; did you mean `{spelled[found[0]]}`?" if found else ""


def internal_error(what: str, error: BaseException) -> str:
    """One line that names the place, for a report."""
    where = error.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    at = f" ({Path(where.tb_frame.f_code.co_filename).name}:{where.tb_lineno})" if where else ""
    text = " ".join(str(error).split())[:200]
    return f"internal error {what}: {type(error).__name__}: {text}{at}; please report it with the file"
