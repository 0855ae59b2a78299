"""Functions of modules and classes that others stand for, for a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Around = Callable[[Callable[..., Any]], Callable[..., Any]]


class Replaced:
    """Replaces functions, and puts them back: but for those that somebody else replaced in the meantime."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []

    def __bool__(self) -> bool:
        """Whether any function is replaced."""
        return bool(self._undo)

    def replace(self, owner: Any, name: str, around: Around) -> None:
        """Let `around(original)` stand for a function under its name; one that `owner` lacks is left out."""
        original = getattr(owner, name, None)
        if original is None:
            return
        replacement = around(original)
        replacement.__name__ = replacement.__qualname__ = name
        replacement.__module__ = getattr(owner, "__module__", None) or owner.__name__
        replacement.__doc__ = original.__doc__
        inherited = name not in vars(owner)
        setattr(owner, name, replacement)

        def undo() -> None:
            if vars(owner).get(name) is not replacement:
                return
            if inherited:
                delattr(owner, name)
            else:
                setattr(owner, name, original)

        self._undo.append(undo)

    def restore(self) -> None:
        """Put the functions back, the last first."""
        while self._undo:
            self._undo.pop()()
