"""Which file of the project a dotted module name means."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping

__all__ = ["ImportGraph", "Lookups", "ModuleFinder", "answers_digest", "listing_digest", "lookups"]

Lookups = tuple[tuple[str, tuple[str, ...]], ...]  # names by the directory they were looked up from


class ModuleFinder:
    """Finds modules by name in the directory of the importing file and in those above it, up to `root`, never above.

    Directory listings are kept: most names are those of libraries, and a look into a set of names says so. `known`
    are files that need not be on the disk; without `on_disk` there are no others. What was asked and answered is kept
    too, so that a later run can see whether the same questions still have the same answers.
    """

    def __init__(self, root: str, known: Iterable[str] = (), *, on_disk: bool = True) -> None:
        self.root = os.path.abspath(root)  # noqa: PTH100 - plain strings, for speed
        self.on_disk = on_disk
        self.answers: dict[str, dict[str, str | None]] = {}
        self._listings: dict[str, frozenset[str]] = {}
        self._known: dict[str, set[str]] = {}
        for path in known:
            self._know(path)

    def _know(self, path: str) -> None:
        """Remember a file, and the directories that it lies in, as entries of theirs."""
        while path != os.path.dirname(path):  # noqa: PTH120
            directory, name = os.path.split(path)
            names = self._known.setdefault(directory, set())
            if name in names:
                return
            names.add(name)
            path = directory

    def find(self, importer: str, name: str) -> str | None:
        """The absolute path of the file that the importing file means by `name`, or None."""
        return self.find_from(os.path.dirname(importer), name)  # noqa: PTH120

    def find_from(self, directory: str, name: str) -> str | None:
        """The absolute path of the file that is meant by `name` in the files of a directory, or None."""
        answers = self.answers.setdefault(directory, {})
        if name not in answers:
            answers[name] = self._find(directory, name)
        return answers[name]

    def _find(self, directory: str, name: str) -> str | None:
        stripped = name.lstrip(".")
        level = len(name) - len(stripped)
        parts = stripped.split(".") if stripped else []
        if level:
            for _ in range(level - 1):
                if directory == self.root:
                    return None
                directory = os.path.dirname(directory)  # noqa: PTH120
            return self._file(directory, parts) if self._is_inside(directory) else None
        return next((found for above in self._upwards(directory) if (found := self._file(above, parts))), None)

    def _upwards(self, directory: str) -> list[str]:
        found = [directory]
        while found[-1] != self.root and self._is_inside(found[-1]):
            found.append(os.path.dirname(found[-1]))  # noqa: PTH120
        return found

    def _is_inside(self, directory: str) -> bool:
        return directory == self.root or directory.startswith(self.root.rstrip(os.sep) + os.sep)

    def _file(self, directory: str, parts: list[str]) -> str | None:
        for part in parts[:-1]:
            if part not in self._listing(directory):
                return None
            directory = f"{directory}/{part}"
        if not parts:
            return self._package(directory)
        names = self._listing(directory)
        if f"{parts[-1]}.py" in names:
            return f"{directory}/{parts[-1]}.py"
        return self._package(f"{directory}/{parts[-1]}") if parts[-1] in names else None

    def _package(self, directory: str) -> str | None:
        return f"{directory}/__init__.py" if "__init__.py" in self._listing(directory) else None

    def modules_in(self, directory: str) -> list[str]:
        """Every `.py` file directly in a directory."""
        return sorted(f"{directory}/{name}" for name in self._listing(directory) if name.endswith(".py"))

    def _listing(self, directory: str) -> frozenset[str]:
        if directory not in self._listings:
            names = [*self._names(directory), *self._known.get(directory, ())]
            self._listings[directory] = frozenset(name for name in names if name.endswith(".py") or "." not in name)
        return self._listings[directory]

    def _names(self, directory: str) -> list[str]:
        try:
            return os.listdir(directory) if self.on_disk else []  # noqa: PTH208
        except OSError:
            return []

    @property
    def directories(self) -> tuple[str, ...]:
        """The directories that were looked into."""
        return tuple(sorted(self._listings))

    def digest(self) -> bytes:
        """A digest of what those directories contain: with another file, a name may mean another module."""
        lines = (f"{path}:{','.join(sorted(names))}" for path, names in sorted(self._listings.items()))
        return hashlib.blake2b("\n".join(lines).encode("utf-8", "surrogatepass"), digest_size=16).digest()


class ImportGraph:
    """Which files of a part import which, by absolute path; `keys` gives each path its name in the answers."""

    def __init__(self, names: Mapping[str, Iterable[str]], keys: Mapping[str, str], root: str) -> None:
        finder = ModuleFinder(root)
        self._keys = keys
        self._imports: dict[str, set[str]] = {path: set() for path in names}
        self._importers: dict[str, set[str]] = {path: set() for path in names}
        for path, imported in names.items():
            for name in imported:
                for module in (name, name.rpartition(".")[0]):
                    target = finder.find(path, module) if module.strip(".") else None
                    if target in self._imports:
                        self._imports[path].add(target)
                        self._importers[target].add(path)

    def around(self, key: str) -> set[str]:
        """The files that a file imports, directly or not, and those that import it."""
        start = next(path for path, name in self._keys.items() if name == key)
        return {self._keys[path] for way in (self._imports, self._importers) for path in _reached(start, way)}


def _reached(start: str, edges: Mapping[str, Iterable[str]]) -> set[str]:
    found, waiting = {start}, [start]
    while waiting:
        new = [path for path in edges.get(waiting.pop(), ()) if path not in found]
        found.update(new)
        waiting += new
    return found


def listing_digest(directories: Iterable[str]) -> bytes:
    """The digest of some directories as they are now."""
    finder = ModuleFinder(os.sep)
    for directory in directories:
        finder.modules_in(directory)
    return finder.digest()


def lookups(finder: ModuleFinder) -> Lookups:
    """What a finder was asked for."""
    return tuple((directory, tuple(sorted(names))) for directory, names in sorted(finder.answers.items()))


def answers_digest(finder: ModuleFinder, asked: Lookups) -> bytes:
    """A digest of the finder's answers to some questions."""
    digest = hashlib.blake2b(digest_size=16)
    for directory, names in asked:
        for name in names:
            digest.update(f"{finder.find_from(directory, name)}\n".encode("utf-8", "surrogatepass"))
    return digest.digest()
