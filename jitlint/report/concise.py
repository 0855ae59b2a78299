"""One line a finding: place, code, message, and `[*]` for what `--fix` fixes."""

from __future__ import annotations

from collections.abc import Iterator

from jitlint.diagnostic import Applicability, Diagnostic
from jitlint.report.view import View, place
from jitlint.visible import visible

__all__ = ["render"]


def render(view: View) -> Iterator[str]:
    """The lines of the report."""
    for item in view.with_refuted():
        run = f" [{visible(view.said(item))}]" if item in view.observed else ""
        if item in view.refuted:
            yield _style("2", f"{place(item.path, item.location)}: {item.code} {visible(item.message)}{run}", view)
        else:
            yield f"{_place(item, view)}: {_code(item, view)} {_fixable(item)}{visible(item.message)}{run}"


def _place(item: Diagnostic, view: View) -> str:
    return _style("1", place(item.path, item.location), view)


def _code(item: Diagnostic, view: View) -> str:
    return _style("1;31", item.code, view)


def _fixable(item: Diagnostic) -> str:
    if item.fix is None:
        return ""
    return "[*] " if item.fix.applicability is Applicability.SAFE else ""


def _style(codes: str, text: str, view: View) -> str:
    """Escape codes by hand: importing a library for this would double the time of a run."""
    return f"\033[{codes}m{text}\033[0m" if view.color else text
