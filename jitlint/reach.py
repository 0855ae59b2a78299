"""Which files of a run have to be modelled: those that draw, and those that draws reach through imports."""

from __future__ import annotations

import functools
import hashlib
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence

from jitlint.files import File
from jitlint.imports import ModuleFinder
from jitlint.screen import Level, draws_under
from jitlint.survey import Survey

__all__ = ["Reach", "partition", "shared"]

# Bytes of source whose models are held at once. A model takes some forty times its source, and a larger
# tree is looked at in parts (along its directories), so memory does not grow with the tree.
PART_SIZE = 400_000


def partition(files: Sequence[File], size: Callable[[File], int], limit: int = PART_SIZE) -> list[tuple[File, ...]]:
    """Split sorted files into parts of at most `limit` bytes, keeping directories together where that is possible.

    What is too large is cut between its topmost directories, of several such places at the one whose name has the
    smallest digest. So where it is cut depends on what is there and not on how it was filled: a new file changes
    the part that it comes to lie in, and no other.
    """
    sums = [0, *itertools.accumulate(map(size, files))]
    places = [(0, b""), *itertools.starmap(_place, itertools.pairwise(files))]
    parts: list[tuple[File, ...]] = []
    todo = [(0, len(files))] if files else []
    while todo:
        start, end = todo.pop()
        if end - start < 2 or sums[end] - sums[start] <= limit:
            parts.append(tuple(files[start:end]))
            continue
        cut = min(range(start + 1, end), key=places.__getitem__)
        todo += ((cut, end), (start, cut))
    return parts


def shared(
    parts: Sequence[tuple[File, ...]], size: Callable[[File], int], shard: tuple[int, int]
) -> list[tuple[File, ...]]:
    """The parts of one of several machines, numbered from 1, so that all have about as many bytes."""
    number, count = shard
    loads = [0] * count
    own: list[tuple[File, ...]] = []
    weights = {part: sum(map(size, part)) for part in parts}
    for part in sorted(parts, key=lambda item: (-weights[item], item)):
        least = loads.index(min(loads))
        loads[least] += weights[part]
        own += [part] * (least == number - 1)
    return own


def _place(one: File, other: File) -> tuple[int, bytes]:
    """How deep the place between two neighbours is in the tree, and a digest of the name that begins there."""
    parts, others = one.path.split("/"), other.path.split("/")
    depth = next((n for n, (part, next_one) in enumerate(zip(parts, others, strict=False)) if part != next_one), 0)
    name = "/".join(others[: depth + 1]).encode("utf-8", "surrogatepass")
    return depth, hashlib.blake2b(name, digest_size=8).digest()


def _is_unreadable(survey: Survey) -> bool:
    return bool(survey.problem) or not survey.digest or (bool(survey.troubles) and survey.troubles[0].place[4] is None)


class Reach:
    """A walk along imports, starting at the files that draw or use draws.

    `known` are the files that were asked for; `look` surveys another one, `read` gives the bytes of one. What
    `look` was asked for, and what it said, is in `others` afterwards.
    """

    def __init__(
        self,
        known: Mapping[str, Survey],
        root: str,
        look: Callable[[str], Survey | None],
        read: Callable[[str], bytes],
    ) -> None:
        self.known = known
        self.read = read
        self.finder = ModuleFinder(root)
        self.look = look
        self.others: dict[str, Survey | None] = {}

    def modelled(self, files: Iterable[File], has_plugins: bool = False) -> list[File]:
        """The files that rules have to see, in order. The rules of plugins may look for anything, so they see all."""
        reached = set(self.known) if has_plugins else self._paths()
        return [file for file in files if file.path in reached and not _is_unreadable(self.known[file.path])]

    def _paths(self) -> set[str]:
        """The files that draw, those that import such a file, and the helpers that they import."""
        found = {path for path, item in self.known.items() if item.level >= Level.DRAWS or item.has_directives}
        todo = [path for path, item in self.known.items() if item.level in (Level.CONSUMER, Level.DRAWS)]
        seen = set(todo)
        while todo:
            path = todo.pop()
            helpers = set(self._helpers(path))
            if helpers:
                found.add(path)
            found |= helpers
            todo += helpers - seen
            seen |= helpers
        return found

    def _helpers(self, path: str) -> Iterable[str]:
        """The files whose drawing functions or classes a file imports."""
        item = self._survey(path)
        for name in item.imports if item else ():
            target = self._target(path, name)
            if target is not None and target != path:
                yield target

    def _target(self, path: str, name: str, depth: int = 0) -> str | None:
        """The file that draws under an imported name: a module, or what an `__init__.py` passes on."""
        module = self.finder.find(path, name)
        if module is not None:
            return module if not module.endswith("__init__.py") and self._draws(module) else None
        plain = name.lstrip(".")
        origin, _, symbol = plain.rpartition(".")
        origin = name[: len(name) - len(plain)] + origin
        module = self.finder.find(path, origin) if origin else None
        if module is None or module == path:
            return None
        if self._draws(module) and (symbol == "*" or self._draws_under(module, symbol)):
            return module
        return self._passed_on(module, symbol, depth) if depth < 3 else None

    def _passed_on(self, module: str, symbol: str, depth: int) -> str | None:
        item = self._survey(module)
        for name in item.imports if item else ():
            if name.endswith(("." + symbol, ".*")):
                found = self._target(module, name.removesuffix("*") + symbol if name.endswith("*") else name, depth + 1)
                if found is not None:
                    return found
        return None

    def _draws(self, path: str) -> bool:
        item = self._survey(path)
        return item is not None and item.level >= Level.HELPER

    @functools.cache  # noqa: B019 - lives as long as the walk
    def _draws_under(self, module: str, symbol: str) -> bool:
        return draws_under(self._data(module), symbol)

    @functools.lru_cache(maxsize=16)  # noqa: B019 - a file is asked for several names in a row
    def _data(self, path: str) -> bytes:
        try:
            return self.read(path)
        except OSError:
            return b""

    def _survey(self, path: str) -> Survey | None:
        if path in self.known:
            return self.known[path]
        if path not in self.others:
            self.others[path] = self.look(path)
        return self.others[path]
