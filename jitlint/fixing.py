"""Applying fixes until nothing is left to fix: each pass is linted again before the next."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from jitlint.diagnostic import Diagnostic
from jitlint.engine import Outcome, Run, lint
from jitlint.files import File
from jitlint.source import UnreadableSource, load_source
from jitlint.survey import read

__all__ = ["by_file", "fix"]

# Which of the findings to fix, given also the texts that differ from what is on disk.
Choose = Callable[[Sequence[Diagnostic], Mapping[str, bytes]], Sequence[Diagnostic]]

# Two fixes that undid each other would never end; real programs need two or three passes.
MOST_PASSES = 20


def fix(files: Sequence[File], run: Run, *, unsafe: bool, choose: Choose = lambda found, changed: found) -> Outcome:
    """Fix what can be fixed of what `choose` chooses, in memory.

    `Outcome.changed` has the new texts; nothing is written.
    """
    report = lint(files, run)
    changed: dict[str, bytes] = {}
    done = 0
    for _ in range(MOST_PASSES):
        texts = {**run.changed, **changed}
        mended, number = _pass(files, choose(report.diagnostics, texts), texts, unsafe)
        if not mended:
            break
        changed |= mended
        done += number
        report = lint(files, replace(run, changed={**run.changed, **changed}))
    return Outcome(report, changed, done, "Fixed")


def by_file(files: Sequence[File], diagnostics: Iterable[Diagnostic]) -> dict[File, list[Diagnostic]]:
    """The findings of each file that has some."""
    found: dict[str, list[Diagnostic]] = defaultdict(list)
    for item in diagnostics:
        found[item.path].append(item)
    return {file: found[file.key] for file in files if file.key in found}


def _pass(
    files: Sequence[File], found: Sequence[Diagnostic], changed: Mapping[str, bytes], unsafe: bool
) -> tuple[dict[str, bytes], int]:
    """The new texts of the files that one pass changes, and how many findings it fixes."""
    from jitlint.syntax import apply_fixes

    mended: dict[str, bytes] = {}
    number = 0
    for file, diagnostics in by_file(files, found).items():
        if not any(item.fix for item in diagnostics):
            continue
        try:
            source = load_source(file.key, read(file.path, changed))
        except (OSError, UnreadableSource):
            continue  # changed since it was linted
        result = apply_fixes(source, diagnostics, unsafe)
        if result.fixed and result.data != source.data:
            mended[file.path] = result.data
            number += result.fixed
    return mended, number
