"""The texts of a project: which there are, what they hold, and whether they have changed."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from jitlint.survey import read

__all__ = ["LISTED", "Texts", "text_files", "tree_digest"]

TEXT_SUFFIXES = (".py", ".ipynb", ".yaml", ".yml", ".json", ".toml", ".cfg", ".ini", ".sh", ".gin", ".conf", ".pyi")
SKIPPED_FOLDERS = frozenset("node_modules site-packages __pycache__ venv env wandb".split())
MANY_FILES = 200  # of other kinds than Python, in one folder: they are data
LISTED = 4000  # files; far more than a training project has
MAX_ENTRIES = 40_000  # of directories, of any kind
MAX_BYTES = 1 << 20  # of one file: a longer one is data
MAX_NOTEBOOK = 64 << 20  # of a notebook: most of it may be outputs


class Texts:
    """The texts under a directory, as a run sees them; it knows whether anybody has asked which there are.

    `changed` holds texts that differ from what is on disk, by absolute path.
    """

    def __init__(self, root: str, changed: Mapping[str, bytes] = MappingProxyType({})) -> None:
        self._root = os.path.abspath(root)  # noqa: PTH100 - keys are text
        self._changed = changed
        self.are_asked = False

    def paths(self) -> tuple[str, ...] | None:
        """Their absolute paths; None if there are far more than a training project has."""
        self.are_asked = True
        found = text_files(self._root)
        return None if found is None else tuple(path for path, _, _ in found)

    def content(self, path: str) -> bytes:
        """What one of them holds; nothing if it has been deleted since."""
        with contextlib.suppress(OSError):
            return read(path, self._changed)
        return b""


@functools.lru_cache(maxsize=2)
def text_files(root: str) -> tuple[tuple[str, int, int], ...] | None:
    """Path, size and time of the texts under a directory; None if there are too many to search.

    Remembered until `text_files.cache_clear()`, which every run begins with.
    """
    found: list[tuple[str, int, int]] = []
    entries = 0
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in SKIPPED_FOLDERS)
        entries += len(names) + len(folders)
        found += _texts(folder, names)
        if entries > MAX_ENTRIES or len(found) > LISTED:
            return None
    return tuple(found)


def tree_digest(root: str) -> bytes:
    """A digest of the texts' names, sizes and times."""
    return hashlib.blake2b(repr(text_files(root)).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _texts(folder: str, names: list[str]) -> Iterator[tuple[str, int, int]]:
    texts = sorted(name for name in names if name.endswith(TEXT_SUFFIXES))
    if len(texts) > MANY_FILES:
        texts = [name for name in texts if name.endswith(".py")]
    for name in texts:
        path = f"{folder}/{name}"
        try:
            status = os.stat(path)  # noqa: PTH116 - for every file of a run
        except OSError:
            continue
        largest = MAX_NOTEBOOK if name.endswith(".ipynb") else MAX_BYTES
        if status.st_size <= largest and stat.S_ISREG(status.st_mode):
            yield path, status.st_size, status.st_mtime_ns
