"""Which versions of a library a project allows, where a file stands: what decides between the entries of a table."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator

from jitlint.libraries.facts import Fact, Library, What, newest
from jitlint.libraries.tables import facts
from jitlint.semantics.project import Project
from jitlint.versions import Allowed, allowed_versions


class Requirements:
    """Answers "which version?" for one project."""

    def __init__(self, project: Project) -> None:
        self.project = project

    def allowed(self, library: Library, path: str) -> Allowed | None:
        """What the files of requirements around a file allow of a library, None where they do not name it."""
        return self._allowed(library.indexed_as, os.path.dirname(os.path.abspath(path)))  # noqa: PTH100, PTH120 - hot

    def fact(self, what: What, name: str, path: str) -> Fact | None:
        """The entry about a name, or the package that it is in, for the newest version that is allowed."""
        about = ((library, fact) for library, fact in facts(what) if any(_is_in(name, known) for known in fact.names))
        return next((fact for library, fact in about if newest([fact], self.allowed(library, path))), None)

    @functools.cache  # noqa: B019 - lives as long as the run
    def _allowed(self, index: str, folder: str) -> Allowed | None:
        return allowed_versions(index, self._folders(folder), self.project.read)

    def _folders(self, folder: str) -> Iterator[str]:
        """A folder and those above it, up to the root."""
        root = os.path.abspath(self.project.root)  # noqa: PTH100 - plain strings
        while True:
            yield folder
            above = os.path.dirname(folder)  # noqa: PTH120
            if folder == root or above == folder or not folder.startswith(root):
                return
            folder = above


def _is_in(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


@functools.lru_cache(maxsize=4)
def requirements_of(project: Project) -> Requirements:
    """The one answer of a project, shared by the rules."""
    return Requirements(project)
