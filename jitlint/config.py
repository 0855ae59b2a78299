"""Settings: `[tool.jitlint]` of the nearest `pyproject.toml`, or `jitlint.toml`, then the command line.

A file may name another one to `extend`: what it says itself holds, the rest comes from there, with patterns
relative to the file that extends.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jitlint.diagnostic import Confidence
from jitlint.errors import UsageError, nearest
from jitlint.project_root import is_project

if TYPE_CHECKING:
    from jitlint.plugins import Plugin

__all__ = [
    "KEYS",
    "NAMES",
    "Settings",
    "cache_directory",
    "find_settings",
    "own_plugins",
    "parse_confidence",
    "read_settings",
    "settings_in",
]

NAMES = ("jitlint.toml", "pyproject.toml")
_TORCH_VERSION = re.compile(r"\d+(\.\d+)*\Z")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run is told. Paths in patterns are relative to `root`, the directory of the configuration.

    `extend_exclude` adds to `exclude`, also to that of a configuration that is extended. `select` None means the
    rules that are on by default; `confidence` None means medium, or every one where `select` has `ALL`.
    `augmentations`, `not_augmentations`, `batch_loops` and `step_functions` hold qualified names of the project's own
    functions and classes, or their last part. `plugins` are the modules of users' rules that were loaded.
    """

    select: tuple[str, ...] | None = None
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    exclude: tuple[str, ...] = ()
    extend_exclude: tuple[str, ...] = ()
    respect_gitignore: bool = True
    confidence: Confidence | None = None
    augmentations: tuple[str, ...] = ()
    not_augmentations: tuple[str, ...] = ()
    batch_loops: tuple[str, ...] = ()
    step_functions: tuple[str, ...] = ()
    torch_version: str | None = None
    plugins: tuple[Plugin, ...] = ()
    root: Path = Path()
    origin: Path | None = None

    @property
    def excluded(self) -> tuple[str, ...]:
        """All patterns of files to leave out."""
        return (*self.exclude, *self.extend_exclude)

    @property
    def least_confidence(self) -> Confidence:
        """The lowest confidence that is reported."""
        if self.confidence is not None:
            return self.confidence
        return Confidence.LOW if "ALL" in (self.select or ()) else Confidence.MEDIUM


def find_settings(paths: list[Path], *, read: bool = True) -> Settings:
    """The settings that hold for `paths`: those nearest above the directory that contains all of them.

    Without `read`, the defaults, at the root of the project.
    """
    start = _common_directory(paths)
    for directory in (start, *start.parents):
        settings = settings_in(directory) if read else None
        if settings is not None:
            return settings
    return Settings(root=_project_root(start))


def read_settings(file: Path) -> Settings:
    """The settings in one file, whichever its name; raises :class:`UsageError`."""
    return _from_table(_table_in(file), file)


def own_plugins() -> dict[Path, tuple[str, ...]]:
    """The plugins that the user's own `jitlint.toml` names, which lies in the configuration directory."""
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")  # noqa: PTH111 - `~` may be unknown
    file = Path(base) / "jitlint" / "jitlint.toml"
    return {file: _names(_load_toml(file).get("plugins", []), f"{file}: `plugins`")} if file.is_file() else {}


def cache_directory(settings: Settings, cwd: Path) -> Path:
    """Where the cache goes: to the project's root if something marks one, else to the current directory."""
    return settings.root if settings.origin is not None or is_project(settings.root) else cwd


def parse_confidence(word: str, where: str) -> Confidence:
    """`low`, `medium` or `high`."""
    labels = {item.label: item for item in Confidence}
    if word.lower() not in labels:
        raise UsageError(f'{where}: invalid confidence "{word}"; choose low, medium or high')
    return labels[word.lower()]


# ------------------------------------------------------------------------------------------------ places


def _common_directory(paths: list[Path]) -> Path:
    common = Path(os.path.commonpath(paths)) if _have_common(paths) else Path.cwd()
    return common if common.is_dir() else common.parent


def _have_common(paths: list[Path]) -> bool:
    return bool(paths) and len({path.anchor for path in paths}) == 1


def settings_in(directory: Path) -> Settings | None:
    """The settings that a directory's own file has, if it has one; raises :class:`UsageError`."""
    own, shared = (directory / name for name in NAMES)
    if own.is_file():
        return read_settings(own)
    if not shared.is_file() or not _mentions_jitlint(shared):
        return None
    tables = _load_toml(shared).get("tool", {})
    return _from_table(tables["jitlint"], shared) if "jitlint" in tables else None


