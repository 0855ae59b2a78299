"""Where the project says a name: in code, in strings, in configuration files. Comments and imports do not count.

Read lazily: nothing happens before a rule asks for a name. Files that the run has models of are asked through
their models, every other text file under the root is read once, up to a bound.
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

TEXT_SUFFIXES = (".py", ".ipynb", ".yaml", ".yml", ".json", ".toml", ".cfg", ".ini", ".sh", ".gin", ".conf", ".pyi")
SKIPPED_FOLDERS = frozenset("node_modules site-packages __pycache__ venv env build dist data datasets outputs".split())
MAX_FILES = 4000
MAX_ENTRIES = 40_000  # of directories, of any kind
MAX_BYTES = 1 << 20  # of one file: a longer one is data

_WORD = re.compile(r"[A-Za-z_]\w{2,}")
_NO_MENTION = re.compile(
    r'^[ \t]*"?[ \t]*(?:#.*|(?:async[ \t]+)?def[ \t]+\w+|class[ \t]+\w+|from[ \t]+[.\w]+[ \t]+import\b.*|import\b.*)$|'
    r'^[ \t]*"?[ \t]*(?:(?:async[ \t]+)?def|class)[ \t]+\w+',
    re.MULTILINE,
)
_DYNAMIC = frozenset("getattr globals locals vars getmembers import_module eval exec".split())


class Mentions:
    """The words of one project that are not definitions, imports or comments."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.complete = True  # whether every file could be looked at

    def of(self, name: str) -> bool:
        """Whether anything but its definition mentions a function's, method's or class' bare name."""
        return name in self._modelled or name in self._elsewhere

    @functools.cached_property
    def _modelled(self) -> frozenset[str]:
        return frozenset(word for module in self.project.modules.values() for word in _words(module))

    @functools.cached_property
    def _elsewhere(self) -> frozenset[str]:
        known = {os.path.abspath(path) for path in self.project.modules}  # noqa: PTH100 - keys are text
        found: set[str] = set()
        for path in self._files():
            if str(path) in known:
                continue
            text = path.read_bytes()[:MAX_BYTES].decode("utf-8", "replace")
            found.update(_WORD.findall(_NO_MENTION.sub("", text)))
        return frozenset(found)

    def _files(self) -> Iterator[Path]:
        """The text files under the root; the bound is far above what a training project has."""
        files = entries = 0
        for folder, folders, names in os.walk(os.path.abspath(self.project.root)):  # noqa: PTH100
            folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in SKIPPED_FOLDERS)
            entries += len(names) + len(folders)
            if entries > MAX_ENTRIES or files > MAX_FILES:
                self.complete = False
                return
            for name in names:
                path = Path(folder, name)
                if name.endswith(TEXT_SUFFIXES) and path.is_file() and path.stat().st_size <= MAX_BYTES:
                    files += 1
                    yield path

    # --------------------------------------------------------------------------------------- by name only

    def is_dynamic(self, path: str) -> bool:
        """Whether functions of a file may be called by a name that is computed: `getattr(transforms, name)`."""
        module = self.project.modules[path]
        if any(map(self._is_computed, _calls(module))):
            return True
        return any(
            any(map(self._is_computed, _calls(other))) for other in self.project.modules.values() if _imports(other, path)
        )

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
