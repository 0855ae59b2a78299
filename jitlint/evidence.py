"""Evidence of a run: the file that `python -m runtime_probe --evidence` writes, read and checked.

Only facts are read here; `evidence_claims.py` says what they prove about a finding. See docs/evidence.md.
"""

from __future__ import annotations

import ast
import enum
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from jitlint.diagnostic import Location
from jitlint.errors import UsageError

__all__ = ["Evidence", "Observed", "Place", "RunFile", "Status", "read_evidence"]

SCHEMA = "runtime_probe/evidence/"
VERSION = 1
_LARGEST = 1 << 28  # bytes
_LISTS = ("files", "draws", "streams", "seeds", "loaders", "findings")


class Status(enum.Enum):
    """What a run says about a finding."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    UNDECIDED = "undecided"
    NOT_REACHED = "not reached"


class Observed(NamedTuple):
    """A status and its reason, in words that follow a colon."""

    status: Status
    because: str


class Place(NamedTuple):
    """A line of the user's source, in the names of the file of evidence."""

    path: str
    line: int
    function: str


@dataclass(frozen=True)
class RunFile:
    """A file that the run read: how often its lines ran, and how often its functions were entered, by first line."""

    path: str
    sha256: str
    lines: Mapping[int, int]
    functions: Mapping[int, int]

    def ran(self, location: Location) -> int:
        """How often the busiest line of a place ran."""
        return max((self.lines.get(line, 0) for line in range(location.line, location.end_line + 1)), default=0)


@dataclass(frozen=True)
class Evidence:
    """One file of evidence; `content` is the checked JSON. `cwd` is where the linter runs."""

    name: str
    folder: Path
    cwd: Path
    content: Mapping[str, Any]

    @cached_property
    def files(self) -> dict[str, RunFile]:
        """The files of the run, by the names that it gave them."""
        return {item["path"]: _run_file(item) for item in self.content["files"]}

    @property
    def batches(self) -> int:
        """How many batches were trained."""
        return int(self.content["loops"]["batches"])

    @cached_property
    def _here(self) -> dict[str, tuple[RunFile, bool]]:
        """The files of the run by their absolute path here, and whether each is as it was."""
        found: dict[str, tuple[RunFile, bool]] = {}
        for name, file in self.files.items():
            for path in self._candidates(name):
                digest = _digest(path)
                if digest is not None:
                    found.setdefault(path, (file, digest == file.sha256))
                    if digest == file.sha256:
                        found[path] = (file, True)
                        break
        return found

    def _candidates(self, name: str) -> Iterator[str]:
        """Where a file may lie now: the tree may have moved, with the evidence or without."""
        for folder in dict.fromkeys((self.cwd, self.folder)):
            yield os.path.normpath(folder / name)

    def of(self, path: str) -> RunFile | None:
        """The run's view of a file (by its absolute path), if it is the same text."""
        file, is_same = self._here.get(path, (None, False))
        if file is not None and is_same:
            return file
        return self._moved(path) if file is None else None

    def _moved(self, path: str) -> RunFile | None:
        """The file of that name and content, wherever the run had it."""
        same_name = [file for file in self.files.values() if os.path.basename(file.path) == os.path.basename(path)]  # noqa: PTH119
        digest = _digest(path) if same_name else None
        return next((file for file in same_name if file.sha256 == digest), None)

    def changed(self, paths: Iterable[str]) -> list[str]:
        """Those of the files (by absolute path) that the run read with another text."""
        return [path for path in paths if path in self._here and not self._here[path][1]]

    def path_here(self, name: str) -> str | None:
        """Where a file of the run lies now, by its absolute path; None if it changed or is gone."""
        file = self.files.get(name)
        return next((path for path, (known, is_same) in self._here.items() if is_same and known is file), None)

    def knows_any(self, paths: Iterable[str]) -> bool:
        """Whether the run read any of these files, changed since or not."""
        return any(path in self._here or self._moved(path) for path in paths)


