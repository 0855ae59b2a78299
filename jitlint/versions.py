"""Which versions of a library a project allows, as its files of requirements say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

__all__ = ["Allowed", "allowed_versions", "version_of"]

Version = tuple[int, ...]
Read = Callable[[str], "bytes | None"]

# Looked for in the folder of a file and in those above it.
FILES = (
    "pyproject.toml",
    "requirements.txt",
    "requirements.in",
    "requirements-dev.txt",
    "requirements/base.txt",
    "requirements/runtime.txt",
    "setup.py",
    "setup.cfg",
    "environment.yml",
    "environment.yaml",
    "conda.yml",
    "Pipfile",
)
# Prose, which says what the authors used.
PROSE = ("README.md", "README.rst", "README.txt", "INSTALL.md")
_NUMBER = r"v?\d+(?:\.\d+)*(?:\.\*)?"
_COMPARED = re.compile(rf"(===|==|>=|<=|~=|!=|=|>|<|\^|~)\s*({_NUMBER})")


class Allowed(NamedTuple):
    """The versions from `least` (or None) up to but not including `below` (or None), and the file that says so."""

    least: Version | None
    below: Version | None
    file: str
    is_prose: bool = False


def allowed_versions(name: str, folders: Iterator[str], read: Read) -> Allowed | None:
    """What the nearest file that names a library with a version allows of it.

    `name` is a regular expression of the library's names in package indices; `folders` are absolute, nearest first.
    """
    places = list(folders)
    for files, is_prose in ((FILES, False), (PROSE, True)):
        for folder in places:
            for file in files:
                data = read(f"{folder}/{file}")
                found = _in_text(name, data.decode("utf-8", "replace"), is_prose) if data else None
                if found is not None:
                    return Allowed(*found, file, is_prose)
    return None


def version_of(text: str) -> Version:
    """`1.10.*` as `(1, 10)`."""
    return tuple(int(part) for part in text.lstrip("v").split(".") if part.isdigit())


def _in_text(name: str, text: str, is_prose: bool) -> tuple[Version | None, Version | None] | None:
    """The bounds in the first line that names the library with a version."""
    start = rf"(?i)(?<![\w.-]){name}(?![\w.-]*[a-z_])(?:\[[^\]\n]*\])?[\"'` \t]*"
    words = r"(?:version|[=:(* `\t])*" if is_prose else r"(?:version|[\"'=:{ \t])*?"
    first = r"(?=[^\n\w]*v?\d+\.\d)" if is_prose else ""
    line = re.compile(rf"{start}{words}{first}((?:(?:===|==|>=|<=|~=|!=|=|>|<|\^|~)?[ \t]*{_NUMBER}[ \t,;+]*)+)")
    for match in line.finditer(text):
        opened = text.rfind("\n", 0, match.start()) + 1
        if not is_prose and text[opened : match.start()].lstrip().startswith("#"):
            continue
        bounds = _bounds(match[1], is_prose)
        if bounds is not None:
            return bounds
    return None


def _bounds(text: str, is_prose: bool) -> tuple[Version | None, Version | None] | None:
    """The bounds of `>=1.6,<2`; a bare number pins, in prose too."""
    least: Version | None = None
    below: Version | None = None
    pairs = _COMPARED.findall(text)
    if not pairs:
        number = re.search(_NUMBER, text)
        pairs = [(">=" if "+" in text else "==", number[0])] if number else []
    for operator, number in pairs:
        version = version_of(number)
        if operator in ("==", "===", "=", ">=", ">", "~=", "^", "~"):
            least = version
        if operator in ("==", "===", "="):
            below = _next(version[:2]) if len(version) > 1 else _next(version)
        elif operator in ("~=", "~"):
            below = _next(version[:-1] or version)
        elif operator == "^":
            below = _next(version[:1])
        elif operator == "<":
            below = version
        elif operator == "<=":
            below = _next(version)
    return (least, below) if least or below else None


def _next(version: Version) -> Version:
    return (*version[:-1], version[-1] + 1)
