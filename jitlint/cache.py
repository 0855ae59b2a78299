"""What earlier runs found, kept in `.jitlint_cache/` under a name made of version and settings.

A survey is kept by path and holds as long as the file's time and size are the same. The result of a part
of the project is kept by the digests of its files and holds as long as the other files that were read for
it have the same digests. Nothing here is trusted: a file that does not load is ignored and rewritten, and
the loader makes no objects but those of :mod:`jitlint.diagnostic`.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import sys
import time
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from jitlint import diagnostic
from jitlint.config import Settings
from jitlint.diagnostic import Diagnostic
from jitlint.survey import Stamp, Survey, Trouble

__all__ = ["Cache", "PartResult", "Plan", "digest_of", "open_cache"]

DIRECTORY = ".jitlint_cache"
_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# This directory holds results of jitlint and may be deleted.\n"
_KEPT_FOR = 30 * 24 * 3600  # seconds
_KEPT_RESULTS = 4096
_ALLOWED = frozenset({"Applicability", "Confidence", "Diagnostic", "Edit", "Evidence", "Fix", "Location"})


class PartResult(NamedTuple):
    """What was found in one part of the project.

    `reads` are the other files that had a say, with their digests (None: they did not exist). `reads_tree`:
    a rule searched every text of the project for a name.
    """

    diagnostics: tuple[Diagnostic, ...] = ()
    warnings: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    reads: tuple[tuple[str, bytes | None], ...] = ()
    reads_tree: bool = False
    tree: bytes = b""  # filled in by the engine: the state of those texts


class Plan(NamedTuple):
    """How a run was cut into parts: their keys, and the directories whose listing had a say, with its digest."""

    parts: tuple[bytes, ...]
    directories: tuple[str, ...]
    listing: bytes
    reads: tuple[tuple[str, bytes | None], ...]


class Cache:
    """Surveys by path, plans and results by digest; without a `file` they are kept for this run only."""

    def __init__(self, file: Path | None = None) -> None:
        self.file = file
        self._surveys: dict[str, tuple[Any, ...]] = {}
        self._plans: dict[bytes, tuple[Any, ...]] = {}
        self._results: dict[bytes, tuple[Any, ...]] = {}
        self._is_changed = False

    def survey(self, path: str, stamp: Stamp) -> Survey | None:
        """The survey of a file, if the file has not changed since."""
        item = self._surveys.get(path)
        return _survey(item) if item is not None and item[0] == stamp else None

    def add_survey(self, path: str, item: Survey) -> None:
        """Keep what the first look at a file found."""
        self._surveys[path] = (*item[:7], tuple(map(tuple, item.troubles)), item.problem)
        self._is_changed = True

    def plan(self, key: bytes) -> Plan | None:
        """How the run with this key was cut into parts."""
        item = _renew(self._plans, key)
        return Plan(*item) if item else None

    def add_plan(self, key: bytes, plan: Plan) -> None:
        """Keep how a run was cut into parts."""
        self._plans[key] = tuple(plan)
        self._is_changed = True

    def result(self, key: bytes) -> PartResult | None:
        """What was found in the part with this key."""
        item = _renew(self._results, key)
        return PartResult(*item) if item else None

    def add_result(self, key: bytes, result: PartResult) -> None:
        """Keep what was found in a part; an internal error is not kept, the next run may be luckier."""
        self._results[key] = tuple(result)
        self._is_changed = True

    def load(self) -> Cache:
        """Fill from the file; whatever is wrong with it, the cache is then empty."""
        try:
            assert self.file is not None
            surveys, plans, results = _Loader(BytesIO(self.file.read_bytes())).load()
            self._surveys, self._plans, self._results = dict(surveys), dict(plans), dict(results)
        except Exception:  # a broken pickle can raise anything
            self._surveys, self._plans, self._results = {}, {}, {}
        return self

    def save(self) -> None:
        """Write the file if there is something new; a directory that cannot be written means no cache."""
        if self.file is None or not self._is_changed:
            return
        content = (self._surveys, _newest(self._plans), _newest(self._results))
        with suppress(OSError):
            _prepare(self.file.parent)
            _replace(self.file, pickle.dumps(content, protocol=pickle.HIGHEST_PROTOCOL))


def open_cache(settings: Settings, directory: Path) -> Cache:
    """The cache of the project at `directory` for these settings and this version of jitlint."""
    name = digest_of(_version_stamp(), sys.version_info[:3], settings).hex()[:16]
    return Cache(directory / DIRECTORY / f"{name}.pickle").load()


def digest_of(*values: object) -> bytes:
    """A digest of the printed form of some values."""
    return hashlib.blake2b(repr(values).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _renew(table: dict[bytes, tuple[Any, ...]], key: bytes) -> tuple[Any, ...] | None:
    """Look up, and move to the end of the table: what stands first was not used for longest."""
    item = table.pop(key, None)
    if item is not None:
        table[key] = item
    return item


def _newest(table: dict[bytes, tuple[Any, ...]]) -> dict[bytes, tuple[Any, ...]]:
    return dict(list(table.items())[-_KEPT_RESULTS:])


def _survey(item: tuple[Any, ...]) -> Survey:
    found = Survey._make(item)
    return found._replace(troubles=tuple(map(Trouble._make, found.troubles))) if found.troubles else found


def _version_stamp() -> tuple[object, ...]:
    """The version, and the sizes and times of the package's files, for those who work on jitlint itself."""
    package = Path(__file__).parent
    files = (*package.glob("*.py"), *package.glob("*/*.py"))
    return tuple(sorted((file.name, (status := file.stat()).st_mtime_ns, status.st_size) for file in files))


def _prepare(directory: Path) -> None:
    if not (directory / "CACHEDIR.TAG").exists():
        directory.mkdir(exist_ok=True)
        (directory / ".gitignore").write_text("*\n")
        (directory / "CACHEDIR.TAG").write_text(_TAG)
    for old in directory.glob("*.pickle"):
        if old.stat().st_mtime < time.time() - _KEPT_FOR:
            old.unlink(missing_ok=True)


def _replace(file: Path, data: bytes) -> None:
    """Write beside and rename, so that two runs at once leave one whole file."""
    temporary = file.with_suffix(f".{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


class _Loader(pickle.Unpickler):
    """Makes nothing but findings: a cache that comes with somebody's repository must not run code."""

    def find_class(self, module: str, name: str) -> Any:
        if module == "jitlint.diagnostic" and name in _ALLOWED:
            return getattr(diagnostic, name)
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a cache")
