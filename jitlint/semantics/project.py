"""The linked project: which function a call calls, of which class a value is, and where it gets its values from."""

from __future__ import annotations

import contextlib
import functools
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from jitlint.imports import ModuleFinder
from jitlint.semantics.graph import RELATIVE, Kind, Module, Node, Scope
from jitlint.semantics.memo import remembered
from jitlint.semantics.symbols import Ref, Symbols, Value
from jitlint.tree import Texts

if TYPE_CHECKING:
    from jitlint.config import Settings
    from jitlint.source import Source

__all__ = ["Project", "Ref", "Value"]

# Methods that give back their receiver as far as its class goes.
SAME_OBJECT = frozenset(
    "to cuda cpu half float double bfloat16 eval train requires_grad_ type compile share_memory apply".split()
)
# Calls that wrap a network and stay that network.
NETWORK_WRAPPERS = frozenset(
    "DataParallel DistributedDataParallel DDP compile FullyShardedDataParallel FSDP convert_sync_batchnorm "
    "script jit prepare unwrap_model setup device_put replicate".split()
)
# Method names that too many classes share for "the only class that has it" to mean anything.
COMMON_METHODS = frozenset(
    "forward step update get add run call train eval sample reset fit predict encode decode transform apply load save "
    "append build init setup close process generate loss backward zero_grad to copy clone size view next items".split()
)
MAX_ALIASES = 8
NO_FUNCTION: Ref | None = None


