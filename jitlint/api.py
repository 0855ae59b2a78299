"""Linting from Python: paths or a text in, a report or a fixed text out."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from jitlint.cache import Cache
from jitlint.config import Settings
from jitlint.engine import Outcome, Report, Run, lint, merged
from jitlint.files import File, discover, key_of
from jitlint.hierarchy import Hierarchy
from jitlint.workers import Workers

__all__ = ["fix_text", "lint_paths", "lint_text"]


def lint_paths(paths: Iterable[str | Path], settings: Settings | None = None) -> Report:
    """Lint files and directories in this process, without a cache.

    Without `settings`, those of the nearest configuration above each file hold. Raises
    `jitlint.errors.UsageError` for a path that does not exist and for a broken configuration.
    """
    given = [str(path) for path in paths]
    cwd = os.getcwd()  # noqa: PTH109 - keys are plain strings
    hierarchy = Hierarchy(given, fixed=settings)
    found = discover(given, hierarchy.at)
    groups = hierarchy.groups(found.files)
    report = merged([Outcome(lint(files, Run(own, Cache(), Workers(1), cwd))) for own, files in groups]).report
    return replace(report, problems=(*found.problems, *report.problems))


def lint_text(text: str | bytes, path: str = "<text>", settings: Settings | None = None) -> Report:
    """Lint one program that need not be on disk; modules that it imports are looked for around `path`."""
    file, run = _alone(text, path, settings)
    return lint([file], run)


def fix_text(text: str, path: str = "<text>", settings: Settings | None = None, *, unsafe: bool = False) -> str:
    """The program with its findings fixed: the safe fixes, or with `unsafe` all. What has no fix stays as it is."""
    from jitlint.fixing import fix

    file, run = _alone(text, path, settings)
    changed = fix([file], run, unsafe=unsafe).changed
    return changed[file.path].decode() if file.path in changed else text


def _alone(text: str | bytes, path: str, settings: Settings | None) -> tuple[File, Run]:
    cwd = os.getcwd()  # noqa: PTH109 - keys are plain strings
    absolute = os.path.abspath(path)  # noqa: PTH100 - keys are plain strings
    data = text.encode() if isinstance(text, str) else text
    settings = settings or Hierarchy([os.path.dirname(absolute)]).of(absolute)  # noqa: PTH120
    return File(key_of(absolute, cwd), absolute, True), Run(settings, Cache(), Workers(1), cwd, {absolute: data})
