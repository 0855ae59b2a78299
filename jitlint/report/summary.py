"""The closing lines: what was read, what was found, what can be fixed, and where to go from here."""

from __future__ import annotations

from collections.abc import Sequence

from jitlint.diagnostic import Applicability, Diagnostic
from jitlint.engine import Outcome, Report

__all__ = ["count", "diff_summary", "summary"]


_LISTED = 5  # dead entries of a baseline that are named


def count(number: int, noun: str) -> str:
    """`1 file`, `3,410 lines`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def summary(outcome: Outcome) -> list[str]:
    """The result, then hints. Clean is said only of what was read, and only if all of it could be."""
    return [_result(outcome), *_hints(outcome.report)]


def diff_summary(outcome: Outcome) -> str:
    """What `--diff` would have changed, and what it would have left."""
    left = len(outcome.report.diagnostics)
    if not outcome.changed:
        return f"Nothing to fix; {count(left, 'finding')} left." if left else "Nothing to fix."
    fixed = f"Would fix {count(outcome.done, 'finding')} in {count(len(outcome.changed), 'file')}"
    return f"{fixed}; {count(left, 'finding')} would be left." if left else f"{fixed}; none would be left."


def _result(outcome: Outcome) -> str:
    report = outcome.report
    scope = f"{count(report.files, 'file')} read, {count(report.lines, 'line')}"
    done = f"{outcome.verb} {count(outcome.done, 'finding')}. " if outcome.done else ""
    done = f"{done}{outcome.note} " if outcome.note else done
    known = _baseline(outcome)
    if report.diagnostics:
        number = count(len(report.diagnostics), "finding")
        found = f"{number} left" if outcome.done else f"Found {number}"
        half = f" Not everything is fixed: {'; '.join(outcome.leaves)}." if outcome.leaves else ""
        return f"{done}{found} ({scope}).{_fixable(report.diagnostics)}{half}{known}"
    if outcome.leaves:
        return f"{done}Not everything is fixed ({scope}): {'; '.join(outcome.leaves)}.{known}"
    if report.problems:
        return f"{done}Nothing found in what could be read: {scope}.{known}"
    if not report.files:
        return "Nothing to lint: no Python file or notebook was found."
    return f"{done}{'Nothing new' if outcome.known else 'All clear'}: {scope}.{known}"


def _baseline(outcome: Outcome) -> str:
    known = f" {count(outcome.known, 'finding')} of the baseline not shown." if outcome.known else ""
    if not outcome.dead:
        return known
    shown = ", ".join(outcome.dead[:_LISTED]) + (", …" if len(outcome.dead) > _LISTED else "")
    if len(outcome.dead) == 1:
        return f"{known} Removed 1 baseline entry that no longer matches anything: {shown}."
    return f"{known} Removed {len(outcome.dead):,} baseline entries that no longer match anything: {shown}."


def _hints(report: Report) -> list[str]:
    """What was held back, and what can decide where the source cannot."""
    if report.held:
        what = count(report.held, "low-confidence finding" if not report.diagnostics else "less certain finding")
        are, them = ("is", "it") if report.held == 1 else ("are", "them")
        return [f"{what} {are} not shown; `--confidence low` shows {them}."]
    if report.undecided and not report.diagnostics and not report.problems:
        return [_undecided(report.undecided)]
    return []


def _undecided(scripts: Sequence[str]) -> str:
    what = scripts[0] if len(scripts) == 1 else f"the {len(scripts):,} files that train or load data"
    example = scripts[0] if len(scripts) == 1 else "SCRIPT"
    return (
        f"No random draw was found in {what}. What a library or a configuration draws, only a run shows: "
        f"`python -m runtime_probe {example}` watches one."
    )


def _fixable(diagnostics: tuple[Diagnostic, ...]) -> str:
    fixes = [item.fix.applicability for item in diagnostics if item.fix]
    safe, unsafe = fixes.count(Applicability.SAFE), fixes.count(Applicability.UNSAFE)
    if safe and unsafe:
        return f" {safe:,} fixable with `--fix`, {unsafe:,} more with `--fix --unsafe-fixes`."
    option = "--fix" if safe else "--fix --unsafe-fixes"
    number = safe or unsafe
    if not number:
        return ""
    if number < len(diagnostics):
        return f" {number:,} fixable with `{option}`."
    return f" {'All are fixable' if number > 1 else 'Fixable'} with `{option}`."