class Project(Symbols):
    """All modules of a run, linked on demand.

    `load` gives the model of another file of the same project, by its absolute path and the name that is
    wanted there (or None); such files help to understand the ones that were asked for, and nothing is
    reported in them. `read` gives the bytes of any other file of the project, `texts` those of all of its texts.
    """

    def __init__(
        self,
        modules: Mapping[str, Module],
        root: Path | None = None,
        settings: Settings | None = None,
        load: Callable[[str, str], Module | None] | None = None,
        finder: ModuleFinder | None = None,
        read: Callable[[str], bytes | None] | None = None,
        texts: Texts | None = None,
    ) -> None:
        super().__init__(modules, root or Path(), load, finder)
        self.source: Callable[[str], Source] | None = None  # the text of a module, by its path, for users' rules
        self.texts = texts or Texts(str(self.root))
        self.settings = settings
        self._read = read

    def with_scopes(self, extra: Mapping[str, Mapping[str, Scope]]) -> Project:
        """A project of the same files in which some have more scopes (such as code that comments hold)."""
        modules = dict(self.modules)
        for path, scopes in extra.items():
            modules[path] = replace(modules[path], scopes={**modules[path].scopes, **scopes})
        return Project(modules, self.root, self.settings, self._load, self._finder, self._read, self.texts)

    def read(self, path: str) -> bytes | None:
        """The bytes of a file that is no module, such as one of requirements, by its absolute path; None without it."""
        if self._read is not None:
            return self._read(path)
        with contextlib.suppress(OSError):
            return Path(path).read_bytes()
        return None

    def is_configured(self, option: str, name: str) -> bool:
        """Whether the settings list a qualified name, or its last parts, under `option`."""
        entries: tuple[str, ...] = getattr(self.settings, option, ())
        plain = name.lstrip(RELATIVE)
        return any(plain == entry or plain.endswith("." + entry) or entry.endswith("." + plain) for entry in entries)

    # ---------------------------------------------------------------------------------------- look-ups

    @functools.cached_property
    def call_sites(self) -> Mapping[str, tuple[Value, ...]]:
        """All calls of the project by the last part of the called name."""
        found: dict[str, list[Value]] = defaultdict(list)
        for value, node in self.calls():
            found[node.text.rpartition(".")[2]].append(value)
            for chosen in self._chosen(value, node):
                found[chosen.qualname.rpartition(".")[2]].append(value)
        return {name: tuple(sites) for name, sites in found.items()}

    def _chosen(self, value: Value, node: Node) -> tuple[Ref, ...]:
        """The functions among which `table[key](…)` chooses, where the table is a dict display."""
        if node.name != "()":
            return ()
        called = self.node(Value(value.scope, node.inputs[0]))
        if called.kind is not Kind.INDEX:
            return ()
        table = Value(value.scope, called.inputs[0])
        for alias in self.aliases(table) or (table,):
            display = self.node(alias)
            if display.kind is Kind.COLLECTION and display.name == "dict":
                items = (self.node(Value(alias.scope, item)) for item in display.inputs[len(display.inputs) // 2 :])
                found = (self.function(alias.scope.path, item.name) for item in items if item.kind is Kind.GLOBAL)
                return tuple(ref for ref in found if ref is not None)
        return ()

    @functools.cached_property
    def methods(self) -> Mapping[str, tuple[Ref, ...]]:
        """All methods of the project by their bare name."""
        found: dict[str, list[Ref]] = defaultdict(list)
        for ref, scope in self.scopes():
            if scope.owner:
                found[scope.name].append(ref)
        return {name: tuple(refs) for name, refs in found.items()}

    # -------------------------------------------------------------------------------------------- calls

    @remembered(NO_FUNCTION)
    def callee(self, value: Value) -> Ref | None:
        """The project's function that a call calls, or None."""
        node = self.node(value)
        path = value.scope.path
        if not node.has_receiver:
            return self._local(value.scope, node.name) or self.function(path, node.name)
        receiver = Value(value.scope, node.inputs[0])
        if node.name == "()":
            return self._called_object(receiver)
        return self._called_method(receiver, node.method)

    def _local(self, scope: Ref, name: str) -> Ref | None:
        nested = f"{scope.qualname}.{name}" if scope.qualname else name
        return Ref(scope.path, nested) if nested in self.modules[scope.path].scopes else None

    def _called_object(self, receiver: Value) -> Ref | None:
        made = self.constructor(receiver)
        if made is None or made[0] is None:
            return None
        path, owner = made
        return self.method(path, owner, "__call__") or self.method(path, owner, "forward") if path else None

    def _called_method(self, receiver: Value, name: str) -> Ref | None:
        owner = self.self_class(receiver)
        if owner is not None:
            found = self.method(owner[0], owner[1], name)
            stores = () if found else self.attribute_stores(owner, name)
            if found or stores:
                return found or self._called_attribute(stores)
        made = self.constructor(receiver)
        if made is not None:
            return self.method(made[0], made[1], name) if made[0] else None
        only = self.methods.get(name, ())
        if len(only) == 1 and name not in COMMON_METHODS and not name.startswith("__") and owner is None:
            return only[0] if self._may_be_met(only[0], receiver.scope.path) else None
        return None

    def _may_be_met(self, method: Ref, path: str) -> bool:
        """Whether an object with a method may come into a file: not if its class stands in another script."""
        if "property" in self.scope(method).decorators:
            return False  # is not called
        return method.path == path or not self._is_script(method.path)

    @functools.cache  # noqa: B019 - lives as long as the run
    def _is_script(self, path: str) -> bool:
        """Whether a file is run by itself, and no other of the run imports it."""
        name = PurePath(path).stem
        asks = any(node.name == "__name__" for _, node in self.modules[path].scopes[""].of_kind(Kind.GLOBAL))
        return asks and name not in self._imported

    @functools.cached_property
    def _imported(self) -> frozenset[str]:
        """Every part of a name that a module imports."""
        targets = (target for module in self.modules.values() for target in module.imports.values())
        return frozenset(part for target in targets for part in target.replace(RELATIVE, ".").split("."))

    def _called_attribute(self, stores: tuple[Value, ...]) -> Ref | None:
        """What `self.detector(…)` calls: the object that was stored there."""
        return next(filter(None, map(self._called_object, stores)), None)

    def self_class(self, value: Value) -> tuple[str, str] | None:
        """(path, class) if a value is the instance that a method was called on."""
        scope = self.scope(value.scope)
        node = scope.nodes[value.node]
        if node.kind is Kind.GLOBAL and scope.parent is not None and "." in scope.qualname:
            parent = Ref(value.scope.path, scope.parent)
            outer = self.scope(parent)
            if outer.is_method and outer.parameters and outer.parameters[0].name == node.name:
                return value.scope.path, outer.owner
            return None
        if node.kind is not Kind.PARAM or not scope.is_method or not scope.parameters:
            return None
        if scope.parameters[0].name != node.name:
            return None
        return value.scope.path, scope.owner

    def constructor(self, value: Value, depth: int = 0) -> tuple[str | None, str] | None:
        """What class a value is an instance of: (path, class) in the project, (None, qualified name) in a library."""
        if depth > 8:
            return None
        node = self.node(value)
        if node.kind is Kind.CALL:
            return self._constructed(value, node, depth)
        if node.kind in (Kind.PHI, Kind.ENTER):
            for inner in node.inputs:
                found = self.constructor(Value(value.scope, inner), depth + 1)
                if found:
                    return found
            return None
        for alias in self.aliases(value):
            found = self.constructor(alias, depth + 1)
            if found:
                return found
        return None

    def _constructed(self, value: Value, node: Node, depth: int) -> tuple[str | None, str] | None:
        same = node.method in SAME_OBJECT and node.name.startswith(".")
        if same or (node.method in NETWORK_WRAPPERS and node.arguments):
            inner = node.inputs[0] if same else node.arguments[0]
            return self.constructor(Value(value.scope, inner), depth + 1)
        if node.has_receiver:
            return None
        found = self.find_class(value.scope.path, node.name)
        if found:
            return found[0], found[1].qualname
        if self.function(value.scope.path, node.name):
            return self._returned_class(value, depth)
        return None, node.name

    def _returned_class(self, value: Value, depth: int) -> tuple[str | None, str] | None:
        ref = self.callee(value)
        scope = self.scope(ref) if ref else None
        for returned in scope.returns[:3] if scope and ref else ():
            assert ref is not None
            found = self.constructor(Value(ref, returned), depth + 1)
            if found:
                return found
        return None

    @functools.cache  # noqa: B019 - lives as long as the run
    def callers(self, ref: Ref) -> tuple[Value, ...]:
        """The calls of a function that the project contains."""
        scope = self.scope(ref)
        name = scope.owner.rpartition(".")[2] if scope.name == "__init__" else scope.name
        return tuple(site for site in self.call_sites.get(name, ()) if self._may_call(site, ref))

    def _may_call(self, site: Value, ref: Ref) -> bool:
        return self.callee(site) == ref or ref in self._chosen(site, self.node(site))

    def argument(self, site: Value, ref: Ref, parameter: str) -> int | None:
        """The node that a call passes for a parameter of the called function, or None."""
        node = self.node(site)
        keyword = node.keyword(parameter)
        if keyword is not None:
            return keyword
        names = [item.name for item in self.scope(ref).parameters]
        if self.scope(ref).is_method and names:
            names = names[1:]
        positional = [argument for argument, key in zip(node.arguments, node.keywords, strict=False) if key is None]
        if parameter in names and names.index(parameter) < len(positional):
            return positional[names.index(parameter)]
        return None

    # ------------------------------------------------------------------------------------------- values

    @functools.cache  # noqa: B019 - lives as long as the run
    def aliases(self, value: Value) -> tuple[Value, ...]:
        """Where a name of another scope gets its values: a global, `self.x`, a closure's variable."""
        scope = self.scope(value.scope)
        node = scope.nodes[value.node]
        if node.kind is Kind.GLOBAL:
            return self._global(value.scope, node.name)
        if node.kind is Kind.ATTR:
            owner = self.self_class(Value(value.scope, node.inputs[0]))
            if owner is not None:
                stores = self.attribute_stores(owner, node.name)
                return stores[:MAX_ALIASES] or self._class_attribute(owner, node.name)
        return ()

    def _class_attribute(self, owner: tuple[str, str], name: str) -> tuple[Value, ...]:
        model = self.modules[owner[0]].classes.get(owner[1])
        if model and name in model.attributes:
            qualifier = owner[1].rpartition(".")[0]
            scope = qualifier if qualifier in self.modules[owner[0]].scopes else ""
            return (Value(Ref(owner[0], scope), model.attributes[name]),)
        return ()

    def _global(self, scope: Ref, name: str) -> tuple[Value, ...]:
        module = self.modules[scope.path]
        parent = module.scopes[scope.qualname].parent
        while parent is not None:
            outer = module.scopes.get(parent)
            if outer is None:
                break
            if name in outer.variables:
                ref = Ref(scope.path, parent)
                return tuple(Value(ref, node) for node in outer.variables[name][-MAX_ALIASES:])
            parent = outer.parent
        found = self.find_symbol(scope.path, name)
        if found is None:
            return ()
        where, symbol = found
        nodes = self.modules[where].scopes[""].variables.get(symbol, ())
        return tuple(Value(Ref(where, ""), node) for node in nodes[-MAX_ALIASES:])
