"""The last line: what was read, what was found, what can be mended."""

from __future__ import annotations

from jitlint.diagnostic import Applicability, Diagnostic
from jitlint.engine import Report

__all__ = ["count", "summary"]


def count(number: int, noun: str) -> str:
    """`1 file`, `3,410 lines`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def summary(report: Report, *, fixed: int = 0, known: int = 0) -> str:
    """One line. Clean is said only of what was read, and only if all of it could be."""
    scope = f"{count(report.files, 'file')} read, {count(report.lines, 'line')}"
    before = f"Fixed {count(fixed, 'finding')}. " if fixed else ""
    after = f" {count(known, 'finding')} of the baseline not shown." if known else ""
    if report.diagnostics:
        return f"{before}{_found(report, left=bool(fixed))} ({scope}).{_fixable(report.diagnostics)}{after}"
    if report.problems:
        return f"{before}Nothing found in what could be read: {scope}.{after}"
    if not report.files:
        return "Nothing to lint: no Python file or notebook was found."
    clear = "Nothing new" if known else "All clear"
    return f"{before}{clear}: {scope}.{after}"


def _found(report: Report, *, left: bool) -> str:
    number = count(len(report.diagnostics), "finding")
    return f"{number} left" if left else f"Found {number}"


def _fixable(diagnostics: tuple[Diagnostic, ...]) -> str:
    fixes = [item.fix.applicability for item in diagnostics if item.fix]
    safe, unsafe = fixes.count(Applicability.SAFE), fixes.count(Applicability.UNSAFE)
    if safe and unsafe:
        return f" `--fix` mends {safe}, `--fix --unsafe-fixes` {unsafe} more."
    if safe:
        return f" `--fix` mends {safe if safe < len(diagnostics) else 'all' if safe > 1 else 'it'}."
    return f" `--fix --unsafe-fixes` mends {unsafe}." if unsafe else ""
