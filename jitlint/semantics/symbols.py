"""What a name means across the files of a run: which module, function or class; what is stored under an attribute."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from jitlint.imports import ModuleFinder
from jitlint.semantics.graph import RELATIVE, ClassModel, Module, Node, Scope

MODULE_BASES = frozenset("Module LightningModule Model Layer GraphModule PreTrainedModel Block".split())
DATASET_WORD = re.compile(r"(?:Dataset|DataSet|Data|Folder|Loader|DataModule)$")


class Ref(NamedTuple):
    """A function of the project: its module's path and its qualified name there."""

    path: str
    qualname: str


class Value(NamedTuple):
    """A node, and the scope that it lies in."""

    scope: Ref
    node: int


class Symbols:
    """The modules of a run, and what their names mean."""

    def __init__(
        self,
        modules: Mapping[str, Module],
        root: Path,
        load: Callable[[str, str], Module | None] | None,
        finder: ModuleFinder | None,
    ) -> None:
        self.modules: dict[str, Module] = dict(modules)
        self.asked = tuple(modules)
        self.root = root
        self._load = load
        self._absent: set[tuple[str, str]] = set()
        self._files = {_absolute(path): path for path in modules}
        self._finder = finder or ModuleFinder(str(self.root), self._files, on_disk=load is not None)

    @functools.cache  # noqa: B019 - lives as long as the run
    def place(self, path: str) -> str:
        """The path of a module below the project's root, so that what lies above it says nothing."""
        root = _absolute(str(self.root)).rstrip("/") + "/"
        return _absolute(path).removeprefix(root)

    def scope(self, ref: Ref) -> Scope:
        """The graph of one function (or of a module's top level)."""
        return self.modules[ref.path].scopes[ref.qualname]

    def node(self, value: Value) -> Node:
        """The node that a value names."""
        path, qualname = value.scope  # looked up here: this is asked thousands of times a file
        return self.modules[path].scopes[qualname].nodes[value.node]

    def scopes(self) -> tuple[tuple[Ref, Scope], ...]:
        """Every scope of every module that was asked for."""
        return self._scopes

    @functools.cached_property
    def _scopes(self) -> tuple[tuple[Ref, Scope], ...]:
        modules = ((path, self.modules[path].scopes) for path in self.asked)
        return tuple((Ref(path, qualname), scope) for path, scopes in modules for qualname, scope in scopes.items())

    def calls(self) -> tuple[tuple[Value, Node], ...]:
        """Every call in every module that was asked for."""
        return self._calls

    @functools.cached_property
    def _calls(self) -> tuple[tuple[Value, Node], ...]:
        return tuple((Value(ref, index), node) for ref, scope in self._scopes for index, node in scope.calls())

    def bound_names(self, value: Value) -> tuple[str, ...]:
        """The names that a value is bound to in its scope."""
        return self._bound_names(value.scope).get(value.node, ())

    @functools.lru_cache(maxsize=256)  # noqa: B019 - lives as long as the run
    def _bound_names(self, ref: Ref) -> dict[int, tuple[str, ...]]:
        found: dict[int, tuple[str, ...]] = {}
        for store in self.scope(ref).stores:
            found[store.node] = (*found.get(store.node, ()), store.name)
        return found

    # ----------------------------------------------------------------------------------------- modules

    @functools.cache  # noqa: B019 - lives as long as the run
    def find_module(self, importer: str, name: str) -> str | None:
        """The absolute path of the project's file that the importing file means by a dotted module name."""
        return self._finder.find(_absolute(importer), name.replace(RELATIVE, "."))

    @functools.cache  # noqa: B019 - lives as long as the run
    def imported(self, path: str) -> frozenset[str]:
        """The modules of the project that a module imports, or imports something of."""
        found = set()
        for name in self.modules[path].imports.values():
            places = (self.find_module(path, dotted) for dotted in (name, name.rpartition(".")[0]) if dotted)
            place = next((item for item in places if item is not None), "")
            found.add(self._files.get(place, ""))
        return frozenset(found - {""})

    def _loaded(self, absolute: str, name: str) -> str | None:
        """The path of a file's model, once there is one; None if it has nothing to say of `name`."""
        if absolute in self._files:
            return self._files[absolute]
        if self._load is None or (absolute, name) in self._absent:
            return None
        module = self._load(absolute, name)
        if module is None:
            self._absent.add((absolute, name))
            return None
        self._files[absolute] = module.path
        self.modules[module.path] = module
        return module.path

    # --------------------------------------------------------------------------------------- functions

    @functools.cache  # noqa: B019 - lives as long as the run
    def find_symbol(self, path: str, qualname: str, depth: int = 0) -> tuple[str, str] | None:
        """(path, name there) of the function, class or variable that a module means by `qualname`."""
        module = self.modules[path]
        if self._defines(module, qualname):
            return path, qualname
        if depth > 5:
            return None
        parts = qualname.lstrip(RELATIVE).split(".")
        dots = qualname[: len(qualname) - len(qualname.lstrip(RELATIVE))]
        if not dots and parts[0] in module.imports and module.imports[parts[0]] != parts[0]:
            return self.find_symbol(path, ".".join([module.imports[parts[0]], *parts[1:]]), depth + 1)
        for cut in range(len(parts) - 1, -1, -1):
            prefix = dots + ".".join(parts[:cut])
            if not prefix:
                break
            file = self.find_module(path, prefix)
            target = self._loaded(file, parts[cut]) if file else None
            if target is not None and target != path:
                return self.find_symbol(target, ".".join(parts[cut:]), depth + 1)
        return None

    def _defines(self, module: Module, name: str) -> bool:
        return name in module.scopes or name in module.classes or name in module.scopes[""].variables

    def find_class(self, path: str, qualname: str) -> tuple[str, ClassModel] | None:
        """The project's class of this name as `path` means it."""
        found = self.find_symbol(path, qualname)
        if found is None:
            return None
        model = self.modules[found[0]].classes.get(found[1])
        return (found[0], model) if model else None

    def function(self, path: str, qualname: str) -> Ref | None:
        """The project's function of this name as `path` means it; for a class, its `__init__`."""
        found = self.find_symbol(path, qualname)
        if found is None:
            return None
        where, name = found
        if name in self.modules[where].scopes:
            return Ref(where, name)
        if name in self.modules[where].classes:
            return self.method(where, name, "__init__")
        return None

    def method(self, path: str, owner: str, name: str, depth: int = 0) -> Ref | None:
        """A method of a class or of its bases in the project."""
        module = self.modules[path]
        if f"{owner}.{name}" in module.scopes:
            return Ref(path, f"{owner}.{name}")
        model = module.classes.get(owner)
        for base in model.bases if model and depth < 6 else ():
            found = self.find_class(path, base)
            if found and (found[0], found[1].qualname) != (path, owner):
                method = self.method(found[0], found[1].qualname, name, depth + 1)
                if method:
                    return method
        return None

    def base_names(self, path: str, owner: str) -> frozenset[str]:
        """The qualified names of all bases of a class, the project's and the libraries'."""
        found: set[str] = set()
        todo = [(path, owner)]
        while todo and len(found) < 50:
            where, name = todo.pop()
            model = self.modules[where].classes.get(name)
            for base in model.bases if model else ():
                if base in found:
                    continue
                found.add(base)
                inner = self.find_class(where, base)
                if inner:
                    todo.append((inner[0], inner[1].qualname))
        return frozenset(found)

    def is_network_class(self, path: str, owner: str) -> bool:
        """Whether a class of the project is a neural network module."""
        return any(
            base.rpartition(".")[2] in MODULE_BASES or base.startswith("torch.nn.")
            for base in self.base_names(path, owner)
        )

    def is_dataset_class(self, path: str, owner: str) -> bool:
        """Whether a class of the project gives samples by index or by iteration."""
        bases = self.base_names(path, owner)
        if any(DATASET_WORD.search(base) for base in bases):
            return True
        return self.method(path, owner, "__getitem__") is not None and bool(DATASET_WORD.search(owner))

    # ------------------------------------------------------------------------------------- attributes

    def attribute_stores(self, owner: tuple[str, str], name: str) -> tuple[Value, ...]:
        """Every value that the methods of a class (and of its bases) bind to `self.name`."""
        return self._attribute_stores(owner[0], owner[1], name)

    @functools.cache  # noqa: B019 - lives as long as the run
    def _attribute_stores(self, path: str, owner: str, name: str, depth: int = 0) -> tuple[Value, ...]:
        module = self.modules[path]
        found: list[Value] = []
        prefix = owner + "."
        for qualname, scope in module.scopes.items():
            if not qualname.startswith(prefix) or not scope.parameters or not scope.owner:
                continue
            full = f"{scope.parameters[0].name}.{name}"
            found += [Value(Ref(path, qualname), store.node) for store in scope.stores if store.name == full]
        model = module.classes.get(owner)
        for base in model.bases if model and depth < 5 else ():
            inner = self.find_class(path, base)
            if inner and (inner[0], inner[1].qualname) != (path, owner):
                found += self._attribute_stores(inner[0], inner[1].qualname, name, depth + 1)
        return tuple(found)


def _absolute(path: str) -> str:
    return os.path.abspath(path).replace(os.sep, "/")  # noqa: PTH100 - pure text, hot path
