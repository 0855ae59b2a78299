"""Which files run as one program: a script, and what it imports, directly or not.

Two scripts of one folder are programs of their own. A file that no script is seen to import may be loaded by its name
(a hook, an entry point, a part that a configuration chooses) and belong to any program around it. Imports are read from
the texts, since files that neither draw nor train have no models.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from jitlint.imports import ModuleFinder
from jitlint.screen import imports_of
from jitlint.semantics.graph import RELATIVE
from jitlint.semantics.loops import loops_of
from jitlint.semantics.project import Project, Ref

_ROOT_FILES = frozenset("requirements.txt pyproject.toml setup.cfg environment.yml environment.yaml".split())


class Programs:
    """Answers which files of one project run together."""

    def __init__(self, project: Project) -> None:
        self.project = project

    def may_run_with(self, path: str, other: str) -> bool:
        """Whether two files may run in one program."""
        files = {_absolute(path), _absolute(other)}
        if len(files) == 1 or self._common_users(files):
            return True
        return any(map(self._may_be_loaded, files)) and self._are_beside(*files)

    def _common_users(self, files: Iterable[str]) -> frozenset[str]:
        return frozenset.intersection(*map(self._users, files))

    def _may_be_loaded(self, file: str) -> bool:
        """Whether something that imports a file at last is no script, so that nobody knows what runs it."""
        starts = [user for user in self._users(file) if not self._importers.get(user)]
        return not starts or not all(map(self._is_script, starts))

    def _are_beside(self, one: str, other: str) -> bool:
        """Whether the folder around two files is that of a program."""
        folder = os.path.commonpath([os.path.dirname(item) for item in (one, other)])  # noqa: PTH120 - plain strings
        return folder == _absolute(str(self.project.root)) or _is_program(folder)

    @functools.cache  # noqa: B019 - lives as long as the run
    def _users(self, file: str) -> frozenset[str]:
        """A file, and those that import it, directly or not."""
        found, todo = {file}, [file]
        while todo:
            new = self._importers.get(todo.pop(), set()) - found
            found |= new
            todo += new
        return frozenset(found)

    @functools.cached_property
    def _importers(self) -> Mapping[str, set[str]]:
        """The files that import each file."""
        finder = ModuleFinder(str(self.project.root), self._modelled)
        importers: dict[str, set[str]] = {}
        for path, names in self._imports().items():
            for name in names:
                places = (finder.find(path, dotted) for dotted in (name, name.rpartition(".")[0]) if dotted.strip("."))
                target = next((place for place in places if place is not None), None)
                if target is not None and target != path:
                    importers.setdefault(target, set()).add(path)
        return importers

    def _imports(self) -> dict[str, Iterable[str]]:
        """What every file of the project imports."""
        texts = self.project.texts
        found: dict[str, Iterable[str]] = {
            path: imports_of(texts.content(path)) for path in texts.paths() or () if path.endswith(".py")
        }
        for path, key in self._modelled.items():
            found[path] = [name.replace(RELATIVE, ".") for name in self.project.modules[key].imports.values()]
        return found

    @property
    def _modelled(self) -> dict[str, str]:
        return {_absolute(path): path for path in self.project.modules}

    @functools.cache  # noqa: B019 - lives as long as the run
    def _is_script(self, file: str) -> bool:
        """Whether a file does something when it is run."""
        if file.endswith(".ipynb") or b"__main__" in self.project.texts.content(file):
            return True
        key = self._modelled.get(file)
        return key is not None and loops_of(self.project).trains(Ref(key, ""))


def _absolute(path: str) -> str:
    return os.path.abspath(path)  # noqa: PTH100 - plain strings


@functools.lru_cache(maxsize=256)
def _is_program(folder: str) -> bool:
    """Whether a folder holds modules or says what they need, and not only folders."""
    with contextlib.suppress(OSError):
        return any(name.endswith(".py") or name in _ROOT_FILES for name in os.listdir(Path(folder)))  # noqa: PTH208
    return True


@functools.lru_cache(maxsize=4)
def programs_of(project: Project) -> Programs:
    """The one answer of a project, shared by the rules."""
    return Programs(project)
