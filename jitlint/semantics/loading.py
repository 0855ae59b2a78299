"""The loaders of a project: what they load, with which workers, for training or for evaluation."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from jitlint.libraries.loading import COLLATING_TRAINERS, SAMPLE_METHODS, WORKERS_POSITION
from jitlint.semantics.graph import Kind, Node
from jitlint.semantics.objects import Objects, argument_of, objects_of
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.purpose import Purpose, named, purposes_of

MOST_CODE = 300  # functions that run for one sample
MOST_OBJECTS = 200
PROPERTIES = frozenset({"property", "functools.cached_property"})


class Loader(NamedTuple):
    """A loader.

    `workers`: whether it surely has worker processes, surely has none, or None if nobody can tell. `persistent`:
    whether they live on after an epoch, which True says where only a loader without workers may have none that do.
    """

    made: Value
    workers: bool | None
    purpose: Purpose
    worker_init: tuple[Value, ...]
    persistent: bool | None


class Code(NamedTuple):
    """Code that runs: a function, or the region of a lambda in one, and the class of the object whose method it is."""

    ref: Ref
    owner: tuple[str, str] | None = None
    region: int = 0


class Loading:
    """Answers "what runs in the workers of this loader?" for one project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.objects: Objects = objects_of(project)

    @functools.cached_property
    def loaders(self) -> tuple[Loader, ...]:
        """Every loader."""
        return tuple(map(self._loader, self.objects.loaders))

    def _loader(self, made: Value) -> Loader:
        inits = [item for item in self.objects.given(made, -1, "worker_init_fn") if not self._is(item, None)]
        return Loader(made, self._has_workers(made), self.purpose(made), tuple(inits), self._persistent(made))

    def _persistent(self, made: Value) -> bool | None:
        """`True if n else False` is True: torch takes it for no loader without workers, so that is what `n` asks."""
        argument = argument_of(self.project.node(made), -1, "persistent_workers")
        given = [self.project.node(item) for item in self.objects.given(made, -1, "persistent_workers")]
        if any(item.kind is Kind.CONST and item.value is True for item in given):
            return True
        lost = argument is not None and not self.objects.is_known(Value(made.scope, argument))
        return None if lost or any(item.kind is not Kind.CONST for item in given) else False

    def _is(self, value: Value, constant: object) -> bool:
        node = self.project.node(value)
        return node.kind is Kind.CONST and node.value is constant

    def _has_workers(self, made: Value) -> bool | None:
        node = self.project.node(made)
        if argument_of(node, WORKERS_POSITION, "num_workers") is None and "**" not in node.keywords:
            return None if self.objects.class_of(made) else False
        found = [self.project.node(item) for item in self.objects.given(made, WORKERS_POSITION, "num_workers")]
        if not found or any(item.kind is not Kind.CONST for item in found):
            return None
        return any(item.value != 0 for item in found)

    def purpose(self, call: Value) -> Purpose:
        """What the names around a call say that it is for: its own, its arguments', the function's and the guards'."""
        said = set(self._said(call))
        if Purpose.TRAIN in said:
            return Purpose.TRAIN
        return Purpose.EVALUATION if Purpose.EVALUATION in said else Purpose.UNKNOWN

    def _said(self, call: Value) -> Iterator[Purpose]:
        node, scope = self.project.node(call), self.project.scope(call.scope)
        names = [*self.project.bound_names(call), *self.keys(call)]
        for item in node.arguments:
            names += [scope.nodes[item].name, *self.project.bound_names(Value(call.scope, item))]
            key = scope.nodes[scope.nodes[item].inputs[1]] if scope.nodes[item].kind is Kind.INDEX else None
            names += [key.value] if key is not None and isinstance(key.value, str) else []
        yield from map(named, names)
        yield from purposes_of(self.project).guards(call.scope, scope, node.region)
        yield named(scope.name)

    def keys(self, call: Value) -> Iterator[str]:
        """The keys that a call's value has in the dicts of its scope."""
        scope = self.project.scope(call.scope)
        for _, node in scope.of_kind(Kind.COLLECTION):
            if node.name == "dict" and call.node in node.inputs:
                key = scope.nodes[node.inputs[node.inputs.index(call.node) - len(node.inputs) // 2]].value
                yield from [key] if isinstance(key, str) else []
        for _, node in scope.of_kind(Kind.SETITEM):
            key = scope.nodes[node.inputs[2]].value
            yield from [key] if node.inputs[1] == call.node and isinstance(key, str) else []

    # ---------------------------------------------------------------------------------------- what runs

    @functools.cache  # noqa: B019 - lives as long as the run
    def code(self, loader: Value) -> frozenset[Code]:
        """Everything of the project that runs in a worker for a sample or a batch of a loader."""
        entries = [code for thing in self.loaded(loader) for code in self._entries(thing)]
        entries += [code for made in self.objects.given(loader, -1, "collate_fn") for code in self.called(made)]
        return self.closure(entries)

    @functools.cached_property
    def training_code(self) -> frozenset[Ref]:
        """The functions that surely run for each sample or batch that a network is trained on."""
        loaders = [loader.made for loader in self.loaders if loader.purpose is Purpose.TRAIN]
        found = {code.ref for made in loaders for code in self.code(made)}
        for call, node in self.project.calls():
            if node.name in COLLATING_TRAINERS and node.keyword("train_dataset") is not None:
                given = self.objects.given(call, -1, "data_collator")
                found |= {code.ref for code in self.closure(code for made in given for code in self.called(made))}
        return frozenset(found)

    def loaded(self, loader: Value) -> frozenset[Value]:
        """The data sets of a loader, and what libraries' data sets among them are made of."""
        found = self.objects.given(loader, 0, "dataset")
        return frozenset(thing for dataset in found for thing in self.held(dataset))

    def _entries(self, thing: Value) -> Iterator[Code]:
        """What makes samples: methods of a data set, or of a transform or function that a library's data set calls."""
        owner = self.objects.class_of(thing)
        if owner is None:
            yield from self._function(thing)
            return
        methods = (self.project.method(*owner, name) for name in SAMPLE_METHODS)
        found = [Code(ref, owner) for ref in methods if ref is not None]
        yield from found or self._function(thing)

    @functools.cache  # noqa: B019 - lives as long as the run
    def held(self, value: Value) -> frozenset[Value]:
        """The objects a value may be, and those that libraries' objects among them are made of.

        `Subset(data, part)` and `ConcatDataset([a, b])` are made of data sets, `Compose([a, b])` of transforms.
        """
        found: set[Value] = set()
        todo = [*self.objects.origins(value)]
        while todo and len(found) < MOST_OBJECTS:
            thing = todo.pop()
            if thing not in found:
                found.add(thing)
                todo += self._parts(thing)
        return frozenset(found)

    def _parts(self, thing: Value) -> Iterator[Value]:
        node = self.project.node(thing)
        made_of = node.kind is Kind.CALL and self.objects.class_of(thing) is None
        if made_of or node.kind in (Kind.COLLECTION, Kind.COMPREHENSION):
            for item in node.inputs:
                yield from self.objects.origins(Value(thing.scope, item))

    @functools.cache  # noqa: B019 - lives as long as the run
    def kept(self, owner: tuple[str, str]) -> frozenset[Value]:
        """What the objects of a class keep, as far as it is made of objects."""
        module = self.project.modules[owner[0]]
        names = {
            store.name.partition(".")[2]
            for scope in module.scopes.values()
            if scope.owner == owner[1]
            for store in scope.stores
            if "." in store.name
        }
        stores = [store for name in names for store in self.project.attribute_stores(owner, name)]
        return frozenset(thing for store in stores for thing in self.held(store))

    def closure(self, entries: Iterable[Code]) -> frozenset[Code]:
        """Some code and everything that it calls in the project."""
        found: set[Code] = set()
        todo = list(entries)
        while todo and len(found) < MOST_CODE:
            code = todo.pop()
            if code in found:
                continue
            found.add(code)
            for index, node in self.calls(code):
                todo += self._callees(code, index, node)
            todo += self._properties(code)
        return frozenset(found)

    def _properties(self, code: Code) -> Iterator[Code]:
        """The properties of its own object that some code reads."""
        if code.owner is None:
            return
        for _, node in self.project.scope(code.ref).of_kind(Kind.ATTR):
            ref = self.project.method(*code.owner, node.name)
            own = ref is not None and self.project.self_class(Value(code.ref, node.inputs[0])) is not None
            if (
                ref is not None
                and own
                and {"property", "functools.cached_property"} & set(self.project.scope(ref).decorators)
            ):
                yield Code(ref, code.owner)

    def calls(self, code: Code) -> Iterator[tuple[int, Node]]:
        """The calls of some code."""
        scope = self.project.scope(code.ref)
        return ((index, node) for index, node in scope.calls() if scope.within(node.region, code.region))

    def _callees(self, code: Code, index: int, node: Node) -> Iterator[Code]:
        """What a call of running code may call in the project."""
        value = Value(code.ref, index)
        if node.name.startswith("."):
            yield from self._methods(code, value, node)
        elif node.name == "()":
            yield from self.called(Value(code.ref, node.inputs[0]))
        else:
            ref = self.project.callee(value)
            if ref is not None and self.project.scope(ref).name != "__init__":
                yield Code(ref)

    def _methods(self, code: Code, value: Value, node: Node) -> Iterator[Code]:
        receiver = Value(code.ref, node.inputs[0])
        if code.owner is not None and self.project.self_class(receiver) is not None:
            method = self.project.method(*code.owner, node.method)
            if method is not None:
                yield Code(method, code.owner)
                return
            for store in self.project.attribute_stores(code.owner, node.method):
                yield from self.called(store)
            return
        things = [thing for item in self.receivers(code, receiver) for thing in self.held(item)]
        owners = {owner for thing in things if (owner := self.objects.class_of(thing)) is not None}
        for owner in owners:
            method = self.project.method(*owner, node.method)
            if method is not None:
                yield Code(method, owner)
        ref = self.project.callee(value) if not owners else None
        if ref is not None:
            own = self.project.scope(ref).owner
            yield Code(ref, (ref.path, own) if own else None)

    def receivers(self, code: Code, receiver: Value) -> tuple[Value, ...]:
        """What `self.x` is for an object of the class that the code runs for, which may be a derived one."""
        node = self.project.node(receiver)
        if node.kind is Kind.ATTR and code.owner is not None:
            base = Value(receiver.scope, node.inputs[0])
            if self.project.self_class(base) is not None:
                return self.project.attribute_stores(code.owner, node.name) or (receiver,)
        return (receiver,)

    def called(self, value: Value) -> Iterator[Code]:
        """The code that runs when a value is called: a function, a lambda, a method, `partial(f)`, an object."""
        for thing in self.held(value) or (value,):
            yield from self._function(thing)

    def _function(self, thing: Value) -> Iterator[Code]:
        node = self.project.node(thing)
        if node.kind is Kind.LAMBDA:
            body = self.project.node(Value(thing.scope, node.inputs[0]))
            yield Code(thing.scope, None, body.region)
        elif node.kind is Kind.GLOBAL:
            ref = self.project.function(thing.scope.path, node.name)
            if ref is not None and self.project.scope(ref).name != "__init__":
                yield Code(ref)
        elif node.kind is Kind.ATTR:
            yield from self._bound_method(thing, node)
        elif (owner := self.objects.class_of(thing)) is not None:
            methods = (self.project.method(*owner, name) for name in ("__call__", "forward"))
            yield from (Code(ref, owner) for ref in methods if ref is not None)

    def _bound_method(self, thing: Value, node: Node) -> Iterator[Code]:
        """`self.reseed`, `data.reseed`."""
        base = Value(thing.scope, node.inputs[0])
        own = self.project.self_class(base)
        owners = [own] if own is not None else [self.objects.class_of(item) for item in self.objects.origins(base)]
        for owner in owners:
            ref = self.project.method(*owner, node.name) if owner is not None else None
            if ref is not None:
                yield Code(ref, owner)


@functools.lru_cache(maxsize=4)
def loading_of(project: Project) -> Loading:
    """The one answerer of a project, shared by the rules."""
    return Loading(project)
