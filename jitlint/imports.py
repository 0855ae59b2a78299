"""Which file of the project a dotted module name means."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping

__all__ = ["ImportGraph", "ModuleFinder", "listing_digest"]


class ModuleFinder:
    """Finds modules by name in the directory of the importing file and in those above it, up to `root`.

    Directory listings are kept: most names are those of libraries, and a look into a set of names says so.
    """

    def __init__(self, root: str) -> None:
        self.root = os.path.abspath(root)  # noqa: PTH100 - plain strings, for speed
        self._listings: dict[str, frozenset[str]] = {}

    def find(self, importer: str, name: str) -> str | None:
        """The absolute path of the file that the importing file means by `name`, or None."""
        stripped = name.lstrip(".")
        level = len(name) - len(stripped)
        parts = stripped.split(".") if stripped else []
        directory = os.path.dirname(importer)  # noqa: PTH120
        if level:
            for _ in range(level - 1):
                directory = os.path.dirname(directory)  # noqa: PTH120
            return self._file(directory, parts)
        return next((found for above in self._upwards(directory) if (found := self._file(above, parts))), None)

    def _upwards(self, directory: str) -> list[str]:
        found = [directory]
        while found[-1] != self.root and found[-1].startswith(self.root):
            found.append(os.path.dirname(found[-1]))  # noqa: PTH120
        return found

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
            try:
                names = os.listdir(directory)  # noqa: PTH208
            except OSError:
                names = []
            self._listings[directory] = frozenset(name for name in names if name.endswith(".py") or "." not in name)
        return self._listings[directory]

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
