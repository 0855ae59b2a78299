"""Does anything read a name: as an attribute, as a string, as a variable? Asked of the text of every file.

Models leave out functions that neither draw nor train, so only the text tells that nothing reads a setting. Comments
and docstrings do not count, nor do the places that define or set one.
"""

from __future__ import annotations

import enum
import functools
import os
import re
from collections.abc import Iterator
from pathlib import Path

from jitlint.diagnostic import Span
from jitlint.semantics.mentions import mentions_of
from jitlint.semantics.project import Project
from jitlint.source import UnreadableSource, load_source

_QUOTED = re.compile(
    r'"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*"""'
    r"|'''[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*'''"
    r'|"[^"\\\n]*(?:\\.[^"\\\n]*)*"'
    r"|'[^'\\\n]*(?:\\.[^'\\\n]*)*'"
    r"|#[^\n]*",
    re.DOTALL,
)
_NAMES = r"(?:args|arguments|opts?|options|cfg|config|conf|configs|hparams|hps?|params|flags|FLAGS|settings)"
_SETTINGS = r"(?:\w+\.)*" + _NAMES
_OF_SETTINGS = re.compile(r"(?<!\w)" + _NAMES + r"\.$")
# Settings handed on as a whole, by names that the text does not spell.
_BY_NAME = re.compile(
    r"\bvars\(|__dict__|\basdict\(|_get_kwargs|\bsetattr\(|\blocals\(|\bfields\(|to_container|\*\*\s*"
    + _SETTINGS
    + r"\b"
)
_COMPUTED = re.compile(r"\bgetattr\(\s*" + _SETTINGS + r"\s*,\s*(?![rb]?['\"])")
_SETS = re.compile(r"\s*(?::[^=\n,)]*)?=(?!=)")
_DEFINES = re.compile(r"(?:\bdest\s*=\s*|\bDEFINE_\w+\(\s*)$")


class Read(enum.IntFlag):
    """How the project speaks of a name."""

    ATTRIBUTE = 1  # `x.name`, of anything but the instance itself
    SETTING = 2  # `args.name`, `self.config.name`
    STRING = 4  # `"name"`, but not as the key of a display
    WORD = 8  # any other way


class Reads:
    """What the texts of one project read."""

    def __init__(self, project: Project) -> None:
        self.project = project

    @functools.lru_cache(maxsize=16)  # noqa: B019 - lives as long as the run
    def text(self, path: str) -> str:
        """A file's text, or that of a notebook's code cells; empty if it cannot be read.

        A module is read as the run reads it, so that what an editor has not saved, or what a fix has changed, counts.
        """
        try:
            key = self._asked.get(os.path.abspath(path))  # noqa: PTH100 - keys are text
            if key is not None and self.project.source is not None:
                return self.project.source(key).text
            return load_source(path, self.project.texts.content(path)).text
        except (OSError, UnreadableSource):
            return ""

    @functools.cached_property
    def _asked(self) -> dict[str, str]:
        """The project's modules by their absolute paths."""
        return {os.path.abspath(path): path for path in self.project.asked}  # noqa: PTH100 - keys are text

    @functools.lru_cache(maxsize=64)  # noqa: B019 - lives as long as the run
    def code(self, path: str) -> str:
        """The text with comments and docstrings blanked."""
        text = self.text(path)
        return _QUOTED.sub(lambda match: _blanked(match, text), text)

    def lines(self, path: str, span: Span) -> str:
        """The code of some lines."""
        return "\n".join(self.code(path).split("\n")[span.line - 1 : span.end_line])

    def remarks(self, path: str, span: Span, name: str) -> str:
        """Those of some lines that say a name, with their comments."""
        lines = self.text(path).split("\n")[span.line - 1 : span.end_line]
        return "\n".join(line for line in lines if re.search(rf"\b{re.escape(name)}\b", line))

    @property
    def complete(self) -> bool:
        """Whether every file can be looked at."""
        return mentions_of(self.project).complete

    @functools.cached_property
    def by_name(self) -> bool:
        """Whether settings are handed on as a whole somewhere: then any word may be a read."""
        return any(_BY_NAME.search(self.code(path)) for path in self.project.asked)

    @functools.cached_property
    def computed(self) -> bool:
        """Whether settings are read by names that are computed."""
        return any(_COMPUTED.search(self.code(path)) for path in self.project.asked)

    @functools.cache  # noqa: B019 - lives as long as the run
    def of(self, names: frozenset[str]) -> dict[str, Read]:
        """How the project reads each of some names; those that it does not are left out."""
        found: dict[str, Read] = {}
        wanted = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, sorted(names))) + r")(?!\w)")
        plain = [name.encode() for name in names]
        for path in self._files:
            data = b"" if path in self._asked else self.project.texts.content(path)
            if path in self._asked or any(name in data for name in plain):
                text = self.code(path)
                for match in wanted.finditer(text):
                    found[match[0]] = found.get(match[0], Read(0)) | _how(text, match.start(), match.end())
        return {name: how for name, how in found.items() if how}

    @functools.cached_property
    def modules(self) -> frozenset[str]:
        """The names by which files and folders of the project may be imported."""
        root = len(Path(os.path.abspath(self.project.root)).parts)  # noqa: PTH100 - as the files are listed
        return frozenset(part for path in mentions_of(self.project).files for part in path.with_suffix("").parts[root:])

    @property
    def _files(self) -> Iterator[str]:
        listed = {str(path) for path in mentions_of(self.project).files if path.suffix in (".py", ".ipynb")}
        yield from sorted(listed | self._asked.keys())


def _blanked(match: re.Match[str], text: str) -> str:
    """A comment or docstring as empty lines; other strings as they are."""
    found = match[0]
    is_docstring = found[:3] in ('"""', "'''") and text[match.start() - 1 : match.start()] not in ("f", "F")
    if found.startswith("#") or is_docstring:
        return "\n" * found.count("\n")
    return found


def _how(text: str, start: int, end: int) -> Read:
    """How one occurrence of a word reads it; 0 where it is only defined or set."""
    before, after = text[max(0, start - 40) : start], text[end : end + 60]
    if before.endswith("-"):
        return Read(0)  # the option's own name
    if before[-1:] in ("'", '"') and after[:1] == before[-1:]:
        is_defined = _DEFINES.search(before[:-1]) or re.match(r"\s*:(?!=)", after[1:])
        return Read(0) if is_defined else Read.STRING
    if _SETS.match(after):
        return Read(0) if before.endswith(".") else Read.WORD
    if before.endswith("."):
        if re.search(r"(?<![\w.])(?:self|cls)\.$", before):
            return Read.WORD
        return Read.SETTING if _OF_SETTINGS.search(before) else Read.ATTRIBUTE
    return Read.WORD


@functools.lru_cache(maxsize=4)
def reads_of(project: Project) -> Reads:
    """The one reader of a project's texts, shared by the rules."""
    return Reads(project)
