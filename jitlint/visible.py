"""Foreign text made safe to print: file names and source come from trees that nobody has read yet.

A name may hold a line break and then a line that a build server obeys, a source line may steer the terminal. Whatever
a reader could not see is shown as an escape sequence of Python (`\\x1b`), and so is the beginning of what GitHub
Actions, Azure Pipelines and TeamCity take for a command (`::error …` at the start of a line, `##[` and `##vso[`
anywhere in it).
"""

from __future__ import annotations

import re

__all__ = ["visible"]

_COMMAND = re.compile(r"\A(\s*):(?=:)|#(?=#\w*\[)")


def visible(text: str, keep: str = "") -> str:
    """One line of foreign text as it can be printed, on the same line; the characters in `keep` stay."""
    if not text.isprintable():
        text = "".join(item if item.isprintable() or item in keep else _escape(item) for item in text)
    return _COMMAND.sub(_shown_command, text) if "::" in text or "##" in text else text


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()


def _shown_command(match: re.Match[str]) -> str:
    return "\\x23" if match[1] is None else f"{match[1]}\\x3a"
