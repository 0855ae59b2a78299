"""Which objects a value may be: followed back to the calls that made them, across functions, attributes and files.

The way back collects what is taken of an object on the way (`.sampler`, an element) and gives it back where the
object is made: the sampler of `DataLoader(data, sampler=s)` is `s`, the second of `return train, val` is `val`.
So "who calls `set_epoch` on this sampler?" is: whose receiver's origins contain the call that made it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from jitlint.libraries.loading import COUNTS, EPOCH_SAMPLERS, ITERATES, LOADERS
from jitlint.semantics.graph import LOOPS, Kind, Node, RegionKind
from jitlint.semantics.project import NETWORK_WRAPPERS, SAME_OBJECT, Project, Ref, Value

ANY = object()  # the key of an element that nobody knows
MOST_STEPS = 400  # of one walk; what needs more is unknown
MOST_CALLERS = 8
# What the library's objects keep of their arguments: attribute -> (position, keyword).
_KEPT = {"dataset": (0, "dataset"), "sampler": (-1, "sampler"), "batch_sampler": (-1, "batch_sampler")}
_KEEPERS = ("oader", "Sampler", "Subset", "random_split")
# Calls that give one of what they are given, at this position of what a loop gets from them.
_PASSES_ELEMENTS = frozenset("list tuple iter tqdm sorted reversed set chain deepcopy copy ModuleList".split())


class _Step(NamedTuple):
    """A value, and what is taken of it: attributes as text, elements as `(key,)`, the outermost last."""

    value: Value
    taken: tuple[object, ...] = ()


class Pass(NamedTuple):
    """A place that iterates a loader: a loop, or a call of `iter`; `loop` is the loop around it that repeats it."""

    where: Value
    region: int
    loop: Value | None  # the scope and region of a loop that runs the whole pass again


class Objects:
    """Answers "which object is this?" for the values of one project."""

    def __init__(self, project: Project) -> None:
        self.project = project

    # ------------------------------------------------------------------------------------------ origins

    def origins(self, value: Value, taken: tuple[object, ...] = ()) -> frozenset[Value]:
        """The nodes that made what a value may be: calls, or what nobody can follow further."""
        return self._walk(value, taken)[0]

    def is_known(self, value: Value) -> bool:
        """Whether every way back from a value ends at a call that makes an object, or at None."""
        found, lost = self._walk(value, ())
        return not lost and all(self.project.node(item).kind in (Kind.CALL, Kind.CONST) for item in found)

    @functools.cache  # noqa: B019 - lives as long as the run
    def _walk(self, value: Value, taken: tuple[object, ...]) -> tuple[frozenset[Value], bool]:
        """The origins, and whether a way was lost."""
        found: set[Value] = set()
        lost = False
        todo, seen = [_Step(value, taken)], {_Step(value, taken)}
        while todo and len(seen) < MOST_STEPS:
            step = todo.pop()
            before = list(self._before(step))
            if not before and not step.taken:
                found.add(step.value)
            lost = lost or (not before and bool(step.taken))
            todo += [item for item in before if item not in seen]
            seen.update(before)
        return frozenset(found), lost or bool(todo)

    def _before(self, step: _Step) -> Iterator[_Step]:
        """Where a value comes from, one step back."""
        node = self.project.node(step.value)
        if node.kind in (Kind.PHI, Kind.ENTER) or (node.kind is Kind.OP and node.name in ("or", "and")):
            yield from (_Step(Value(step.value.scope, item), step.taken) for item in node.inputs)
        elif node.kind is Kind.CALL:
            yield from self._before_call(step, node)
        elif node.kind is Kind.PARAM:
            yield from self._before_parameter(step, node)
        elif node.kind is Kind.ATTR:
            yield from self._before_attribute(step, node)
        elif node.kind is Kind.INDEX:
            key = self.project.node(Value(step.value.scope, node.inputs[1]))
            known = key.value if key.kind is Kind.CONST else ANY
            yield _Step(Value(step.value.scope, node.inputs[0]), (*step.taken, (known,)))
        elif node.kind is Kind.LOOPVAR:
            yield _Step(Value(step.value.scope, node.inputs[0]), (*step.taken, (ANY,)))
        elif node.kind is Kind.GLOBAL:
            yield from (_Step(alias, step.taken) for alias in self._aliases(step.value, node))
        elif step.taken and isinstance(step.taken[-1], tuple):
            yield from self._elements(step, node, step.taken[-1][0])

    def _aliases(self, value: Value, node: Node) -> tuple[Value, ...]:
        return tuple(alias for alias in self.project.aliases(value) if alias != value)

    def _before_attribute(self, step: _Step, node: Node) -> Iterator[_Step]:
        base = Value(step.value.scope, node.inputs[0])
        if node.name == "data":
            return
        owner = self.project.self_class(base)
        if owner is None:
            yield _Step(base, (*step.taken, node.name))
            return
        yield from (_Step(store, step.taken) for store in self.project.attribute_stores(owner, node.name))
        yield from (_Step(alias, step.taken) for alias in self.project.aliases(step.value))

    def _before_parameter(self, step: _Step, node: Node) -> Iterator[_Step]:
        """The arguments of the function's callers, and the default."""
        scope, ref = self.project.scope(step.value.scope), step.value.scope
        owner = self.project.self_class(step.value)
        if owner is not None:
            if step.taken and isinstance(step.taken[-1], str):
                stores = self.project.attribute_stores(owner, step.taken[-1])
                yield from (_Step(store, step.taken[:-1]) for store in stores)
            return
        parameter = next((item for item in scope.parameters if item.name == node.name), None)
        for site in self.project.callers(ref)[:MOST_CALLERS]:
            if parameter is not None and parameter.stars == 1:
                yield from self._gathered(step, site, scope.parameters.index(parameter) - scope.is_method)
                continue
            argument = self.project.argument(site, ref, node.name)
            if argument is not None:
                yield _Step(Value(site.scope, argument), step.taken)
        default = parameter.default if parameter is not None else -1
        if default >= 0 and scope.parent is not None:
            yield _Step(Value(Ref(ref.path, scope.parent), default), step.taken)

    def _gathered(self, step: _Step, site: Value, first: int) -> Iterator[_Step]:
        """The arguments of a call that `*steps` gathers, if one of them is taken."""
        if step.taken and isinstance(step.taken[-1], tuple):
            node = self.project.node(site)
            given = [item for item, key in zip(node.arguments, node.keywords, strict=False) if key is None]
            yield from self._picked(step._replace(value=site), tuple(given[first:]), step.taken[-1][0])

    # -------------------------------------------------------------------------------------------- calls

    def _before_call(self, step: _Step, node: Node) -> Iterator[_Step]:
        scope = step.value.scope
        if node.name.startswith(".") and node.method in SAME_OBJECT:
            yield _Step(Value(scope, node.inputs[0]), step.taken)
        elif node.method in NETWORK_WRAPPERS and node.arguments:
            yield from self._prepared(step, node)
        elif self.class_of(step.value) is not None:
            yield from self._kept_by_own(step)
        elif (ref := self.project.callee(step.value)) is not None:
            yield from (_Step(Value(ref, item), step.taken) for item in self.project.scope(ref).returns)
        elif step.taken and isinstance(step.taken[-1], str):
            yield from self._kept_by_library(step, node, step.taken[-1])
        elif step.taken and isinstance(step.taken[-1], tuple):
            yield from self._elements_of_call(step, node, step.taken[-1][0])

    def _prepared(self, step: _Step, node: Node) -> Iterator[_Step]:
        """`model, loader = prepare(model, loader)` gives each argument back in its place."""
        first = self.project.node(Value(step.value.scope, node.arguments[0]))
        if step.taken and isinstance(step.taken[-1], tuple) and len(node.arguments) > 1:
            yield from self._picked(step, node.arguments, step.taken[-1][0])
        elif first.kind is not Kind.CONST:
            yield _Step(Value(step.value.scope, node.arguments[0]), step.taken)

    def class_of(self, value: Value) -> tuple[str, str] | None:
        """(path, class) of the project if a call makes an object of one."""
        node = self.project.node(value)
        if node.kind is not Kind.CALL or node.has_receiver:
            return None
        found = self.project.find_class(value.scope.path, node.name)
        return (found[0], found[1].qualname) if found else None

    def _kept_by_own(self, step: _Step) -> Iterator[_Step]:
        """`.x` of an object of the project: what its class binds to `self.x`, else what a library's base keeps."""
        owner = self.class_of(step.value)
        if owner is None or not step.taken:
            return
        name = step.taken[-1]
        if not isinstance(name, str):
            return
        stores = self.project.attribute_stores(owner, name)
        yield from (_Step(store, step.taken[:-1]) for store in stores)
        if not stores:
            yield from self._kept_by_library(step, self.project.node(step.value), name)

    def _kept_by_library(self, step: _Step, node: Node, name: str) -> Iterator[_Step]:
        if name not in _KEPT or not node.method.endswith(_KEEPERS):
            return
        position, keyword = _KEPT[name]
        if node.method == "BatchSampler" and name == "sampler":
            position = 0
        kept = argument_of(node, position, keyword)
        if kept is not None:
            yield _Step(Value(step.value.scope, kept), step.taken[:-1])
        else:
            scope, rest = step.value.scope, step.taken[:-1]
            yield from (_Step(Value(scope, item), (*rest, (keyword,))) for item in _unpacked(node))

    # ----------------------------------------------------------------------------------------- elements

    def _elements(self, step: _Step, node: Node, key: object) -> Iterator[_Step]:
        """What lies in a display, a comprehension, or a container that got an item."""
        scope = step.value.scope
        if node.kind is Kind.COLLECTION:
            yield from self._displayed(step, node, key)
        elif node.kind is Kind.COMPREHENSION and node.inputs:
            yield _Step(Value(scope, node.inputs[1 if node.value == "dict" else 0]), step.taken[:-1])
        elif node.kind is Kind.SETITEM:
            container, item, where = node.inputs
            present = self.project.node(Value(scope, where))
            if key is ANY or present.kind is not Kind.CONST or present.value == key:
                yield _Step(Value(scope, item), step.taken[:-1])
            yield _Step(Value(scope, container), step.taken)
        elif node.kind is Kind.OP and node.name in ("+", "+="):
            yield from (_Step(Value(scope, item), step.taken) for item in node.inputs)

    def _displayed(self, step: _Step, node: Node, key: object) -> Iterator[_Step]:
        if node.name != "dict":
            yield from self._picked(step, node.inputs, key)
            return
        half = len(node.inputs) // 2
        for where, item in zip(node.inputs[:half], node.inputs[half:], strict=False):
            present = self.project.node(Value(step.value.scope, where))
            if key is ANY or present.kind is not Kind.CONST or present.value == key:
                yield _Step(Value(step.value.scope, item), step.taken[:-1])

    def _picked(self, step: _Step, items: tuple[int, ...], key: object) -> Iterator[_Step]:
        if isinstance(key, int) and -len(items) <= key < len(items):
            items = (items[key],)
        yield from (_Step(Value(step.value.scope, item), step.taken[:-1]) for item in items)

    def _elements_of_call(self, step: _Step, node: Node, key: object) -> Iterator[_Step]:
        """What a loop gets from `enumerate(x)`, `zip(a, b)`, `list(x)`, `d.values()`, `x.append(y)`."""
        scope, rest = step.value.scope, step.taken[:-1]
        if node.method in ("append", "add", "insert", "extend") and node.has_receiver and node.arguments:
            kept = rest if node.method != "extend" else step.taken
            yield _Step(Value(scope, node.arguments[-1]), kept)
            yield _Step(Value(scope, node.inputs[0]), step.taken)
        elif node.method == "enumerate" and node.arguments and rest and rest[-1] == (1,):
            yield _Step(Value(scope, node.arguments[0]), (*rest[:-1], (ANY,)))
        elif node.method == "zip" and rest and isinstance(rest[-1], tuple) and isinstance(rest[-1][0], int):
            if rest[-1][0] < len(node.arguments):
                yield _Step(Value(scope, node.arguments[rest[-1][0]]), (*rest[:-1], (ANY,)))
        elif node.method == "values" and node.has_receiver:
            yield _Step(Value(scope, node.inputs[0]), step.taken)
        elif node.method == "items" and node.has_receiver and rest and rest[-1] == (1,):
            yield _Step(Value(scope, node.inputs[0]), (*rest[:-1], (ANY,)))
        elif node.name == "dict":
            named = node.keyword(key) if isinstance(key, str) else None
            if named is not None:
                yield _Step(Value(scope, named), rest)
            else:
                yield from (_Step(Value(scope, item), step.taken) for item in _unpacked(node))
        elif node.method == "random_split" and not node.has_receiver:
            yield _Step(step.value, rest)  # a part is the split, as far as its data goes
        elif node.method in _PASSES_ELEMENTS and node.arguments:
            yield _Step(Value(scope, node.arguments[0]), step.taken)

    def given(self, call: Value, position: int, keyword: str) -> frozenset[Value]:
        """The origins of an argument of a call (or itself), also of one in an unpacked dict; empty without it."""
        node = self.project.node(call)
        argument = argument_of(node, position, keyword)
        if argument is not None:
            value = Value(call.scope, argument)
            return self.origins(value) or frozenset({value})
        unpacked = (self.origins(Value(call.scope, item), ((keyword,),)) for item in _unpacked(node))
        return frozenset(origin for origins in unpacked for origin in origins)

    # ------------------------------------------------------------------------------------------ classes

    def class_names(self, call: Value) -> frozenset[str]:
        """The qualified names of the classes that a call may make an object of, with all their bases."""
        node = self.project.node(call)
        if not node.has_receiver:
            return self._with_bases(call.scope.path, node.name)
        if node.name != "()":
            return frozenset()
        made = self.origins(Value(call.scope, node.inputs[0]))
        names = [(item.scope.path, self.project.node(item).name) for item in made]
        return frozenset(name for path, name in names if name for name in self._with_bases(path, name))

    @functools.cache  # noqa: B019 - lives as long as the run
    def _with_bases(self, path: str, name: str) -> frozenset[str]:
        found = self.project.find_class(path, name)
        if found is None:
            return frozenset({name})
        return frozenset({name, *self.project.base_names(found[0], found[1].qualname)})

    def is_loader(self, call: Value) -> bool:
        """Whether a call makes a loader, of a library or of a class derived from one."""
        return bool(self.class_names(call) & LOADERS)

    @functools.cached_property
    def loaders(self) -> tuple[Value, ...]:
        """Every loader that the project makes."""
        return tuple(self._made("oader", self.is_loader))

    @functools.cached_property
    def epoch_samplers(self) -> tuple[Value, ...]:
        """Every sampler that the project makes and whose order depends on the epoch that it is told."""
        return tuple(self._made("ampler", self._is_epoch_sampler))

    @functools.cached_property
    def loaders_elsewhere(self) -> tuple[Value, ...]:
        """Every loader that a loop of the files that were asked for iterates, and another file makes."""
        iterated = {loader for where, _ in self._iterations for loader in self.iterated(where)}
        return tuple(sorted(item for item in iterated if item.scope.path not in self.project.asked))

    @functools.cached_property
    def epoch_samplers_elsewhere(self) -> tuple[Value, ...]:
        """The samplers of such loaders that have to be told the epoch."""
        ways: tuple[tuple[object, ...], ...] = (("sampler",), ("sampler", "batch_sampler"))
        taken = {item for loader in self.loaders_elsewhere for way in ways for item in self.origins(loader, way)}
        made = (item for item in taken if self.project.node(item).kind is Kind.CALL)
        return tuple(
            sorted(item for item in made if item.scope.path not in self.project.asked and self._is_epoch_sampler(item))
        )

    def _made(self, word: str, is_so: Callable[[Value], bool]) -> Iterator[Value]:
        """The calls of something with this word in its name, or of a class derived from such a class, that are so."""
        derived = {
            name.rpartition(".")[2]
            for path in self.project.asked
            for name, model in self.project.modules[path].classes.items()
            if any(word in base for base in model.bases)
        }
        chosen = {path for path in self.project.asked if any(word in name for name in self._imports(path))}
        for call, node in self.project.calls():
            looks_so = (
                word in node.text
                or (node.name == "()" and call.scope.path in chosen)
                or (derived and node.method in derived)
            )
            if looks_so and is_so(call):
                yield call

    def _imports(self, path: str) -> Iterable[str]:
        return self.project.modules[path].imports.values()

    def _is_epoch_sampler(self, call: Value) -> bool:
        """Whether a call makes one: a library's, one derived from it, or a project's own with `set_epoch`."""
        names = self.class_names(call)
        if names & EPOCH_SAMPLERS:
            return True
        own = self.class_of(call)
        return (
            own is not None
            and self.project.method(*own, "set_epoch") is not None
            and any(name.endswith("Sampler") for name in names - {self.project.node(call).name})
        )

    # ------------------------------------------------------------------------------------------- passes

    def passes(self, loader: Value) -> Iterator[Pass]:
        """Every loop over a loader, and every `iter(loader)`, with a loop that repeats it."""
        for where, region in self._iterations:
            if loader in self.iterated(where):
                yield Pass(where, region, self._repeated(where.scope, region, loader, 0))

    @functools.cached_property
    def _iterations(self) -> tuple[tuple[Value, int], ...]:
        """What is iterated anywhere, and the region that it is iterated in."""
        found: list[tuple[Value, int]] = []
        for ref, scope in self.project.scopes():
            for region in scope.regions:
                if region.kind in (RegionKind.FOR, RegionKind.COMPREHENSION) and region.header >= 0:
                    found.append((Value(ref, region.header), region.parent))
            found += [(Value(ref, i), node.region) for i, node in scope.calls() if node.name == "iter"]
        return tuple(found)

    @functools.cache  # noqa: B019 - lives as long as the run
    def iterated(self, value: Value, depth: int = 0) -> frozenset[Value]:
        """The objects that a loop over a value runs over: of `enumerate(tqdm(loader))`, the loader."""
        found = set(self.origins(value))
        for origin in list(found):
            node = self.project.node(origin)
            if node.kind is Kind.CALL and depth < 4 and not self.is_loader(origin):
                inner = node.inputs if node.method in ITERATES or self.class_of(origin) else ()
                for item in inner:
                    found |= self.iterated(Value(origin.scope, item), depth + 1)
        return frozenset(found)

    def _repeated(self, ref: Ref, region: int, made: Value, depth: int) -> Value | None:
        """The innermost loop around a region that runs it again and does not make the object anew.

        A loop over parts (`for phase in ("train", "val")`) runs it for another object each time.
        """
        scope = self.project.scope(ref)
        for outer in scope.region_chain(region):
            if scope.regions[outer].kind in LOOPS and not self._contains(ref, outer, made) and self._counts(ref, outer):
                return Value(ref, outer)
        if depth > 4:
            return None
        for site in self.project.callers(ref)[:MOST_CALLERS]:
            around = self.project.node(site).region
            found = self._repeated(site.scope, around, made, depth + 1) if site.scope != ref else None
            if found is not None:
                return found
        return None

    def _counts(self, ref: Ref, region: int) -> bool:
        """Whether a loop counts passes: it runs over a range or over epochs, or as long as something holds."""
        scope = self.project.scope(ref)
        block = scope.regions[region]
        if block.kind is RegionKind.WHILE or block.header < 0:
            return True
        names = [scope.nodes[block.header].name]
        names += [
            store.name
            for store in scope.stores
            if scope.nodes[store.node].kind is Kind.LOOPVAR and store.region == region
        ]
        if any("epoch" in name.lower() for name in names):
            return True
        return any(self.project.node(item).method in COUNTS for item in self.iterated(Value(ref, block.header)))

    def _contains(self, ref: Ref, region: int, made: Value) -> bool:
        return made.scope == ref and self.project.scope(ref).within(self.project.node(made).region, region)


def _unpacked(node: Node) -> Iterator[int]:
    """The dicts that a call unpacks."""
    return (item for item, key in zip(node.arguments, node.keywords, strict=False) if key == "**")


def argument_of(node: Node, position: int, keyword: str) -> int | None:
    """The argument of a call by keyword, or by position (-1: only by keyword)."""
    named = node.keyword(keyword)
    if named is not None or position < 0 or node.kind is not Kind.CALL:
        return named
    arguments = node.arguments[: position + 1]
    plain = len(arguments) > position and not any(node.keywords[: position + 1])
    return arguments[position] if plain else None


@functools.lru_cache(maxsize=4)
def objects_of(project: Project) -> Objects:
    """The one answerer of a project, shared by the rules."""
    return Objects(project)
