"""One self-contained page: findings by family, their evidence joined by a path, the fixes, and a filter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files
from typing import NamedTuple

from jitlint import __version__
from jitlint.diagnostic import Diagnostic, Evidence, Fix, Location
from jitlint.report.edits import changes, edited
from jitlint.report.records import rule_url
from jitlint.report.view import View, place
from jitlint.visible import visible

__all__ = ["render"]

_FAMILIES = {
    "1": ("stale", "drawn once, used many times"),
    "2": ("absent", "never applied"),
    "3": ("repeated", "drawn again, but the same numbers"),
    "4": ("misplaced", "applied where it should not be"),
    "0": ("the run", "what could not be read, and suppressions without effect"),
}
_NEAR = 2  # so few lines between two marked ones are shown rather than left out
_ROLES = ("draw", "loop", "consumer")  # the other roles share a colour


class _Mark(NamedTuple):
    """A place in a frame: its number in the story (0: none), what it is called and what is said of it."""

    number: int
    role: str
    message: str
    location: Location
    is_primary: bool


def render(view: View) -> Iterator[str]:
    """The page in pieces of whole lines."""
    yield _HEAD.format(version=_text(__version__), style=_resource("page.css"))
    yield _bar(view)
    for digit, (name, question) in _FAMILIES.items():
        found = [item for item in view.with_refuted() if _family(item) == digit]
        if found:
            yield f'<section data-family="{digit}"><h2>{name.capitalize()} <small>{question}</small></h2>'
            for item in found:
                yield _finding(item, view)
            yield "</section>"
    if not view.diagnostics and not view.refuted:
        yield '<p class="empty">No findings.</p>'
    script = _resource("page.js")
    yield f'<p class="empty" id="none" hidden>Nothing matches.</p></main>\n<script>\n{script}</script>\n</html>'


_HEAD = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="jitlint {version}">
<title>jitlint report</title>
<link rel="icon" href="data:,">
<style>
{style}</style>
<main>"""


def _resource(name: str) -> str:
    return files("jitlint.report").joinpath(name).read_text(encoding="utf-8")


def _bar(view: View) -> str:
    """The headline, a button a family, and the filter."""
    diagnostics = view.diagnostics
    paths = len({item.path for item in diagnostics})
    counted = f"{_count(len(diagnostics), 'finding')} in {_count(paths, 'file')}" if diagnostics else "no findings"
    counted += f", {len(view.refuted):,} refuted by the run" if view.refuted else ""
    buttons = []
    for digit, (name, _) in _FAMILIES.items():
        number = sum(_family(item) == digit for item in diagnostics)
        if number or any(_family(item) == digit for item in view.refuted):
            buttons.append(f'<button class="family" aria-pressed="true" value="{digit}">{name} {number:,}</button>')
    return (
        f'<header><h1>jitlint</h1><p id="counted">{counted}</p>'
        '<button id="theme" title="switch between dark and light">◐</button>'
        f'<nav>{"".join(buttons)}<input id="filter" type="search" placeholder="filter: code, path, word" '
        'aria-label="filter the findings"></nav></header>'
    )


def _finding(item: Diagnostic, view: View) -> str:
    message = item.message[:1].upper() + item.message[1:]
    where = f'<span class="path">{_text(place(item.path, item.location))}</span>'
    rule = f'<a href="{_text(rule_url(item.code))}">{_text(item.code)} {_text(item.name)}</a>'
    frames = "".join(_frame(path, cell, marks, item, view) for path, cell, marks in _frames(item))
    fix = _fix(item, item.fix, view) if item.fix and item not in view.refuted else ""
    sure = f'<span class="sure">{item.confidence.label} confidence</span>'
    kind = ' class="refuted"' if item in view.refuted else ""
    head = f"<h3>{_prose(message)}</h3>\n<p>{where} {rule} {sure}</p>\n{_run(item, view)}"
    return f"<article{kind}>\n{head}{frames}{fix}</article>"


def _run(item: Diagnostic, view: View) -> str:
    """What a run says of the finding, with the status as a badge."""
    seen = view.observed.get(item)
    if seen is None:
        return ""
    kind = seen.status.value.replace(" ", "-")
    return f'<p class="run"><b class="{kind}">{seen.status.value}</b> by the run: {_text(seen.because)}</p>\n'


def _frames(item: Diagnostic) -> Iterator[tuple[str, int | None, list[_Mark]]]:
    """The marks of each document, in the order in which the story comes to it."""
    by_document: dict[tuple[str, int | None], list[_Mark]] = {}
    for number, step in enumerate(item.evidence, start=1):
        by_document.setdefault((step.path, step.location.cell), []).append(_mark(number, step, item))
    own = by_document.setdefault((item.path, item.location.cell), [])
    if not any(mark.location.line == item.location.line for mark in own):
        own.append(_Mark(0, "", "", item.location, True))
    for (path, cell), marks in by_document.items():
        yield path, cell, marks