def read_evidence(file: Path, cwd: Path) -> Evidence:
    """Read a file of evidence; raises UsageError with one line for whatever is wrong with it."""
    try:
        with file.open("rb") as stream:
            data = stream.read(_LARGEST + 1)
    except OSError as error:
        raise UsageError(f"--evidence: cannot read {file}: {error.strerror or error}") from None
    if len(data) > _LARGEST:
        raise UsageError(f"--evidence: {file} is too large")
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        raise UsageError(f"--evidence: {file} is not JSON; {_HOW}") from None
    schema = content.get("schema") if isinstance(content, dict) else None
    if not isinstance(schema, str) or not schema.startswith(SCHEMA):
        raise UsageError(f"--evidence: {file} is not evidence of a run; {_HOW}")
    if schema != f"{SCHEMA}{VERSION}":
        raise UsageError(f"--evidence: {file} has the format {schema}, and this jitlint reads {SCHEMA}{VERSION}")
    evidence = Evidence(str(file), file.absolute().parent, cwd, content)
    try:
        _check(evidence)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise UsageError(f"--evidence: {file} is damaged; {_HOW}") from None
    return evidence


_HOW = "write it with `python -m runtime_probe --evidence FILE SCRIPT`"


def _check(evidence: Evidence) -> None:
    """Touch every field that is read later; what is missing or of another type raises."""
    content = evidence.content
    for name in _LISTS:
        if not all(isinstance(item, dict) for item in content[name]):
            raise TypeError(name)
    if not all(isinstance(content[name], bool) for name in ("workers", "lines_complete")):
        raise TypeError
    evidence.batches, evidence.files  # noqa: B018
    for stream in content["streams"]:
        _ = (stream["coordinates"], stream["loaded"], stream["std_pixels"], stream["call"], list(stream["flags"]))
        for source in stream["sources"]:
            _ = (places(source), int(source["draws"]), int(source["batches"]), int(source["longest"]), source["whole"])
        _ = [places(stale) for stale in stream["stale"]]
    for item in (*content["draws"], *content["seeds"]):
        _ = (places(item), int(item["times"]), int(item["batches"]))
    for loader in content["loaders"]:
        _ = (loader["verdict"], list(loader["flags"]), loader["evaluation"], int(loader["workers"]), loader["datasets"])
    for finding in content["findings"]:
        _ = ([_place(place) for place in finding["places"]], [str(code) for code in finding["jitlint"]])
        _ = [str(finding[key]) for key in ("code", "family", "argument", "meaning", "seen", "remedy")]


def places(item: Mapping[str, Any]) -> tuple[Place, ...]:
    """The calls that led to something, innermost first."""
    return tuple(map(_place, item["stack"]))


def _place(item: Mapping[str, Any]) -> Place:
    return Place(str(item["path"]), int(item["line"]), str(item["function"]))


def _run_file(item: Mapping[str, Any]) -> RunFile:
    lines = {int(line): int(times) for line, times in item["lines"].items()}
    functions: dict[int, int] = {}
    for function in item["functions"]:
        line = int(function["line"])
        functions[line] = functions.get(line, 0) + int(function["entered"])
    return RunFile(str(item["path"]), str(item["sha256"]), lines, functions)


def _digest(path: str) -> str | None:
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return None


def extent(path: str, line: int) -> tuple[int, int, bool]:
    """The first and last line of the innermost function or class around a line, and whether it is a class.

    (1, 0, False) if there is none, or if the file cannot be read.
    """
    try:
        tree = ast.parse(Path(path).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return 1, 0, False
    best = (1, 0, False)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            last = node.end_lineno or node.lineno
            if first <= line <= last and (best[1] == 0 or last - first < best[1] - best[0]):
                best = (first, last, isinstance(node, ast.ClassDef))
    return best


def hits(stack: Sequence[Place], spots: Iterable[tuple[str, Location]]) -> bool:
    """Whether a call goes through one of the places, given by the run's name of the file and the lines."""
    return any(
        place.path == path and location.line <= place.line <= location.end_line
        for path, location in spots
        for place in stack
    )
