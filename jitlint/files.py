"""Discovery: from the paths of a command line to the files that are linted."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from jitlint.errors import UsageError, nearest
from jitlint.ignore_patterns import Pattern, decide, parse_patterns
from jitlint.survey import read, stamp_of

if TYPE_CHECKING:
    from jitlint.config import Settings

__all__ = ["Discovered", "Exclusions", "File", "discover", "is_matched", "key_of"]

_LARGEST_GITIGNORE = 1 << 20  # bytes
SUFFIXES = (".py", ".pyw", ".ipynb")
DEFAULT_EXCLUDES = frozenset(
    ".bzr .direnv .eggs .git .hg .ipynb_checkpoints .jitlint_cache .mypy_cache .nox .pytest_cache .ruff_cache .svn "
    ".tox .venv .vscode __pycache__ __pypackages__ _build build dist node_modules site-packages venv wandb".split()
)


class File(NamedTuple):
    """A file to lint: its name as printed, and where it is. `named`: given on the command line itself."""

    key: str
    path: str
    named: bool = False


@dataclass(frozen=True, slots=True)
class Discovered:
    """The files found, sorted by name, and one line for each thing that could not be looked at."""

    files: tuple[File, ...]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Exclusions:
    """What is left out besides what configurations say: patterns relative to the current directory.

    With `is_all`, nothing else is left out. With `force`, paths of the command line may be left out too.
    """

    patterns: tuple[str, ...] = ()
    is_all: bool = False
    force: bool = False


def discover(
    paths: Sequence[str], settings: Settings | Callable[[str], Settings], excluded: Exclusions | None = None
) -> Discovered:
    """Every Python file and notebook under `paths`; `settings` hold everywhere, or are asked for by directory.

    A file given by name is taken whatever its suffix and whatever excludes it (unless `force`), a
    directory given by name is walked even if it is excluded itself; below it, exclusions hold. A path
    that does not exist raises :class:`UsageError`.
    """
    cwd = os.getcwd()  # noqa: PTH109 - keys are plain strings, for speed
    at = settings if callable(settings) else lambda directory: settings
    found: dict[str, File] = {}
    walk = _Walk(at, cwd, excluded or Exclusions())
    for given in paths:
        path = os.path.abspath(given)  # noqa: PTH100 - keys are plain strings, for speed
        for file in _files_of(given, path, walk):
            found.setdefault(file.path, file)
    return Discovered(tuple(sorted(found.values())), tuple(walk.problems))


def key_of(path: str, cwd: str) -> str:
    """The name that is printed for an absolute path: relative below `cwd`, with `/`."""
    below = cwd if cwd.endswith(os.sep) else cwd + os.sep
    key = path[len(below) :] if path.startswith(below) else path
    return key.replace(os.sep, "/")


def is_matched(patterns: Iterable[str], path: str, root: str) -> bool:
    """Whether a file matches gitignore-style patterns that are relative to `root`."""
    patterns = tuple(patterns)
    below = _relative(path, root) if patterns else None
    return below is not None and decide(parse_patterns(patterns), below, is_directory=False, with_parents=True) is True


# ------------------------------------------------------------------------------------------- given paths


def _files_of(given: str, path: str, walk: _Walk) -> Iterator[File]:
    mode = _mode(given)
    if stat.S_ISDIR(mode):
        yield from walk.files(path)
    elif not stat.S_ISREG(mode):
        raise UsageError(f"{given} is neither a file nor a directory; pipe a program with `jitlint -`")
    elif not walk.leaves_out(path):
        yield File(key_of(path, walk.cwd), path, True)


def _mode(given: str) -> int:
    try:
        return os.stat(given).st_mode  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"no such file or directory: {given}{_neighbour(given)}") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot look at {given!r}: {getattr(error, 'strerror', None) or error}") from None


def _neighbour(given: str) -> str:
    """The name in the same directory that was probably meant."""
    head, tail = os.path.split(given)
    try:
        return nearest(tail, os.listdir(head or "."))  # noqa: PTH208
    except OSError:
        return ""


# ---------------------------------------------------------------------------------------------- patterns


class _Patterns(NamedTuple):
    """Patterns and the directory they are relative to."""

    base: str
    patterns: tuple[Pattern, ...]


def _relative(path: str, base: str) -> str | None:
    """A path relative to a directory above it, with `/`; None if it does not lie below."""
    below = base.rstrip(os.sep) + os.sep
    return path[len(below) :].replace(os.sep, "/") if path.startswith(below) and len(path) > len(below) else None


def _matches(patterns: _Patterns, path: str, *, is_directory: bool, with_parents: bool = False) -> bool | None:
    """True if excluded, False if included again by `!pattern`, None if the patterns say nothing."""
    below = _relative(path, patterns.base)
    if below is None:
        return None
    return decide(patterns.patterns, below, is_directory=is_directory, with_parents=with_parents)


class _Walk:
    """Walks below given directories."""

    def __init__(self, at: Callable[[str], Settings], cwd: str, excluded: Exclusions) -> None:
        self.at = at
        self.cwd = cwd
        self.excluded = excluded
        self.own = (_Patterns(cwd, parse_patterns(excluded.patterns)),) if excluded.patterns else ()
        self.problems: list[str] = []

    def files(self, root: str) -> Iterator[File]:
        """Every file below `root`, directories in any order."""
        settings = self.at(root)
        excluded = (*self._configured(settings), *self.own)
        if self.excluded.force and any(_matches(item, root, is_directory=True, with_parents=True) for item in excluded):
            return
        todo = [(root, settings, self._without(root, (*excluded, *self._ignored_above(root, settings))))]
        while todo:
            directory, settings, patterns = todo.pop()
            entries = self._entries(directory)
            patterns += self._ignored_in(directory, entries, settings)
            for entry in entries:
                if self._skips(entry, patterns):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    below = self.at(entry.path)
                    more = () if below is settings else self._configured(below)
                    todo.append((entry.path, below, (*patterns, *more)))
                elif entry.name.endswith(SUFFIXES) and _is_file(entry):
                    yield File(key_of(entry.path, self.cwd), entry.path)

    def leaves_out(self, path: str) -> bool:
        """Whether a file that was named is left out after all."""
        if not self.excluded.force:
            return False
        patterns = (*self._configured(self.at(os.path.dirname(path))), *self.own)  # noqa: PTH120
        return any(_matches(item, path, is_directory=False, with_parents=True) for item in patterns)

    def _entries(self, directory: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(directory) as entries:
                found = list(entries)
        except OSError as error:
            self.problems.append(f"cannot read the directory {key_of(directory, self.cwd)}: {error.strerror}")
            return []
        return [] if any(entry.name == "pyvenv.cfg" for entry in found) else found

    def _skips(self, entry: os.DirEntry[str], patterns: tuple[_Patterns, ...]) -> bool:
        is_directory = entry.is_dir(follow_symlinks=False)
        if is_directory and entry.name in DEFAULT_EXCLUDES:
            return True
        if not patterns or not (is_directory or entry.name.endswith(SUFFIXES)):
            return False
        answers = (_matches(item, entry.path, is_directory=is_directory) for item in reversed(patterns))
        return next((answer for answer in answers if answer is not None), False)

    def _configured(self, settings: Settings) -> tuple[_Patterns, ...]:
        exclude = () if self.excluded.is_all else settings.excluded
        return (_Patterns(os.path.abspath(settings.root), parse_patterns(exclude)),) if exclude else ()  # noqa: PTH100

    def _without(self, root: str, found: tuple[_Patterns, ...]) -> tuple[_Patterns, ...]:
        """The patterns less those that exclude the given directory as a whole: it was asked for."""
        return tuple(less for item in found if (less := _less(item, root)) is not None)

    def _ignored_above(self, root: str, settings: Settings) -> tuple[_Patterns, ...]:
        """The `.gitignore` files from the top of the repository down to above `root`."""
        if not settings.respect_gitignore:
            return ()
        chain: list[_Patterns] = []
        directory = root
        while not os.path.lexists(os.path.join(directory, ".git")):  # noqa: PTH118
            parent = os.path.dirname(directory)  # noqa: PTH120
            if parent == directory:
                return ()  # no repository
            directory = parent
            chain[:0] = _gitignore(directory, ".gitignore")
        return (*_gitignore(directory, ".git/info/exclude"), *chain)

    def _ignored_in(self, directory: str, entries: list[os.DirEntry[str]], settings: Settings) -> tuple[_Patterns, ...]:
        if settings.respect_gitignore and any(entry.name == ".gitignore" for entry in entries):
            return tuple(_gitignore(directory, ".gitignore"))
        return ()


def _gitignore(directory: str, name: str) -> list[_Patterns]:
    path = os.path.join(directory, name)  # noqa: PTH118 - plain strings, for speed
    try:
        if stamp_of(path)[2] > _LARGEST_GITIGNORE:
            return []
        text = read(path, {}).decode("utf-8-sig", "surrogateescape")
    except OSError:
        return []
    patterns = parse_patterns(text.split("\n"))
    return [_Patterns(directory, patterns)] if patterns else []


def _less(patterns: _Patterns, root: str) -> _Patterns | None:
    below = _relative(root, patterns.base)
    if below is None or _matches(patterns, root, is_directory=True, with_parents=True) is not True:
        return patterns
    kept = [item for item in patterns.patterns if decide([item], below, is_directory=True, with_parents=True) is None]
    return _Patterns(patterns.base, tuple(kept)) if kept else None


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a regular file, also through a link; a pipe would block the run for ever."""
    try:
        return entry.is_file()
    except OSError:  # a loop of links
        return False
