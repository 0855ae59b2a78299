"""Linting from Python: paths or a text in, a report out."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from jitlint.cache import Cache
from jitlint.config import Settings, find_settings
from jitlint.engine import Report, Run, lint
from jitlint.files import File, discover, key_of
from jitlint.workers import Workers

__all__ = ["lint_paths", "lint_text"]


def lint_paths(paths: Iterable[str | Path], settings: Settings | None = None) -> Report:
    """Lint files and directories in this process, without a cache.

    Without `settings`, those of the nearest configuration hold. Raises `jitlint.errors.UsageError` for a
    path that does not exist and for a broken configuration.
    """
    given = [str(path) for path in paths]
    cwd = os.getcwd()  # noqa: PTH109 - keys are plain strings
    settings = settings or find_settings([Path(os.path.abspath(path)) for path in given])  # noqa: PTH100 - keeps links
    found = discover(given, settings)
    report = lint(found.files, Run(settings, Cache(), Workers(1), cwd))
    return Report(report.diagnostics, report.files, report.lines, (*found.problems, *report.problems), report.warnings)


def lint_text(text: str | bytes, path: str = "<text>", settings: Settings | None = None) -> Report:
    """Lint one program that need not be on disk; modules that it imports are looked for around `path`."""
    cwd = os.getcwd()  # noqa: PTH109 - keys are plain strings
    absolute = os.path.abspath(path)  # noqa: PTH100 - keeps links
    data = text.encode() if isinstance(text, str) else text
    settings = settings or find_settings([Path(absolute).parent])
    run = Run(settings, Cache(), Workers(1), cwd, changed={absolute: data})
    return lint([File(key_of(absolute, cwd), absolute, True)], run)
