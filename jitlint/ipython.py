"""`%load_ext jitlint`: after each cell, the findings in the cells that ran so far, below the cell.

`%jitlint off` pauses it, `%jitlint on` goes on, `%jitlint` lints now. Cells are read, never run, by the linter.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from html import escape
from typing import Any

from jitlint.api import lint_text
from jitlint.diagnostic import Diagnostic, Location
from jitlint.errors import UsageError
from jitlint.report.records import rule_url

__all__ = ["Findings", "load_ipython_extension", "unload_ipython_extension"]

_STATES: dict[int, _CellLinter] = {}


class Findings:
    """Findings as a notebook and a terminal show them."""

    def __init__(self, items: Sequence[Diagnostic], cells: Sequence[str]) -> None:
        self.items = items
        self.cells = cells

    def __repr__(self) -> str:
        return "\n".join(f"{_place(item)}: {item.code} {item.message}" for item in self.items) or "jitlint: all clear"

    def _repr_html_(self) -> str:
        if not self.items:
            return "<p>jitlint: all clear</p>"
        return "".join(self._story(item) for item in self.items)

    def _story(self, item: Diagnostic) -> str:
        steps = "".join(
            f"<tr><td style='text-align:right'>{escape(step.role)}</td>"
            f"<td style='text-align:left'>In [{step.location.cell}] line {step.location.line}</td>"
            f"<td style='text-align:left'><code>{escape(self._line(step.location))}</code></td>"
            f"<td style='text-align:left'>{escape(step.message)}</td></tr>"
            for step in item.evidence
        )
        message = escape(item.message[:1].upper() + item.message[1:])
        return (
            "<div style='border-left:4px solid #c98500;padding:.3em .8em;margin:.4em 0'>"
            f"<b>{message}</b><br>{_place(item)} "
            f"<a href='{rule_url(item.code)}' target='_blank'>{item.code} {escape(item.name)}</a>"
            f"<table>{steps}</table></div>"
        )

    def _line(self, at: Location) -> str:
        lines = self.cells[at.cell - 1].split("\n") if at.cell and at.cell <= len(self.cells) else []
        return lines[at.line - 1].strip() if 0 < at.line <= len(lines) else ""


class _CellLinter:
    """Lints after each cell, and shows what it has not shown yet."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.is_on = True
        self.shown: set[tuple[str, str, str]] = set()

    def findings(self) -> Findings:
        """What is in the cells that ran so far, each by its number of execution."""
        cells = [str(text) for text in self.shell.user_ns.get("In", [])][1:]
        path = os.path.join(os.getcwd(), "notebook.ipynb")  # noqa: PTH109, PTH118 - a name in this folder
        return Findings(lint_text(_notebook(cells), path).diagnostics, cells)

    def after_cell(self, result: object) -> None:
        """Called by IPython; an error here must never come between a person and the notebook."""
        if not self.is_on:
            return
        try:
            found = self.findings()
        except UsageError as error:
            print(f"jitlint: {error}")
            return
        new = [item for item in found.items if item.code != "JIT000" and self._key(item, found) not in self.shown]
        self.shown |= {self._key(item, found) for item in new}
        if new:
            from IPython.display import display  # type: ignore[import-not-found,unused-ignore]

            display(Findings(new, found.cells))  # type: ignore[no-untyped-call,unused-ignore]

    def magic(self, line: str) -> Findings | None:
        """`%jitlint`, `%jitlint on`, `%jitlint off`."""
        word = line.strip()
        if word in ("on", "off"):
            self.is_on = word == "on"
            return None
        if word:
            print("%jitlint takes nothing, on or off")
            return None
        return self.findings()

    def _key(self, item: Diagnostic, found: Findings) -> tuple[str, str, str]:
        """The same statement in a cell that ran again is the same finding."""
        return item.code, item.message, found._line(item.location)


def load_ipython_extension(shell: Any) -> None:
    """Called by `%load_ext jitlint`."""
    state = _STATES.setdefault(id(shell), _CellLinter(shell))
    shell.events.register("post_run_cell", state.after_cell)
    shell.register_magic_function(state.magic, "line", "jitlint")


def unload_ipython_extension(shell: Any) -> None:
    """Called by `%unload_ext jitlint`."""
    state = _STATES.pop(id(shell), None)
    if state is not None:
        shell.events.unregister("post_run_cell", state.after_cell)


def _place(item: Diagnostic) -> str:
    return f"In [{item.location.cell}] line {item.location.line}"


def _notebook(cells: Sequence[str]) -> bytes:
    import json

    written = [{"cell_type": "code", "metadata": {}, "source": text} for text in cells]
    return json.dumps({"cells": written, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()