def _mentions_jitlint(file: Path) -> bool:
    """Parsing TOML costs more than linting a small file, so a look at the bytes comes first."""
    try:
        return b"jitlint" in file.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from None


def _project_root(start: Path) -> Path:
    for directory in (start, *start.parents):
        if is_project(directory):
            return directory
    return start


# --------------------------------------------------------------------------------------------- the table


def _load_toml(file: Path) -> dict[str, Any]:
    try:
        import tomllib
    except ModuleNotFoundError:  # Python 3.10
        import tomli as tomllib  # type: ignore[no-redef,import-not-found,unused-ignore]
    try:
        with file.open("rb") as stream:
            return tomllib.load(stream)
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: invalid TOML: {error}") from None


def _table_in(file: Path) -> Mapping[str, Any]:
    """What a file says of jitlint: all of it, or one table of `pyproject.toml`."""
    table: Any = _load_toml(file)
    if file.name == "pyproject.toml":
        tools = table.get("tool", {})
        table = tools.get("jitlint", {}) if isinstance(tools, dict) else {}
    if not isinstance(table, Mapping):
        raise UsageError(f"{file}: `tool.jitlint` must be a table")
    return table


def _from_table(table: Mapping[str, Any], file: Path, above: tuple[Path, ...] = ()) -> Settings:
    """The settings of a table in `file`; `above` are the files that extend it, for they must not go in circles."""
    if not isinstance(table, Mapping):
        raise UsageError(f"{file}: `tool.jitlint` must be a table")
    values = dict(_parsed(table, file))
    base = Settings()
    if "extend" in values:
        base = _extended(values.pop("extend"), file, (*above, file))
        values["extend_exclude"] = (*base.extend_exclude, *values.get("extend_exclude", ()))
    return replace(base, root=file.parent, origin=file, **values)


def _extended(name: str, file: Path, above: tuple[Path, ...]) -> Settings:
    """The settings of the file that `file` extends; `name` is relative to it."""
    other = Path(os.path.normpath(file.parent / Path(name).expanduser()))
    if other in above:
        raise UsageError(f"{file}: `extend` goes in a circle: {' -> '.join(map(str, (*above, other)))}")
    return _from_table(_table_in(other), other, above)


def _parsed(table: Mapping[str, Any], file: Path) -> Iterator[tuple[str, Any]]:
    if "plugins" in table:  # first, for other keys may name their rules
        from jitlint.plugins import plugins

        plugins.name(_names(table["plugins"], f"{file}: `plugins`"), file)
    for key, value in table.items():
        if key == "plugins":
            continue
        if key not in _PARSERS:
            raise UsageError(f"{file}: unknown key `{key}`{nearest(key, KEYS)}")
        yield key.replace("-", "_"), _PARSERS[key](value, f"{file}: `{key}`")


def _names(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise UsageError(f"{where} must be a list of strings")
    return tuple(value)


def _selectors(value: Any, where: str) -> tuple[str, ...]:
    from jitlint.selection import check_selector

    return tuple(check_selector(item, where) for item in _names(value, where))


def _per_file(value: Any, where: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if not isinstance(value, Mapping):
        raise UsageError(f"{where} must be a table of patterns, each with a list of codes")
    return tuple((pattern, _selectors(codes, f"{where}: `{pattern}`")) for pattern, codes in value.items())


def _file(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise UsageError(f"{where} must be the path of a configuration file")
    return value


def _flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"{where} must be true or false")
    return value


def _confidence(value: Any, where: str) -> Confidence:
    if not isinstance(value, str):
        raise UsageError(f"{where} must be low, medium or high")
    return parse_confidence(value, where)


def _version(value: Any, where: str) -> str:
    if not isinstance(value, str) or not _TORCH_VERSION.match(value):
        raise UsageError(f'{where} must be a version such as "2.4"')
    return value


_PARSERS: Mapping[str, Callable[[Any, str], Any]] = {
    "extend": _file,
    "select": _selectors,
    "extend-select": _selectors,
    "ignore": _selectors,
    "per-file-ignores": _per_file,
    "exclude": _names,
    "extend-exclude": _names,
    "respect-gitignore": _flag,
    "confidence": _confidence,
    "augmentations": _names,
    "not-augmentations": _names,
    "batch-loops": _names,
    "step-functions": _names,
    "torch-version": _version,
}
KEYS = (*_PARSERS, "plugins")
