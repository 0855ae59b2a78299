"""Findings as stories: the consequence, the places it comes from in the order of the text, and the fix.

Findings whose evidence points at each other (an augmentation that is commented out, and its definition
that nothing uses) are one story with one picture.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from jitlint.diagnostic import Diagnostic, Fix, Location
from jitlint.report.edits import changes, edited
from jitlint.report.frame import Frame, Mark
from jitlint.report.style import Style
from jitlint.report.view import View, place
from jitlint.visible import visible

__all__ = ["render", "stories"]


class _Place(NamedTuple):
    """A mark and the document that it is in."""

    path: str
    cell: int | None
    mark: Mark


def render(view: View) -> Iterator[str]:
    """One piece a story, with an empty line after each."""
    style = Style(view.color, view.ascii)
    for story in stories(view.diagnostics):
        yield "\n".join(_story(story, view, style)) + "\n"
    for item in view.refuted:
        yield "\n".join(map(style.dim, _refuted(item, view))) + "\n"


def stories(diagnostics: Sequence[Diagnostic]) -> list[list[Diagnostic]]:
    """The findings in order, those together whose evidence meets."""
    found: list[list[Diagnostic]] = []
    for item in diagnostics:
        meeting = [story for story in found if any(_meet(item, other) for other in story)]
        joined = [*(other for story in meeting for other in story), item]
        at = found.index(meeting[0]) if meeting else len(found)
        rest = [story for story in found if story not in meeting]
        rest.insert(at, joined)
        found = rest
    return found


def _meet(one: Diagnostic, other: Diagnostic) -> bool:
    """Whether one is about what the other names as evidence."""
    return _names(one, other) or _names(other, one)


def _names(one: Diagnostic, other: Diagnostic) -> bool:
    steps = (step for step in one.evidence if step.path == other.path and step.location != one.location)
    return any(_overlap(step.location, other.location) for step in steps)


def _overlap(one: Location, other: Location) -> bool:
    same_cell = one.cell == other.cell
    return same_cell and (one.line, one.column) < _end(other) and (other.line, other.column) < _end(one)


def _end(location: Location) -> tuple[int, int]:
    return location.end_line, location.end_column


# ------------------------------------------------------------------------------------------------ a story


def _story(story: Sequence[Diagnostic], view: View, style: Style) -> Iterator[str]:
    for item in story:
        yield from _headline(item, view, style)
    places = _places(story)
    digits = len(str(max(spot.mark.location.end_line for spot in places)))
    for path, cell, marks in _frames(places):
        yield ""
        if (path, cell) != (story[0].path, story[0].location.cell):
            yield style.dim(place(path, marks[0].location))
        frame = Frame(view.texts.lines(path, cell), view.width, max(digits, 3), style)
        yield from frame.draw(marks)
    for item in story:
        if item.fix:
            yield from _fix(item, item.fix, view, style, max(digits, 3))


def _refuted(item: Diagnostic, view: View) -> Iterator[str]:
    """A finding that the run disproved: what was claimed, and why it does not hold."""
    yield from _headline(item, view, Style(color=False))


def _headline(item: Diagnostic, view: View, style: Style) -> Iterator[str]:
    """What happens to the training, then where and which rule says so."""
    message = visible(item.message[:1].upper() + item.message[1:])
    for line in textwrap.wrap(message + "." * (message[-1:] not in ".!?"), view.width) or [message]:
        yield style.bold(visible(line))
    sure = "" if item.confidence.label == "high" else f" · {item.confidence.label} confidence"
    yield style.path(place(item.path, item.location)) + "  " + style.code(item.code) + style.dim(f" {item.name}{sure}")
    yield from textwrap.wrap(visible(view.said(item)), view.width)


def _places(story: Sequence[Diagnostic]) -> list[_Place]:
    """Every place of the story once; what a finding is about is marked even if no evidence says so."""
    found: list[_Place] = []
    for item in story:
        for step in item.evidence:
            mark = Mark(step.location, step.role, step.message, step.location == item.location)
            found.append(_Place(step.path, step.location.cell, mark))
    for item in story:
        spots = [spot.mark.location for spot in found if spot.path == item.path]
        if not any(_overlap(item.location, spot) or item.location == spot for spot in spots):
            found.append(_Place(item.path, item.location.cell, Mark(item.location, "", "", True)))
    return list(dict.fromkeys(found))


def _frames(places: Iterable[_Place]) -> Iterator[tuple[str, int | None, list[Mark]]]:
    """One frame a document, in the order of first mention; in it, the marks in the order of the text."""
    grouped: dict[tuple[str, int | None], list[Mark]] = {}
    for spot in places:
        grouped.setdefault((spot.path, spot.cell), []).append(spot.mark)
    for (path, cell), marks in grouped.items():
        yield path, cell, sorted(marks, key=lambda mark: (mark.location, mark.role))


def _fix(item: Diagnostic, fix: Fix, view: View, style: Style, digits: int) -> Iterator[str]:
    yield ""
    yield from _fix_title(fix, view.width, style)
    for cell in dict.fromkeys(edit.location.cell for edit in fix.edits):
        before = view.texts.lines(item.path, cell)
        if not before:
            continue
        edits = [edit for edit in fix.edits if edit.location.cell == cell]
        frame = Frame(before, view.width, digits, style)
        yield from (frame.diff_line(line) for line in changes(before, edited(before, edits)))


def _fix_title(fix: Fix, width: int, style: Style) -> Iterator[str]:
    """What the fix does and how to apply it, in one line if the page is wide enough."""
    command = "(jitlint --fix)" if fix.applicability.value == "safe" else "(jitlint --fix --unsafe-fixes)"
    message = visible(fix.message[:1].lower() + fix.message[1:])
    first, *more = textwrap.wrap(message, width - len("Fix ")) or [message]
    if not more and len(f"Fix {first} {command}") <= width:
        yield f"{style.good('Fix')} {first} {style.dim(command)}"
        return
    yield f"{style.good('Fix')} {first}"
    yield from (f"    {line}" for line in more)
    yield f"    {style.dim(command)}"
