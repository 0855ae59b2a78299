"""The reporters, one file a format. Each has `render(view)`, which yields the report in pieces of whole lines."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

from jitlint.report.view import Texts, View, place

__all__ = ["Texts", "View", "place", "render"]

_MODULES = {"json": "json_"}


def render(format_name: str, view: View) -> Iterator[str]:
    """The report in one format; each format is imported only when it is asked for."""
    module = importlib.import_module(f"{__name__}.{_MODULES.get(format_name, format_name)}")
    pieces: Iterator[str] = module.render(view)
    return pieces
