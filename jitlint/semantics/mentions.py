"""Where the project says a name: in code, in strings, in configuration files. Comments and imports do not count.

Read lazily: nothing happens before a rule has a name to ask for. Then every text file under the root is searched
once, up to a bound. Models leave out functions that neither draw nor train, so they answer only for notebooks
(whose text is full of prose) and for files that are not on the disk.
"""

from __future__ import annotations

import functools
import os
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from jitlint.semantics.graph import Kind, Module, Node, Scope
from jitlint.semantics.project import Project

_WORD = re.compile(r"[A-Za-z_]\w{2,}")
# Docstrings, comments, what definitions and assignments define, imports.
_NO_MENTION = re.compile(
    rb"\"\"\"[\s\S]*?\"\"\"|'''[\s\S]*?'''|(?:^|[ \t\"])#.*$|\b(?:def|class)[ \t]+\w+|^\w+[ \t]*=(?!=)|"
    rb"^[ \t\"]*from[ \t]+[.\w]+[ \t]+import\b.*$|^[ \t\"]*import\b.*$",
    re.MULTILINE,
)
# What jitlint and the probe write about a project names its functions and uses none: reports, baselines, evidence.
_REPORT = re.compile(rb"\s*[\[{][^\0]{0,400}?(?:\"runtime_probe/\w+/\d|sarif-2|\"(?:JIT|RUN)\d+[ \"])")
_ELSEWHERE = re.compile(
    r"(?:^|/)(?:tests?|testing|third_?party|3rd_?party|vendor|vendored|external|externals|extern|thirdparty|submodules|"
    r"docs?|examples?_of|lib/python\d|conftest\.py|test_\w+\.py|\w+_test\.py|setup\.py)(?:/|$)",
    re.IGNORECASE,
)
_DYNAMIC = frozenset("getattr globals locals vars getmembers import_module eval exec".split())


@functools.cache
def is_elsewhere(project: Project, path: str) -> bool:
    """Whether a file is no training code of this project: a test, a copy of another project, a document's example."""
    return bool(_ELSEWHERE.search(project.place(path)))


class Mentions:
    """The words of one project that are not definitions, imports or comments."""

    def __init__(self, project: Project) -> None:
        self.project = project

    def of(self, name: str) -> bool:
        """Whether anything but its definition mentions a function's, method's or class' bare name."""
        return name in self.among(frozenset({name}))

    @functools.cache  # noqa: B019 - lives as long as the run
    def among(self, names: frozenset[str]) -> frozenset[str]:
        """Those of some bare names that are mentioned; all of them if nobody can look everywhere."""
        if not self.complete:
            return names
        modelled = {os.path.abspath(path): path for path in self.project.modules}  # noqa: PTH100 - keys are text
        missing = {name.encode() for name in names}
        for path in self.files:
            if path.suffix != ".ipynb":
                modelled.pop(str(path), None)
            elif str(path) in modelled:
                continue
            missing -= self._mentioned(missing, path)
            if not missing:
                return names
        known = names - {name.decode() for name in missing}
        for key in modelled.values():
            known |= names & self._modelled(key)
        return frozenset(known)

    @functools.cache  # noqa: B019 - lives as long as the run
    def places(self, name: str) -> tuple[str, ...]:
        """The files that mention a bare name; the root itself if nobody can look everywhere."""
        if not self.complete:
            return (str(self.project.root),)
        wanted = {name.encode()}
        found = [str(path) for path in self.files if path.suffix != ".ipynb" and self._mentioned(wanted, path)]
        others = [path for path in self.project.modules if path.endswith(".ipynb") and name in self._modelled(path)]
        return (*found, *others)

    def _mentioned(self, names: set[bytes], path: Path) -> set[bytes]:
        return _mentioned(names, path.name, self.project.texts.content(str(path)))

    @functools.cache  # noqa: B019 - lives as long as the run
    def _modelled(self, path: str) -> frozenset[str]:
        return frozenset(_words(self.project.modules[path]))

    @functools.cached_property
    def files(self) -> tuple[Path, ...]:
        """The text files under the root; none if there are far more than a training project has."""
        return tuple(map(Path, self.project.texts.paths() or ()))

    @property
    def complete(self) -> bool:
        """Whether every file can be looked at."""
        return self.project.texts.paths() is not None

    # --------------------------------------------------------------------------------------- by name only

    def is_dynamic(self, path: str) -> bool:
        """Whether functions of a file may be called by a name that is computed: `getattr(transforms, name)`."""
        module = self.project.modules[path]
        if any(map(self._is_computed, _calls(module))):
            return True
        importers = (other for other in self.project.modules.values() if _imports(other, path))
        return any(any(map(self._is_computed, _calls(other))) for other in importers)

    def _is_computed(self, call: tuple[Scope, Node]) -> bool:
        scope, node = call
        if node.method not in _DYNAMIC or (node.has_receiver and node.method != "getmembers"):
            return False
        if node.method != "getattr":
            return True
        return len(node.arguments) > 1 and scope.nodes[node.arguments[1]].kind is not Kind.CONST

    @functools.cached_property
    def is_packaged(self) -> bool:
        """Whether the project is a package that others install, so that its public functions are its use."""
        root = Path(self.project.root)
        if (root / "setup.py").is_file():
            return True
        pyproject = root / "pyproject.toml"
        return pyproject.is_file() and b"[build-system]" in pyproject.read_bytes()


