"""Which settings hold where: those of the nearest configuration above each file, whatever else is linted with it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from jitlint.config import NAMES, Settings, find_settings, settings_in
from jitlint.files import File
from jitlint.plugins import plugins

__all__ = ["Hierarchy", "with_plugins"]


def with_plugins(settings: Settings) -> Settings:
    """The settings with all plugins that this process has loaded."""
    return replace(settings, plugins=tuple(dict.fromkeys((*settings.plugins, *plugins.loaded.values()))))


class Hierarchy:
    """The settings of a directory, found once.

    `override` puts the command line on top. Without `read` no configuration file counts; with `fixed`, these settings
    hold everywhere. Files that no configuration is above share the defaults, at the root of the project around `paths`.
    """

    def __init__(
        self,
        paths: Iterable[str],
        override: Callable[[Settings], Settings] = lambda settings: settings,
        *,
        read: bool = True,
        fixed: Settings | None = None,
    ) -> None:
        self.paths = [Path(os.path.abspath(path)) for path in paths]  # noqa: PTH100 - keeps links
        self.override = override
        self.read = read
        self.fixed = fixed and override(fixed)
        self._default: Settings | None = None
        self._known: dict[str, Settings] = {}

    def at(self, directory: str) -> Settings:
        """The settings that hold in a directory; raises :class:`UsageError` for a broken configuration."""
        if self.fixed is not None:
            return self.fixed
        passed = []
        while directory not in self._known:
            passed.append(directory)
            own = self._own(directory)
            parent = os.path.dirname(directory)  # noqa: PTH120 - plain strings, for speed
            if own is not None or parent == directory:
                self._known[directory] = own or self._defaults()
            else:
                directory = parent
        found = self._known[directory]
        self._known.update(dict.fromkeys(passed, found))
        return found

    def of(self, path: str) -> Settings:
        """The settings that hold for a file."""
        return self.at(os.path.dirname(path))  # noqa: PTH120

    def of_path(self, path: str) -> Settings:
        """The settings that hold for a file, or in a directory, of the command line."""
        absolute = os.path.abspath(path)  # noqa: PTH100
        return self.at(absolute) if os.path.isdir(absolute) else self.of(absolute)  # noqa: PTH112

    def groups(self, files: Sequence[File]) -> list[tuple[Settings, tuple[File, ...]]]:
        """The files by the settings that hold for them; one group, of the defaults, if there are no files."""
        found: dict[int, tuple[Settings, list[File]]] = {}
        for file in files:
            settings = self.of(file.path)
            found.setdefault(id(settings), (settings, []))[1].append(file)
        return [(settings, tuple(group)) for settings, group in found.values()] or [(self.nearest(), ())]

    def nearest(self) -> Settings:
        """The settings that hold for the first path."""
        return self.of_path(str(self.paths[0] if self.paths else Path.cwd()))

    def _own(self, directory: str) -> Settings | None:
        """The settings that are written in this very directory."""
        if not self.read or not any(map(os.path.isfile, (os.path.join(directory, name) for name in NAMES))):  # noqa: PTH118
            return None
        found = settings_in(Path(directory))
        return self.override(found) if found is not None else None

    def _defaults(self) -> Settings:
        if self._default is None:
            self._default = self.override(find_settings(self.paths, read=False))
        return self._default
