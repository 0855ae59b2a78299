"""What an editor has open, linted: texts and notebooks as they are on the screen, not as they are on disk."""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jitlint.cache import Cache
from jitlint.config import Settings, own_plugins, parse_confidence
from jitlint.diagnostic import Diagnostic
from jitlint.engine import Run, lint
from jitlint.errors import UsageError
from jitlint.files import File, key_of
from jitlint.hierarchy import Hierarchy, with_plugins
from jitlint.plugins import plugins
from jitlint.selection import check_selector
from jitlint.workers import Workers

__all__ = ["Document", "Session", "notebook_bytes"]


@dataclass(frozen=True, slots=True)
class Document:
    """A text or notebook of the editor: its path and its bytes as they would be saved."""

    path: str
    data: bytes


class Session:
    """The linter between two changes. Surveys and results of files that did not change are remembered."""

    def __init__(self, root: str, allows_plugins: bool = False) -> None:
        self.root = root
        self.allows_plugins = allows_plugins  # also those that the linted tree names
        self.options: Mapping[str, Any] = {}
        self._caches = (Cache(), Cache())  # of results without fixes, and with them
        self._hierarchy: Hierarchy | None = None

    def reload(self, options: Mapping[str, Any] | None = None) -> None:
        """Read the configuration again at the next lint; `options` of the editor go on top of it."""
        self._hierarchy = None
        self._caches = (Cache(), Cache())
        if options is not None:
            self.options = options

    def lint(self, document: Document, others: Mapping[str, bytes], *, fixes: bool = False) -> Sequence[Diagnostic]:
        """The findings in a document; `others` are the texts of all that is open, by path.

        `fixes` are made on request: proving one takes several times as long as finding what it is for. Raises
        :class:`UsageError` for a broken configuration.
        """
        with _undisturbed():
            return lint([self.file(document)], self.run(document, others, fixes=fixes)).diagnostics

    def run(self, document: Document, others: Mapping[str, bytes], *, fixes: bool) -> Run:
        """What the linter works with for one document."""
        settings = self._settings(document.path)
        changed = {**others, document.path: document.data}
        return Run(settings, self._caches[fixes], Workers(1), self.root, changed, fixes=fixes)

    def file(self, document: Document) -> File:
        """The document as discovery would give it."""
        return File(key_of(document.path, self.root), document.path, True)

    def path_of(self, key: str) -> Path:
        """The file of evidence, which names it as it is printed."""
        return Path(os.path.join(self.root, key))  # noqa: PTH118 - an absolute key stays as it is

    def _settings(self, path: str) -> Settings:
        """What holds for a file; plugins are loaded and refused as on the command line."""
        if self._hierarchy is None:
            plugins.begin([self.root], self.allows_plugins, own_plugins())
            self._hierarchy = Hierarchy([self.root], self._override)
        plugins.distrust(path)  # before its configuration is read: it may lie outside of the workspace
        return self._hierarchy.of(path)

    def _override(self, settings: Settings) -> Settings:
        """The options of the editor: `confidence`, `select`, `extendSelect`, `ignore`."""
        confidence = self.options.get("confidence")
        return replace(
            with_plugins(settings),
            select=self._selectors("select") or settings.select,
            extend_select=(*settings.extend_select, *self._selectors("extendSelect")),
            ignore=(*settings.ignore, *self._selectors("ignore")),
            confidence=parse_confidence(str(confidence), "confidence") if confidence else settings.confidence,
        )

    def _selectors(self, name: str) -> tuple[str, ...]:
        given = self.options.get(name) or ()
        if not isinstance(given, list | tuple):
            raise UsageError(f"the editor's setting `{name}` must be a list of rules")
        return tuple(check_selector(str(word), name) for word in given)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """No garbage collection while graphs grow: they have no cycles, and looking for some takes a fifth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.unfreeze()
            gc.enable()


def notebook_bytes(cells: Sequence[tuple[bool, str]]) -> bytes:
    """A notebook file of these cells, each as (whether it is code, its text)."""
    kinds = ("markdown", "code")
    written = [{"cell_type": kinds[is_code], "metadata": {}, "source": text} for is_code, text in cells]
    return json.dumps({"cells": written, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()
