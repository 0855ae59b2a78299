"""What earlier runs found, kept in the user's cache directory by project, version and settings.

A survey is kept by path and holds as long as the file's times and size are the same. The result of a part
of the project is kept by the digests of its files and holds as long as the other files that were read for
it have the same digests. :mod:`jitlint.records` says why a file there is believed; what does not check is
ignored and written again.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from jitlint.config import Settings
from jitlint.diagnostic import Diagnostic
from jitlint.plain import MalformedValueError, plain, restored
from jitlint.survey import Stamp, Survey, Trouble

if TYPE_CHECKING:
    from jitlint.records import RecordFile

__all__ = ["Cache", "PartResult", "Plan", "digest_of", "open_cache"]

_KEPT_RECORDS = 4096  # plans and results, those used last
_SURVEYS = b"surveys".ljust(16)
Kind = TypeVar("Kind")


class PartResult(NamedTuple):
    """What was found in one part of the project.

    `reads` are the other files that had a say, with their digests (None: they did not exist). `imports` are the module
    names that were looked up, by the directory they were looked up from, and `imported` is a digest of the files that
    they meant. `reads_tree`: a rule searched every text of the project for a name.
    """

    diagnostics: tuple[Diagnostic, ...] = ()
    warnings: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    reads: tuple[tuple[str, bytes | None], ...] = ()
    imports: tuple[tuple[str, tuple[str, ...]], ...] = ()
    imported: bytes = b""
    reads_tree: bool = False
    tree: bytes = b""  # filled in by the engine: the state of those texts


class Plan(NamedTuple):
    """How a run was cut into parts: their keys, and the directories whose listing had a say, with its digest."""

    parts: tuple[bytes, ...]
    directories: tuple[str, ...]
    listing: bytes
    reads: tuple[tuple[str, bytes | None], ...]


class Cache:
    """Surveys by path, plans and results by digest; without a `file` they are kept for this run only.

    Plans and results stay encoded until they are asked for: a run needs few of those that are kept.
    """

    def __init__(self, file: RecordFile | None = None) -> None:
        self.file = file
        self._records = file.read() if file else {}
        self._surveys: dict[str, tuple[Any, ...]] = _surveys(self._records.pop(_SURVEYS, None))
        self._is_changed = False

    def survey(self, path: str, stamp: Stamp) -> Survey | None:
        """The survey of a file, if the file has not changed since."""
        item = self._surveys.get(path)
        return _survey(item) if item is not None and item[0] == stamp else None

    def add_survey(self, path: str, item: Survey) -> None:
        """Keep what the first look at a file found."""
        self._surveys[path] = plain(item)
        self._is_changed = True

    def plan(self, key: bytes) -> Plan | None:
        """How the run with this key was cut into parts."""
        return self._find(Plan, key)

    def add_plan(self, key: bytes, plan: Plan) -> None:
        """Keep how a run was cut into parts."""
        self._keep(key, plan)

    def result(self, key: bytes) -> PartResult | None:
        """What was found in the part with this key."""
        return self._find(PartResult, key)

    def add_result(self, key: bytes, result: PartResult) -> None:
        """Keep what was found in a part; an internal error is not kept, the next run may be luckier."""
        self._keep(key, result)

    def save(self) -> None:
        """Write the file if there is something new; a directory that cannot be written means no cache."""
        if self.file is None or not self._is_changed:
            return
        newest = dict(list(self._records.items())[-_KEPT_RECORDS:])
        with suppress(OSError):
            self.file.write({_SURVEYS: marshal.dumps(self._surveys), **newest})
            self.file.tidy()

    def _find(self, kind: Callable[..., Kind], key: bytes) -> Kind | None:
        """Look up, and move to the end of the table: what stands first was not used for longest."""
        content = self._records.pop(key, None)
        if content is None:
            return None
        try:
            found = restored(kind, marshal.loads(content))
        except (MalformedValueError, EOFError, ValueError, TypeError):
            return None  # checked, so written by a version of jitlint that it was not told from this one
        self._records[key] = content
        return found

    def _keep(self, key: bytes, value: Plan | PartResult) -> None:
        self._records[key] = marshal.dumps(plain(value))
        self._is_changed = True


def open_cache(settings: Settings, project: Path) -> Cache:
    """The cache of a project for these settings and this version of jitlint."""
    from jitlint.records import open_records

    name = digest_of(_version_stamp(), sys.version_info[:3], settings, os.path.abspath(project))  # noqa: PTH100
    return Cache(open_records(name.hex()))


def digest_of(*values: object) -> bytes:
    """A digest of the printed form of some values."""
    return hashlib.blake2b(repr(values).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _surveys(content: bytes | None) -> dict[str, tuple[Any, ...]]:
    try:
        found = marshal.loads(content) if content else {}
    except (EOFError, ValueError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def _survey(item: tuple[Any, ...]) -> Survey:
    found = Survey._make(item)
    return found._replace(troubles=tuple(map(Trouble._make, found.troubles))) if found.troubles else found


def _version_stamp() -> tuple[object, ...]:
    """The version, and the sizes and times of the package's files, for those who work on jitlint itself."""
    package = os.path.dirname(__file__)  # noqa: PTH120
    found: list[tuple[str, int, int]] = []
    for folder, _, names in os.walk(package):
        for name in names:
            if name.endswith(".py"):
                status = os.stat(f"{folder}/{name}")  # noqa: PTH116
                found.append((f"{folder[len(package) :]}/{name}", status.st_mtime_ns, status.st_size))
    return tuple(sorted(found))
