"""Linting from Python: paths or a text in, a report or a fixed text out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from jitlint.cache import Cache
from jitlint.config import Settings, own_plugins
from jitlint.engine import Outcome, Report, Run, lint, merged
from jitlint.files import File, discover, key_of
from jitlint.hierarchy import Hierarchy, with_plugins
from jitlint.plugins import plugins
from jitlint.workers import Workers

__all__ = ["fix_text", "lint_paths", "lint_text"]


def lint_paths(paths: Iterable[str | Path], settings: Settings | None = None) -> Report:
    """Lint files and directories in this process, without a cache.

    Without `settings`, those of the nearest configuration above each file hold, and the user's own plugins are loaded
    as on the command line. Raises `jitlint.errors.UsageError` for a path that does not exist and for a broken
    configuration.
    """
    given = [str(path) for path in paths]
    cwd = os.getcwd()  # noqa: PTH109 - keys are plain strings
    hierarchy = _hierarchy(given, settings)
    found = discover(given, hierarchy.at)
    groups = hierarchy.groups(found.files)
    report = merged([Outcome(lint(files, Run(own, Cache(), Workers(1), cwd))) for own, files in groups]).report
    return _with_plugins(replace(report, problems=(*found.problems, *report.problems)))


def lint_text(text: str | bytes, path: str = "<text>", settings: Settings | None = None) -> Report:
    """Lint one program that need not be on disk; modules that it imports are looked for around `path`."""
    file, run = _alone(text, path, settings)
    return _with_plugins(lint([file], run))


def fix_text(text: str, path: str = "<text>", settings: Settings | None = None, *, unsafe: bool = False) -> str:
    """The program with its findings fixed: the safe fixes, or with `unsafe` all. What has no fix stays as it is."""
    from jitlint.fixing import fix

    file, run = _alone(text, path, settings)
    changed = fix([file], run, unsafe=unsafe).changed
    return changed[file.path].decode() if file.path in changed else text


def _hierarchy(paths: Sequence[str], settings: Settings | None) -> Hierarchy:
    """The settings for each directory; the installed plugins are loaded, and those of the user's own configuration."""
    plugins.begin(paths, False, own_plugins() if settings is None else {})
    return Hierarchy(paths, with_plugins, fixed=settings)


def _with_plugins(report: Report) -> Report:
    """The report, with a line on each plugin that is not loaded."""
    problems, warnings = (*plugins.problems, *report.problems), (*plugins.refused, *report.warnings)
    return replace(report, problems=problems, warnings=warnings)


def _alone(text: str | bytes, path: str, settings: Settings | None) -> tuple[File, Run]:
    cwd = os.getcwd()  # noqa: PTH109 - keys are plain strings
    absolute = os.path.abspath(path)  # noqa: PTH100 - keys are plain strings
    data = text.encode() if isinstance(text, str) else text
    own = _hierarchy([os.path.dirname(absolute)], settings).of(absolute)  # noqa: PTH120
    return File(key_of(absolute, cwd), absolute, True), Run(own, Cache(), Workers(1), cwd, {absolute: data})
