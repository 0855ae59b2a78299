"""Users' own rules: which modules may be loaded as plugins, and the rules found in them.

A plugin is code that runs while jitlint does, so whoever owns the linted tree must not be able to name one. Plugins
come from three places: the entry points `jitlint.rules` of what is installed beside jitlint; the user's own
`jitlint.toml` in the configuration directory; and a file given with `--config` that lies outside of the linted tree.
Those that the configuration inside the tree names are loaded only with `--allow-plugins`. A module of one of the
first kinds is never looked for in the linted tree or the current directory.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from jitlint.project_root import is_project
from jitlint.rules import Rule, add_rules, all_rules

__all__ = ["Plugin", "Plugins", "plugins", "rules_of"]

GROUP = "jitlint.rules"
_CODE = re.compile(r"(?!JIT)[A-Z]{2,8}\d{3}\Z")
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")


@dataclass(frozen=True, slots=True)
class Plugin:
    """A module of rules: its name, the path it is looked for on, and what its files are like now."""

    module: str
    path: tuple[str, ...] = ()
    stamp: tuple[tuple[str, int, int], ...] = ()

    def __str__(self) -> str:
        return self.module


@dataclass(slots=True)
class Plugins:
    """The plugins of this process. `problems` are those that could not be loaded, `refused` those that may not be."""

    is_allowed: bool = False  # whether also the configuration of the linted tree may name some
    trees: tuple[str, ...] = ()  # what is linted, and where this process stands: code of others
    loaded: dict[str, Plugin] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def begin(self, paths: Iterable[str | Path], is_allowed: bool, own: Mapping[Path, Sequence[str]]) -> None:
        """Note what is linted, then load what is installed and what the user's `own` configuration names."""
        around = (_project_around(path) for path in (*paths, "."))
        self.trees = tuple(dict.fromkeys(tree for tree in around if tree is not None))
        self.is_allowed = is_allowed
        self.problems.clear()
        self.refused.clear()
        for module in _installed():
            self._load(module, self._path())
        for file, modules in own.items():
            for module in modules:
                self._load(module, self._path(file))

    def distrust(self, path: str | Path) -> None:
        """Note that something else is linted as well, such as a file that an editor opens later."""
        tree = _project_around(path)
        if tree is not None and tree not in self.trees:
            self.trees = (*self.trees, tree)

    def name(self, modules: Sequence[str], file: Path) -> None:
        """Load the plugins that a configuration file names, if it may."""
        if not self.is_allowed and self._is_theirs(file):
            self.refused += [f"{file}: plugin {module} is not loaded without --allow-plugins" for module in modules]
            return
        for module in modules:
            self._load(module, self._path(file))

    def restore(self, wanted: Iterable[Plugin]) -> None:
        """Load what another process has loaded."""
        for plugin in wanted:
            self._load(plugin.module, plugin.path)

    def _is_theirs(self, file: Path) -> bool:
        """Whether a file lies in what is linted; before a run has said what that is, all is somebody else's."""
        path = str(file.resolve())
        return not self.trees or any(_is_inside(path, tree) for tree in self.trees)

    def _load(self, name: str, path: tuple[str, ...]) -> None:
        if name in self.loaded:
            return
        try:
            with _searched(path):
                module = importlib.import_module(name)
            rules = rules_of(module)
        except Exception as error:  # the other plugins and rules still count
            self.problems.append(f"plugin {name} cannot be loaded: {type(error).__name__}: {_one_line(error)}")
            return
        self.problems += [f"plugin {name}: {problem}" for rule in rules for problem in _faults(rule)]
        add_rules(name, [rule for rule in rules if not list(_faults(rule))])
        self.loaded[name] = Plugin(name, path, _stamp(module))

    def _path(self, file: Path | None = None) -> tuple[str, ...]:
        """Where modules are looked for: beside the file that names them, and not in what is linted, unless allowed."""
        trusted = [entry for entry in sys.path if self.is_allowed or self._is_trusted(entry)]
        return (*([str(file.parent)] if file else []), *trusted)

    def _is_trusted(self, entry: str) -> bool:
        path = str(Path(entry or ".").resolve())
        own = [str(Path(prefix).resolve()) for prefix in (sys.prefix, sys.base_prefix)]
        return any(_is_inside(path, prefix) for prefix in own) or not any(_is_inside(path, tree) for tree in self.trees)


