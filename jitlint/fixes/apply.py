"""Applying fixes to the bytes of a document."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jitlint.diagnostic import Applicability, Diagnostic, Fix
from jitlint.fixes.render import render
from jitlint.fixes.text import Text, TextEdit
from jitlint.source import Source

__all__ = ["FixResult", "apply_fixes", "changed_lines"]

_IMPORTS = re.compile(r"\n?(?:(?:import|from)\s.*\n|\n)+(?:(?:import|from)\s.*)?")


@dataclass(frozen=True, slots=True)
class FixResult:
    """The document after a pass: its bytes, how many findings are fixed, and those that are left.

    `mended` are those that were fixed.
    """

    data: bytes
    fixed: int
    left: tuple[Diagnostic, ...]
    mended: tuple[Diagnostic, ...] = ()


def apply_fixes(source: Source, diagnostics: Iterable[Diagnostic], unsafe: bool) -> FixResult:
    """Apply the fixes that do not get in each other's way, in the order of the text, in one pass.

    Two fixes of one function were never proven together, so a second one must lie wholly outside the first
    one's lines. The others are left: lint the result and apply again, until nothing is fixed. Findings with the
    same fix are fixed by it together.
    """
    text = Text(source)
    everything = list(diagnostics)
    applied: list[list[TextEdit]] = []
    fixed: set[int] = set()
    for number, edits in sorted(_edits(text, everything, unsafe), key=lambda item: (item[1][0].start, item[0])):
        if edits in applied:
            fixed.add(number)
        elif all(_are_apart(text, edits, others) for others in applied):
            applied.append(edits)
            fixed.add(number)
    if not applied:
        return FixResult(source.data, 0, tuple(everything))
    data = render(source, dict.fromkeys(edit for edits in applied for edit in edits))
    left = tuple(item for n, item in enumerate(everything) if n not in fixed)
    return FixResult(data, len(fixed), left, tuple(everything[n] for n in sorted(fixed)))


def _edits(text: Text, diagnostics: Sequence[Diagnostic], unsafe: bool) -> Iterable[tuple[int, list[TextEdit]]]:
    for number, diagnostic in enumerate(diagnostics):
        fix = diagnostic.fix
        if fix is not None and _is_wanted(fix, unsafe):
            yield number, sorted(text.from_edit(edit) for edit in fix.edits)


def _is_wanted(fix: Fix, unsafe: bool) -> bool:
    return unsafe or fix.applicability is Applicability.SAFE


def _are_apart(text: Text, edits: Sequence[TextEdit], others: Sequence[TextEdit]) -> bool:
    """Whether all lines from the first to the last edit of one lie before or after all those of the other."""
    own, theirs = changed_lines(text, edits), changed_lines(text, others)
    return own[1] < theirs[0] or theirs[1] < own[0]


def changed_lines(text: Text, edits: Sequence[TextEdit]) -> tuple[int, int]:
    """The first and the last line of some edits; imports that they add do not count, and alone they change no line."""
    own = [edit for edit in edits if edit.start != edit.end or not _IMPORTS.fullmatch(edit.content)]
    if not own:
        return 0, -1
    return text.line_of(min(edit.start for edit in own)), text.line_of(max(edit.end for edit in own))
