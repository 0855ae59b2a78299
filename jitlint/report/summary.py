"""The last line: what was read, what was found, what can be mended."""

from __future__ import annotations

from jitlint.diagnostic import Applicability, Diagnostic
from jitlint.engine import Outcome

__all__ = ["count", "diff_summary", "summary"]


def count(number: int, noun: str) -> str:
    """`1 file`, `3,410 lines`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def summary(outcome: Outcome) -> str:
    """One line. Clean is said only of what was read, and only if all of it could be."""
    report = outcome.report
    scope = f"{count(report.files, 'file')} read, {count(report.lines, 'line')}"
    done = f"{outcome.note} " if outcome.note else ""
    known = f" {count(outcome.known, 'finding')} of the baseline not shown." if outcome.known else ""
    if report.diagnostics:
        number = count(len(report.diagnostics), "finding")
        found = f"{number} left" if outcome.done else f"Found {number}"
        half = f" Not all is mended: {'; '.join(outcome.leaves)}." if outcome.leaves else ""
        return f"{done}{found} ({scope}).{_fixable(report.diagnostics)}{half}{known}"
    if outcome.leaves:
        return f"{done}Not all is mended ({scope}): {'; '.join(outcome.leaves)}.{known}"
    if report.problems:
        return f"{done}Nothing found in what could be read: {scope}.{known}"
    if not report.files:
        return "Nothing to lint: no Python file or notebook was found."
    return f"{done}{'Nothing new' if outcome.known else 'All clear'}: {scope}.{known}"


def diff_summary(outcome: Outcome) -> str:
    """What `--diff` would have changed."""
    if not outcome.changed:
        return "Nothing to fix."
    return f"Would fix {count(outcome.done, 'finding')} in {count(len(outcome.changed), 'file')}."


def _fixable(diagnostics: tuple[Diagnostic, ...]) -> str:
    fixes = [item.fix.applicability for item in diagnostics if item.fix]
    safe, unsafe = fixes.count(Applicability.SAFE), fixes.count(Applicability.UNSAFE)
    if safe and unsafe:
        return f" `--fix` mends {safe}, `--fix --unsafe-fixes` {unsafe} more."
    if safe:
        return f" `--fix` mends {safe if safe < len(diagnostics) else 'all' if safe > 1 else 'it'}."
    return f" `--fix --unsafe-fixes` mends {unsafe}." if unsafe else ""