def _mentioned(names: set[bytes], name: str, data: bytes) -> set[bytes]:
    """Those of some names that a text file mentions."""
    present = sorted(name for name in names if name in data)  # at memory speed, and most files end here
    if not present or _REPORT.match(data):
        return set()
    wanted = re.compile(rb"(?<!\w)(?:" + b"|".join(present) + rb")(?!\w)")
    return set(wanted.findall(data if name == "__init__.py" else _NO_MENTION.sub(b"", data)))


def _words(module: Module) -> Iterator[str]:
    """The names that a module mentions; a function that calls itself does not mention itself."""
    yield from module.exported
    for model in module.classes.values():
        for name in (*model.bases, *model.decorators):
            yield from name.split(".")
    if posixpath.basename(module.path) == "__init__.py":
        for target in module.imports.values():
            yield from target.split(".")
    for scope in module.scopes.values():
        yield from (part for name in scope.decorators for part in name.split("."))
        own = {scope.name, scope.owner.rpartition(".")[2]}
        for index, node in enumerate(scope.nodes):
            yield from (word for word in _node_words(module, scope, index, node) if word not in own)


def _node_words(module: Module, scope: Scope, index: int, node: Node) -> Iterator[str]:
    if node.kind is Kind.CALL:
        yield node.method
        yield from node.text.split(".")
    elif node.kind is Kind.ATTR:
        yield node.name
    elif node.kind is Kind.GLOBAL:
        if not _is_definition(module, node) or _is_read(scope, index):
            yield from node.name.split(".")
    elif node.kind is Kind.CONST and isinstance(node.value, str) and node.value.count(" ") < 3:
        yield from _WORD.findall(node.value)


def _is_definition(module: Module, node: Node) -> bool:
    """Whether a node only says that a function is defined here."""
    defined = module.scopes.get(node.name)
    return defined is not None and defined.name_span == node.span


def _is_read(scope: Scope, index: int) -> bool:
    return index in scope.returns or any(index in node.inputs for node in scope.nodes)


def _calls(module: Module) -> Iterator[tuple[Scope, Node]]:
    return ((scope, node) for scope in module.scopes.values() for _, node in scope.calls())


def _imports(module: Module, path: str) -> bool:
    """Whether a module imports another file, by the file's bare name."""
    stem = posixpath.splitext(posixpath.basename(path))[0]
    if stem == "__init__":
        stem = posixpath.basename(posixpath.dirname(path))
    return any(stem in target.split(".") for target in module.imports.values())


@functools.lru_cache(maxsize=4)
def mentions_of(project: Project) -> Mentions:
    """The one index of a project's words, shared by the rules."""
    return Mentions(project)
