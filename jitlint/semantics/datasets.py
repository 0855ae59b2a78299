"""Which object a value is, as far as data sets go: what `split.dataset`, `loader.dataset` and copies lead to.

Two parts of one `random_split` share the data set that was split, and so do two `Subset`s of it and two
loaders over it; an attribute set through one of them is set for the other as well.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import NamedTuple

from jitlint.semantics.graph import Kind, Node
from jitlint.semantics.project import Project, Ref, Value

SPLITS = re.compile(r"^(?:torch\.utils\.data\.(?:dataset\.)?)?random_split$")
SUBSETS = re.compile(r"^(?:torch\.utils\.data\.(?:dataset\.)?)?Subset$")
LOADERS = re.compile(r"^(?:torch\.utils\.data\.(?:dataloader\.)?)?DataLoader$")
COPIES = frozenset({"copy.copy", "copy.deepcopy", "copy", "deepcopy"})
MAX_DEPTH = 12


class Thing(NamedTuple):
    """An object: the node that made it, the calls through which it was reached, and its place in a split."""

    made: Value
    sites: tuple[Value, ...] = ()
    part: object = None


class Datasets:
    """Answers "which data set is this?" for the values of one project."""

    def __init__(self, project: Project) -> None:
        self.project = project

    # ------------------------------------------------------------------------------------------ objects

    def things(self, value: Value, sites: tuple[Value, ...] = (), depth: int = 0) -> frozenset[Thing]:
        """Every object that a value may be; empty if nobody can tell."""
        if depth > MAX_DEPTH:
            return frozenset()
        node = self.project.node(value)
        if node.kind is Kind.CALL:
            return self._called(value, node, sites, depth)
        if node.kind is Kind.INDEX:
            return self._element(value, node, sites, depth)
        if node.kind is Kind.PARAM:
            return self._argument(value, node, sites, depth)
        if node.kind in (Kind.PHI, Kind.LOOPVAR, Kind.ENTER):
            return self._any(self._choices(value, node), sites, depth) or self._itself(value, node, sites)
        holder = self.receivers(value)
        if holder:
            return self._all_behind(self._any(holder, sites, depth), depth)
        return self._any(self.project.aliases(value), (), depth) or self._itself(value, node, sites)

    def _itself(self, value: Value, node: Node, sites: tuple[Value, ...]) -> frozenset[Thing]:
        """A value of unknown origin, which is one object at least within a pass: `for part in parts:`."""
        known = node.kind in (Kind.LOOPVAR, Kind.GLOBAL, Kind.INDEX)
        return frozenset({Thing(value, sites)}) if known else frozenset()

    def receivers(self, value: Value) -> tuple[Value, ...]:
        """Of `part.dataset`, the values of `part`."""
        node = self.project.node(value)
        if not ((node.kind is Kind.ATTR and node.name == "dataset") or node.name.endswith(".dataset")):
            return ()
        if self.project.aliases(value):
            return ()
        if node.kind is Kind.ATTR:
            return (Value(value.scope, node.inputs[0]),)
        return self._imported(value, node.name.removesuffix(".dataset")) if node.kind is Kind.GLOBAL else ()

    def _imported(self, value: Value, name: str) -> tuple[Value, ...]:
        """The values of a variable of another file."""
        found = self.project.find_symbol(value.scope.path, name)
        if found is None:
            return ()
        ref = Ref(found[0], "")
        return tuple(Value(ref, node) for node in self.project.scope(ref).variables.get(found[1], ())[-1:])

    def behind(self, thing: Thing, depth: int = 0) -> frozenset[Thing]:
        """What `.dataset` of an object is."""
        node = self.project.node(thing.made)
        if self.is_holder(thing) and depth <= MAX_DEPTH:
            first = node.keyword("dataset")
            argument = first if first is not None else next(iter(node.arguments), None)
            if argument is not None:
                return self.things(Value(thing.made.scope, argument), thing.sites, depth + 1)
        return frozenset()

    def _all_behind(self, things: frozenset[Thing], depth: int) -> frozenset[Thing]:
        return frozenset(inner for thing in things for inner in self.behind(thing, depth + 1))

    def is_holder(self, thing: Thing) -> bool:
        """Whether an object is a part of a split, a subset, or a loader: it has a `.dataset`."""
        name = self.library_name(thing.made)
        return bool(SUBSETS.match(name) or LOADERS.match(name) or SPLITS.match(name))

    def is_subset(self, thing: Thing) -> bool:
        """Whether an object is a library's `Subset`, which has no transform of its own."""
        name = self.library_name(thing.made)
        return bool(SUBSETS.match(name) or (SPLITS.match(name) and thing.part is not None))

    def library_name(self, value: Value) -> str:
        """The qualified name of the library's function or class that a node calls, or an empty text."""
        node = self.project.node(value)
        if node.kind is not Kind.CALL or node.has_receiver or self._is_own(value, node):
            return ""
        return node.name

    def _is_own(self, value: Value, node: Node) -> bool:
        path = value.scope.path
        return self.project.callee(value) is not None or self.project.find_class(path, node.name) is not None

    # --------------------------------------------------------------------------------------------- steps

    def _any(self, values: tuple[Value, ...], sites: tuple[Value, ...], depth: int) -> frozenset[Thing]:
        return frozenset(thing for value in values for thing in self.things(value, sites, depth + 1))

    def _choices(self, value: Value, node: Node) -> tuple[Value, ...]:
        if node.kind is not Kind.LOOPVAR:
            return tuple(Value(value.scope, item) for item in node.inputs)
        iterated = self.project.node(Value(value.scope, node.inputs[0]))
        if iterated.kind is not Kind.COLLECTION or iterated.name == "dict":
            return ()
        return tuple(Value(value.scope, item) for item in iterated.inputs)

    def _called(self, value: Value, node: Node, sites: tuple[Value, ...], depth: int) -> frozenset[Thing]:
        """The object a call makes, or the one that a function of the project passes on."""
        ref = self.project.callee(value)
        if ref is not None and self.project.scope(ref).name != "__init__":
            passed = self._any(self._returned(ref), (*sites, value), depth)
            if passed:
                return passed
        return frozenset({Thing(value, sites)})

    def _returned(self, ref: Ref) -> tuple[Value, ...]:
        return tuple(Value(ref, node) for node in self.project.scope(ref).returns[:4])

    def _argument(self, value: Value, node: Node, sites: tuple[Value, ...], depth: int) -> frozenset[Thing]:
        """The argument that the call passes, or that the only caller does; else the parameter itself."""
        site, outer = self._site(value.scope, sites)
        argument = self.project.argument(site, value.scope, node.name) if site else None
        if site is None or argument is None or node.name in ("self", "cls"):
            return frozenset({Thing(value, sites)})
        return self.things(Value(site.scope, argument), outer, depth + 1)

    def _site(self, ref: Ref, sites: tuple[Value, ...]) -> tuple[Value | None, tuple[Value, ...]]:
        """The call that a function was reached through, and what is left of the way; else its only call."""
        if sites and self.project.callee(sites[-1]) == ref:
            return sites[-1], sites[:-1]
        callers = self.project.callers(ref)
        return (callers[0] if len(callers) == 1 else None), ()

    def given(self, value: Value, sites: tuple[Value, ...]) -> Value:
        """The argument that a parameter stands for, as far as it is sure."""
        for _ in range(MAX_DEPTH):
            node = self.project.node(value)
            site, sites = self._site(value.scope, sites) if node.kind is Kind.PARAM else (None, sites)
            argument = self.project.argument(site, value.scope, node.name) if site else None
            if site is None or argument is None:
                break
            value = Value(site.scope, argument)
        return value

    # ------------------------------------------------------------------------------------------ elements

    def _element(self, value: Value, node: Node, sites: tuple[Value, ...], depth: int) -> frozenset[Thing]:
        """`splits[0]`, the second of an unpacked tuple, `datasets["val"]`."""
        key = self.project.node(Value(value.scope, node.inputs[1]))
        if key.kind is not Kind.CONST:
            return frozenset()
        return self._item(Value(value.scope, node.inputs[0]), key.value, sites, depth)

    def _item(self, base: Value, key: object, sites: tuple[Value, ...], depth: int) -> frozenset[Thing]:
        if depth > MAX_DEPTH:
            return frozenset()
        node = self.project.node(base)
        if node.kind is Kind.COLLECTION:
            found = element_of(self.project, base, key)
            return self.things(found, sites, depth + 1) if found else frozenset()
        if node.kind is Kind.SETITEM:
            return self._item_set(base, node, key, sites, depth)
        if node.kind is Kind.CALL:
            return self._item_of_call(base, node, key, sites, depth)
        inner = tuple(Value(base.scope, item) for item in node.inputs) if node.kind is Kind.PHI else None
        aliases = self.project.aliases(base) if inner is None else inner
        return frozenset(
            thing for alias in aliases if alias != base for thing in self._item(alias, key, sites, depth + 1)
        )

    def _item_set(self, base: Value, node: Node, key: object, sites: tuple[Value, ...], depth: int) -> frozenset[Thing]:
        """An element of a container that had one set."""
        container, item, where = node.inputs
        present = self.project.node(Value(base.scope, where))
        if present.kind is Kind.CONST and present.value == key:
            return self.things(Value(base.scope, item), sites, depth + 1)
        return self._item(Value(base.scope, container), key, sites, depth + 1)

    def _item_of_call(
        self, base: Value, node: Node, key: object, sites: tuple[Value, ...], depth: int
    ) -> frozenset[Thing]:
        if SPLITS.match(self.library_name(base)):
            return frozenset({Thing(base, sites, key)})
        ref = self.project.callee(base)
        if ref is None:
            if node.name in ("list", "tuple") and node.arguments:
                return self._item(Value(base.scope, node.arguments[0]), key, sites, depth + 1)
            return frozenset({Thing(base, sites, key)})
        found = (self._item(value, key, (*sites, base), depth + 1) for value in self._returned(ref))
        return frozenset(thing for things in found for thing in things)

    # ------------------------------------------------------------------------------------------- sharing

    def holders(self, ref: Ref, thing: Thing) -> Iterator[Thing]:
        """The subsets and loaders of one scope that hold a data set."""
        for index, node in self.project.scope(ref).calls():
            holder = Thing(Value(ref, index))
            if node.arguments and self.is_holder(holder) and self.behind(holder) == {thing}:
                yield holder

    def is_shared(self, thing: Thing, ref: Ref, depth: int = 0) -> bool:
        """Whether two or more parts hold one data set, as the scopes of its maker and its user tell."""
        found = {*self.holders(ref, thing), *self.holders(thing.made.scope, thing._replace(sites=()))}
        if len(found) > 1 or any(self.is_split(holder) for holder in found):
            return True
        return depth < 2 and any(self.is_shared(holder, ref, depth + 1) for holder in found)

    def is_split(self, thing: Thing) -> bool:
        """Whether an object is a part of a split, or all parts."""
        return bool(SPLITS.match(self.library_name(thing.made)))


def element_of(project: Project, display: Value, key: object) -> Value | None:
    """The element of a tuple, list or dict display that a constant picks."""
    node = project.node(display)
    if node.name == "dict":
        half = len(node.inputs) // 2
        pairs = zip(node.inputs[:half], node.inputs[half:], strict=False)
        found = [item for where, item in pairs if project.node(Value(display.scope, where)).value == key]
        return Value(display.scope, found[-1]) if found and isinstance(key, str | int) else None
    if node.name in ("tuple", "list") and isinstance(key, int) and -len(node.inputs) <= key < len(node.inputs):
        return Value(display.scope, node.inputs[key])
    return None


@functools.lru_cache(maxsize=4)
def datasets_of(project: Project) -> Datasets:
    """The one answerer of a project, shared by the rules."""
    return Datasets(project)
