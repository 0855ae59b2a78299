"""Colours and the characters of frames, plain where the page has neither."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Style"]

_ROLES = {"draw": "35", "seed": "35", "definition": "35", "comment": "33", "loop": "36", "consumer": "34"}


@dataclass(frozen=True, slots=True)
class Style:
    """How a page looks; `ascii` keeps to characters that every encoding has."""

    color: bool
    ascii: bool = False

    def paint(self, codes: str, text: str) -> str:
        """`text` in the colours of an escape sequence, if there are colours."""
        return f"\033[{codes}m{text}\033[0m" if self.color and text else text

    def bold(self, text: str) -> str:
        """A headline."""
        return self.paint("1", text)

    def dim(self, text: str) -> str:
        """What is there for completeness."""
        return self.paint("2", text)

    def path(self, text: str) -> str:
        """A place to go to."""
        return self.paint("4", text)

    def code(self, text: str) -> str:
        """The code of a rule."""
        return self.paint("1;31", text)

    def good(self, text: str) -> str:
        """What fixes."""
        return self.paint("1;32", text)

    def role(self, role: str, text: str) -> str:
        """One step of the evidence."""
        return self.paint(_ROLES.get(role, "33"), text)

    def sign(self, sign: str, text: str) -> str:
        """A line of a diff."""
        return self.paint({"-": "31", "+": "32"}.get(sign, "2"), text)

    @property
    def bar(self) -> str:
        """Between numbers and code."""
        return "|" if self.ascii else "│"

    @property
    def gap(self) -> str:
        """Where lines are left out."""
        return ":" if self.ascii else "⋮"

    @property
    def cut(self) -> str:
        """Where a line is cut off."""
        return "~" if self.ascii else "…"

    def underline(self, cells: int, *, is_primary: bool) -> str:
        """A line below a span; that of the finding itself is heavier."""
        if self.ascii:
            return ("^" if is_primary else "-") * cells
        return ("━" if is_primary else "─") * cells