plugins = Plugins()  # those of this process


def rules_of(module: ModuleType) -> list[type[Rule]]:
    """The rules that a module defines, in the order of their codes."""
    found = [item for item in vars(module).values() if isinstance(item, type) and issubclass(item, Rule)]
    own = {item for item in found if item.__module__.startswith(module.__name__) and item is not Rule}
    return sorted(own, key=lambda rule: str(getattr(rule, "code", "")))


def _faults(rule: type[Rule]) -> Iterator[str]:
    """What a class lacks to be a rule."""
    code, name = getattr(rule, "code", ""), getattr(rule, "name", "")
    if not _CODE.match(code):
        yield f"{rule.__name__}: invalid code {code!r}; use capital letters other than JIT and three digits"
    if not _NAME.match(name):
        yield f"{rule.__name__}: invalid name {name!r}; use words in lower case with hyphens"
    if not (rule.__doc__ or "").strip():
        yield f"{rule.__name__} has no docstring"
    if rule.check is Rule.check:
        yield f"{rule.__name__} has no `check`"
    for other in all_rules():
        if other is not rule and {other.code, other.name} & {code, name}:
            yield f"{rule.__name__}: {code} {name} is taken by {other.__module__}"


# ------------------------------------------------------------------------------------------------ places


@contextmanager
def _searched(path: Sequence[str]) -> Iterator[None]:
    """Look for modules on this path only."""
    before = list(sys.path)
    sys.path[:] = path
    try:
        yield
    finally:
        sys.path[:] = before


def _installed() -> Iterator[str]:
    """The modules that installed distributions name as entry points; not those that only lie on `sys.path`."""
    for folder in _site_folders():
        for entry in sorted(os.listdir(folder)):  # noqa: PTH208 - some hundred names, at every start
            if entry.endswith(".dist-info"):
                yield from _entry_points(Path(folder, entry, "entry_points.txt"))


def _site_folders() -> Iterator[str]:
    import site

    folders = dict.fromkeys([*site.getsitepackages(), site.getusersitepackages()])
    return (folder for folder in folders if folder in sys.path and os.path.isdir(folder))  # noqa: PTH112 - plain strings


def _entry_points(file: Path) -> Iterator[str]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return
    if f"[{GROUP}]" in text:
        _, _, section = text.partition(f"[{GROUP}]")
        for line in section.partition("\n[")[0].splitlines():
            _, _, value = line.partition("=")
            if value.strip():
                yield value.partition(":")[0].strip()


def _project_around(given: str | Path) -> str | None:
    """The outermost directory around a path that looks like a project, for its configuration is the project's."""
    try:
        path = Path(given).resolve()
    except (OSError, ValueError, RuntimeError):  # no path at all, or links in a circle: nothing is linted there
        return None
    start = path if path.is_dir() else path.parent
    outer = [start, *start.parents]
    home = Path.home() if "HOME" in os.environ else None
    candidates = [folder for folder in outer if folder not in (home, Path(folder.anchor))]
    marked = [folder for folder in candidates if is_project(folder)]
    return str(marked[-1] if marked else start)


def _is_inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _stamp(module: ModuleType) -> tuple[tuple[str, int, int], ...]:
    """Size and time of the files of a module or package: another content, another result."""
    folders = [Path(folder) for folder in getattr(module, "__path__", ())]
    files = [file for folder in folders for file in sorted(folder.rglob("*.py"))]
    if module.__file__ is not None:
        files.append(Path(module.__file__))
    stats = [(file, file.stat()) for file in files if file.is_file()]
    return tuple((str(file), status.st_size, status.st_mtime_ns) for file, status in stats)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
