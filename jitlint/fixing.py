"""Applying fixes until nothing is left to fix: each pass is linted again before the next."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from jitlint.cache import Cache
from jitlint.diagnostic import Confidence, Diagnostic
from jitlint.engine import Outcome, Report, Run, lint
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
    report = before = lint(files, run)
    changed: dict[str, bytes] = {}
    done = 0
    leaves: dict[tuple[str, str], str] = {}
    for _ in range(MOST_PASSES):
        texts = {**run.changed, **changed}
        mended, fixed = _pass(files, choose(report.diagnostics, texts), texts, unsafe)
        if not mended:
            break
        changed |= mended
        done += len(fixed)
        leaves |= {(item.path, item.code): item.fix.leaves for item in fixed if item.fix}  # the last one tells
        report = lint(files, replace(run, changed={**run.changed, **changed}))
    half = _half_fixed(files, before, run, changed)
    report = replace(report, diagnostics=tuple(sorted((*report.diagnostics, *half), key=lambda item: item.sort_key)))
    said = tuple(f"{path}: {sentence}" for (path, _), sentence in leaves.items() if sentence)
    return Outcome(report, changed, done, "Fixed", left=half, leaves=said)


def _half_fixed(
    files: Sequence[File], before: Report, run: Run, changed: Mapping[str, bytes]
) -> tuple[Diagnostic, ...]:
    """What of the fixed findings is still doubted: findings of the same rules, too doubtful to be shown by themselves.

    A seed that is moved out of the inner loop may still stand in the outer one. A run that shows nothing of it would
    call the file clean.
    """
    least = run.settings.least_confidence
    if not changed or least is Confidence.LOW:
        return ()
    mended = [file for file in files if file.path in changed]
    doubtful = replace(run, settings=replace(run.settings, confidence=Confidence.LOW), cache=Cache(), fixes=False)
    known = Counter(map(_likeness, lint(mended, doubtful).diagnostics))
    found = lint(mended, replace(doubtful, changed={**run.changed, **changed})).diagnostics
    fixed = {(item.path, item.code) for item in before.diagnostics}
    return tuple(item for item in _new(found, known) if item.confidence < least and (item.path, item.code) in fixed)


def _new(found: Iterable[Diagnostic], known: Counter[tuple[object, ...]]) -> Iterator[Diagnostic]:
    for item in found:
        known[_likeness(item)] -= 1
        if known[_likeness(item)] < 0:
            yield item


def _likeness(item: Diagnostic) -> tuple[object, ...]:
    return item.path, item.code, re.sub(r"\d+", "#", item.message), item.confidence


def by_file(files: Sequence[File], diagnostics: Iterable[Diagnostic]) -> dict[File, list[Diagnostic]]:
    """The findings of each file that has some."""
    found: dict[str, list[Diagnostic]] = defaultdict(list)
    for item in diagnostics:
        found[item.path].append(item)
    return {file: found[file.key] for file in files if file.key in found}


def _pass(
    files: Sequence[File], found: Sequence[Diagnostic], changed: Mapping[str, bytes], unsafe: bool
) -> tuple[dict[str, bytes], list[Diagnostic]]:
    """The new texts of the files that one pass changes, and the findings that it fixes."""
    from jitlint.fixes.apply import apply_fixes

    mended: dict[str, bytes] = {}
    fixed: list[Diagnostic] = []
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
            fixed += result.mended
    return mended, fixed
