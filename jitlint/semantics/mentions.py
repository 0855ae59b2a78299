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

TEXT_SUFFIXES = (".py", ".ipynb", ".yaml", ".yml", ".json", ".toml", ".cfg", ".ini", ".sh", ".gin", ".conf", ".pyi")
SKIPPED_FOLDERS = frozenset("node_modules site-packages __pycache__ venv env wandb".split())
MANY_FILES = 200  # of other kinds than Python, in one folder: they are data
MAX_FILES = 4000
MAX_ENTRIES = 40_000  # of directories, of any kind
MAX_BYTES = 1 << 20  # of one file: a longer one is data

_WORD = re.compile(r"[A-Za-z_]\w{2,}")
# Docstrings, comments, what definitions define, imports.
_NO_MENTION = re.compile(
    rb"\"\"\"[\s\S]*?\"\"\"|'''[\s\S]*?'''|(?:^|[ \t\"])#.*$|\b(?:def|class)[ \t]+\w+|"
    rb"^[ \t\"]*from[ \t]+[.\w]+[ \t]+import\b.*$|^[ \t\"]*import\b.*$",
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
        return name in self.among(frozenset({name}))

    @functools.cache  # noqa: B019 - lives as long as the run
    def among(self, names: frozenset[str]) -> frozenset[str]:
        """Those of some bare names that are mentioned."""
        modelled = {os.path.abspath(path): path for path in self.project.modules}  # noqa: PTH100 - keys are text
        wanted = re.compile(rb"(?<!\w)(?:" + b"|".join(sorted(name.encode() for name in names)) + rb")(?!\w)")
        found: set[bytes] = set()
        for path in self._files():
            if path.suffix != ".ipynb":
                modelled.pop(str(path), None)
            elif str(path) in modelled:
                continue
            found |= _mentioned(wanted, path)
        known = {name.decode() for name in found}
        for key in modelled.values():
            known |= names & self._modelled(key)
        return frozenset(known)

    @functools.cache  # noqa: B019 - lives as long as the run
    def _modelled(self, path: str) -> frozenset[str]:
        return frozenset(_words(self.project.modules[path]))

    def _files(self) -> Iterator[Path]:
        """The text files under the root; the bound is far above what a training project has."""
        files = entries = 0
        for folder, folders, names in os.walk(os.path.abspath(self.project.root)):  # noqa: PTH100
            folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in SKIPPED_FOLDERS)
            entries += len(names) + len(folders)
            if entries > MAX_ENTRIES or files > MAX_FILES:
                self.complete = False
                return
            texts = [name for name in names if name.endswith(TEXT_SUFFIXES)]
            if len(texts) > MANY_FILES:
                texts = [name for name in texts if name.endswith(".py")]
            files += len(texts)
            paths = (Path(folder, name) for name in texts)
            yield from (path for path in paths if path.is_file() and path.stat().st_size <= MAX_BYTES)

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


def _mentioned(wanted: re.Pattern[bytes], path: Path) -> set[bytes]:
    """The wanted names that a text file mentions."""
    data = path.read_bytes()
    if not wanted.search(data):
        return set()
    return set(wanted.findall(data if path.name == "__init__.py" else _NO_MENTION.sub(b"", data)))


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