def _mark(number: int, step: Evidence, item: Diagnostic) -> _Mark:
    is_primary = step.location == item.location and step.path == item.path
    return _Mark(number, step.role, step.message, step.location, is_primary)


# ----------------------------------------------------------------------------------------------- frames


def _frame(path: str, cell: int | None, marks: Sequence[_Mark], item: Diagnostic, view: View) -> str:
    lines = view.texts.lines(path, cell)
    by_line: dict[int, list[_Mark]] = {}
    for mark in marks:
        by_line.setdefault(mark.location.line, []).append(mark)
    rows = []
    previous = 0
    for number in sorted(by_line):
        rows += _between(lines, previous, number)
        rows.append(_row(number, _marked(_line(lines, number), number, by_line[number])))
        rows += [_note(mark) for mark in by_line[number] if mark.message]
        previous = number
    title = (
        ""
        if (path, cell) == (item.path, item.location.cell)
        else f"<figcaption>{_text(_name(path, cell))}</figcaption>"
    )
    return f'<figure>{title}<div class="code">{"".join(rows)}</div></figure>\n'


def _name(path: str, cell: int | None) -> str:
    return path if cell is None else f"{path}, cell {cell}"


def _between(lines: Sequence[str], previous: int, number: int) -> list[str]:
    if not previous:
        return []
    if number - previous - 1 > _NEAR:
        return ['<div class="gap">⋮</div>']
    return [_row(at, _text(_line(lines, at))) for at in range(previous + 1, number)]


def _line(lines: Sequence[str], number: int) -> str:
    return lines[number - 1] if 0 < number <= len(lines) else ""


def _row(number: int, code: str) -> str:
    return f'<div class="row"><span class="no">{number}</span><code>{code or " "}</code></div>'


def _note(mark: _Mark) -> str:
    said = f"<b>{_text(mark.role)}</b> {_prose(mark.message)}"
    return f'<div class="note {_class(mark.role)}"><i>{mark.number}</i>{said}</div>'


def _marked(text: str, number: int, marks: Sequence[_Mark]) -> str:
    """A line as HTML; where two marks overlap, the later one's colour holds."""
    owner: list[_Mark | None] = [None] * len(text)
    for mark in marks:
        at = mark.location
        end = at.end_column - 1 if at.end_line == number else len(text)
        for column in range(max(at.column - 1, 0), min(end, len(text))):
            owner[column] = mark
    pieces = []
    start = 0
    for column in range(1, len(text) + 1):
        if column == len(text) or owner[column] is not owner[start]:
            pieces.append(_piece(text[start:column], owner[start]))
            start = column
    return "".join(pieces)


def _piece(text: str, mark: _Mark | None) -> str:
    if mark is None:
        return _text(text)
    strong = " primary" if mark.is_primary else ""
    return f'<mark class="{_class(mark.role)}{strong}" data-step="{mark.number}">{_text(text)}</mark>'


def _class(role: str) -> str:
    return role if role in _ROLES else "other"


# --------------------------------------------------------------------------------------------- the fix


def _fix(item: Diagnostic, fix: Fix, view: View) -> str:
    option = "--fix" if fix.applicability.value == "safe" else "--fix --unsafe-fixes"
    rows = []
    for cell in dict.fromkeys(edit.location.cell for edit in fix.edits):
        before = view.texts.lines(item.path, cell)
        after = edited(before, [edit for edit in fix.edits if edit.location.cell == cell]) if before else []
        for line in changes(before, after, context=2):
            if line.sign == "…":
                rows.append('<div class="gap">⋮</div>')
                continue
            kind = {"+": "added", "-": "removed"}.get(line.sign, "")
            rows.append(
                f'<div class="row {kind}"><span class="no">{line.number}</span>'
                f"<code>{_text(line.sign)} {_text(line.text)}</code></div>"
            )
    summary = f"Fix: {_prose(fix.message[:1].lower() + fix.message[1:])} <kbd>jitlint {option}</kbd>"
    return f'<details><summary>{summary}</summary><div class="code">{"".join(rows)}</div></details>\n'


# ------------------------------------------------------------------------------------------------ text


def _text(text: str) -> str:
    """Escaped, with characters that cannot be seen as in Python, and without what a build server takes for a command.

    Character by character, for a piece of a line may begin with `::` and still be no command.
    """
    shown = text if text.isprintable() else "".join(visible(item, "\t") for item in text)
    return escape(shown).replace("##", "#&#35;")


def _prose(text: str) -> str:
    """A sentence in which code stands between backticks."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", _text(text))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _family(item: Diagnostic) -> str:
    return item.code[3:4] if item.code[3:4] in _FAMILIES else "0"
