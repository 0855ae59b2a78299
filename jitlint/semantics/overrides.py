"""Finds transforms that are set on a data set which training and validation share, and so replace each other."""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from jitlint.diagnostic import Span
from jitlint.semantics.datasets import COPIES, Datasets, Thing, datasets_of
from jitlint.semantics.graph import LOOPS, Kind, Node, RegionKind, Scope
from jitlint.semantics.loops import loops_of
from jitlint.semantics.pipelines import Augments, Pipeline, pipelines_of
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.purpose import Purpose, named

_TRANSFORM = re.compile(r"^(?:\w+_)?(?:transforms?|transformations?|augmentations?|augmenter|tfms?|aug|augs)$")
_SWITCH = re.compile(
    r"^(?:is_)?(?:train|training)(?:_mode)?$|^(?:(?:do|use|is|apply|enable)_)?aug\w*$|^(?:mode|split|phase)$"
)
_TARGET = re.compile(r"target|label|mask")
_PARAMETERS = "parameters"  # the part of a `Thing` that is only known through a function's parameters


class Write(NamedTuple):
    """An attribute of a data set is set: `val.dataset.transform = pipeline`."""

    ref: Ref
    statement: int
    region: int
    span: Span
    holder: str  # as written, if it can be bound to a copy: `val.dataset`
    purpose: Purpose  # of the part that it is set through
    attribute: str
    thing: Thing
    pipeline: Pipeline
    parts: frozenset[Thing]  # the subsets or loaders that it may be set through

    @property
    def trains(self) -> bool:
        """Whether this sets the pipeline that training should have."""
        return self.purpose is not Purpose.EVALUATION and self.pipeline.trains

    @property
    def evaluates(self) -> bool:
        """Whether this sets the pipeline of an evaluation."""
        return self.purpose is not Purpose.TRAIN and self.pipeline.evaluates


class Override(NamedTuple):
    """A training pipeline that is not used: `last` replaces it, or (None) nothing reads it."""

    wanted: Pipeline
    write: Write | None  # what set the wanted pipeline; None if the data set was made with it
    thing: Thing
    last: Write | None
    others: tuple[Write, ...] = ()  # every write of an evaluation's pipeline

    @property
    def is_guess(self) -> bool:
        """Whether nothing but `.dataset` tells that the parts share their data."""
        return self.thing.part == _PARAMETERS

    @property
    def certain(self) -> bool:
        """Whether the contents of the pipelines, and not only their names, tell."""
        last = self.last.pipeline.augments if self.last else Augments.NO
        return self.wanted.augments is Augments.YES and last is Augments.NO


class Overrides:
    """The overridden pipelines of one project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.datasets: Datasets = datasets_of(project)
        self.pipelines = pipelines_of(project)
        self.loops = loops_of(project)

    @functools.cached_property
    def found(self) -> tuple[Override, ...]:
        """All of them, in order of the files."""
        return tuple(item for ref, scope in self.project.scopes() for item in self._in_scope(ref, scope))

    def _in_scope(self, ref: Ref, scope: Scope) -> Iterator[Override]:
        """One override a data set, however many of its attributes are set."""
        first: dict[Thing, Override] = {}
        for override in self._all(ref, scope):
            present = first.setdefault(override.thing, override)
            if present is not override and _is_switch(present) and not _is_switch(override):
                first[override.thing] = override
        yield from first.values()

    def _all(self, ref: Ref, scope: Scope) -> Iterator[Override]:
        groups: dict[tuple[Thing, str], list[Write]] = defaultdict(list)
        for write in self._writes(ref, scope):
            groups[write.thing, write.attribute].append(write)
        for (thing, _), writes in groups.items():
            writes.sort(key=lambda write: write.statement)
            found = self._ignored(thing, writes) if self.datasets.is_subset(thing) else self._replaced(thing, writes)
            if found is not None:
                yield found

    # ------------------------------------------------------------------------------------------- writes

    def _writes(self, ref: Ref, scope: Scope) -> Iterator[Write]:
        for store in scope.stores:
            attribute = store.name.rpartition(".")[2]
            if store.base >= 0 and self._matters(attribute):
                holder = store.name.rpartition(".")[0]
                yield from self._write(ref, scope, store.base, attribute, store.node, store.statement, holder)
        for _, node in scope.calls():
            if node.name == "setattr" and len(node.arguments) == 3:
                base, name, value = node.arguments
                constant = scope.nodes[name].value
                if isinstance(constant, str) and self._matters(constant):
                    yield from self._write(ref, scope, base, constant, value, node.statement, "")

    def _matters(self, attribute: str) -> bool:
        return bool(_TRANSFORM.match(attribute) or _SWITCH.match(attribute)) and not _TARGET.search(attribute)

    def _write(
        self, ref: Ref, scope: Scope, base: int, attribute: str, node: int, statement: int, holder: str
    ) -> Iterator[Write]:
        """One write for each data set that the base may be, if it is sure which one that is."""
        names = tuple(self._holder_names(scope, base, holder))
        pipeline = self.pipelines.of(Value(ref, node), names)
        purpose = next((found for found in map(named, names) if found is not Purpose.UNKNOWN), Purpose.UNKNOWN)
        things = self.datasets.things(Value(ref, base)) or _behind_parameters(ref, scope, base)
        owned = scope.parameters and scope.nodes[base].kind is Kind.PARAM and scope.nodes[base].name == "self"
        if len(things) == 1 and not owned:
            stated = scope.statements[statement]
            (thing,) = things
            parts = self._parts(Value(ref, base))
            bindable = thing.part == _PARAMETERS or self._can_be_bound(holder, purpose, parts)
            holder = holder if bindable else ""
            yield Write(ref, statement, stated.region, stated.span, holder, purpose, attribute, thing, pipeline, parts)

    def _parts(self, base: Value) -> frozenset[Thing]:
        found = (self.datasets.things(part) for part in self.datasets.receivers(base))
        return frozenset(thing for things in found for thing in things)

    def _can_be_bound(self, holder: str, purpose: Purpose, parts: frozenset[Thing]) -> bool:
        """Whether `holder = copy.copy(holder)` would part it: not of a loader, whose data set cannot be set."""
        if not holder.endswith(".dataset"):
            return purpose is Purpose.EVALUATION and "." not in holder
        return len(parts) == 1 and all(self.datasets.is_subset(part) for part in parts)

    def _holder_names(self, scope: Scope, base: int, holder: str) -> Iterator[str]:
        """The names and keys through which a data set is reached: `val_ds`, `"val"`."""
        yield from reversed(holder.split("."))
        todo = [base]
        while todo:
            index = todo.pop(0)
            node = scope.nodes[index]
            yield node.name
            yield from (name for name, nodes in scope.variables.items() if index in nodes)
            if node.kind is Kind.INDEX and isinstance(key := scope.nodes[node.inputs[1]].value, str):
                yield key
            if node.kind in (Kind.ATTR, Kind.INDEX):
                todo.append(node.inputs[0])
            elif node.kind is Kind.LOOPVAR and scope.nodes[node.inputs[0]].kind is Kind.COLLECTION:
                todo += scope.nodes[node.inputs[0]].inputs

    # --------------------------------------------------------------------------------------- overridden

    def _replaced(self, thing: Thing, writes: list[Write]) -> Override | None:
        """The training pipeline that the last of several writes to one data set replaces."""
        last = writes[-1]
        scope = self.project.scope(last.ref)
        earlier = [write for write in writes[:-1] if write.trains and not self._excludes(scope, write, last)]
        direct = last.purpose is Purpose.UNKNOWN and not last.parts
        if not last.evaluates or ((direct or thing.part == _PARAMETERS) and not earlier):
            return None
        write = earlier[-1] if earlier else None
        wanted = write.pipeline if write else self._made_with(thing, last.attribute)
        if wanted is None or wanted.value == last.pipeline.value or not self._is_shared(thing, writes, scope):
            return None
        start = write.statement if write else self._start(thing, last.ref)
        if self._is_used_between(last.ref, scope, start, last) or self._is_separated(thing, last.ref, scope):
            return None
        return Override(wanted, write, thing, last, tuple(item for item in writes if item.evaluates))

    def _made_with(self, thing: Thing, attribute: str) -> Pipeline | None:
        """The pipeline that a data set was made with, or the switch that was on."""
        if _SWITCH.match(attribute):
            node = self.project.node(thing.made)
            given = node.keyword(attribute) if node.kind is Kind.CALL else None
            found = self.pipelines.of(Value(thing.made.scope, given)) if given is not None else None
            return found if found is not None and found.trains else None
        return self.pipelines.passed_to(thing.made, thing.sites)

    def _start(self, thing: Thing, ref: Ref) -> int:
        return self.project.node(thing.made).statement if thing.made.scope == ref else -1

    def _excludes(self, scope: Scope, one: Write, other: Write) -> bool:
        """Whether two writes stand in branches of which only one runs."""
        kinds = {scope.regions[region].statement: scope.regions[region].kind for region in self._branches(scope, one)}
        return any(
            kinds.get(scope.regions[region].statement, scope.regions[region].kind) != scope.regions[region].kind
            for region in self._branches(scope, other)
        )

    def _branches(self, scope: Scope, write: Write) -> list[int]:
        kinds = (RegionKind.THEN, RegionKind.ELSE)
        return [region for region in scope.region_chain(write.region) if scope.regions[region].kind in kinds]

    def _is_shared(self, thing: Thing, writes: list[Write], scope: Scope) -> bool:
        last = writes[-1]
        if thing.part == _PARAMETERS:
            return len({write.holder for write in writes}) > 1
        parts = frozenset(part for write in writes for part in write.parts)
        if len(parts) > 1 or any(map(self.datasets.is_split, parts)) or self.datasets.is_shared(thing, last.ref):
            return True
        names = {name for name, nodes in scope.variables.items() if named(name) is Purpose.TRAIN and nodes}
        return last.purpose is Purpose.EVALUATION and any(
            self.datasets.things(Value(last.ref, scope.variables[name][-1])) == {thing} for name in names
        )

    def _is_used_between(self, ref: Ref, scope: Scope, start: int, last: Write) -> bool:
        """Whether training runs while the wanted pipeline is still in place, or the writes take turns in a loop."""
        for index, region in enumerate(scope.regions):
            if region.kind in LOOPS and start < region.statement < last.statement:
                loop = self.loops.loop(ref, index)
                if loop.trains or (loop.loader and not scope.within(last.region, index)):
                    return True
        return any(
            start < node.statement < last.statement and self._uses(Value(ref, index), node)
            for index, node in scope.calls()
        )

    def _uses(self, value: Value, node: Node) -> bool:
        return node.method in ("fit", "train_model") or self.loops.is_training_call(value)

    def _is_separated(self, thing: Thing, ref: Ref, scope: Scope) -> bool:
        """Whether the training part gets a data set of its own."""
        for store in scope.stores:
            node = scope.nodes[store.node]
            copies = node.kind is Kind.CALL and node.name in COPIES and bool(node.arguments)
            replaced = store.name.endswith(".dataset") and store.base >= 0
            if not (copies or replaced) or self._is_for_evaluation(store.name):
                continue
            source = Value(ref, node.arguments[0]) if copies else Value(ref, store.base)
            if self._leads_to(source, thing):
                return True
        return False

    def _is_for_evaluation(self, name: str) -> bool:
        return any(named(part) is Purpose.EVALUATION for part in name.split("."))

    def _leads_to(self, value: Value, thing: Thing) -> bool:
        things = self.datasets.things(value)
        return thing in things or any(thing in self.datasets.behind(item) for item in things)

    # ------------------------------------------------------------------------------------------ ignored

    def _ignored(self, thing: Thing, writes: list[Write]) -> Override | None:
        """A transform set on a `Subset`, which never looks at it."""
        wanted = [write for write in writes if write.trains and _TRANSFORM.match(write.attribute)]
        if not wanted or self._is_read(wanted[-1].attribute):
            return None
        inner = self.datasets.behind(thing)
        if len(inner) != 1 or self._augments_anyway(wanted[-1].ref, next(iter(inner))):
            return None
        return Override(wanted[-1].pipeline, wanted[-1], thing, None)

    def _augments_anyway(self, ref: Ref, inner: Thing) -> bool:
        if self.pipelines.passed_to(inner.made, inner.sites) is not None:
            return True
        scope = self.project.scope(ref)
        return any(write.thing == inner and not write.evaluates for write in self._writes(ref, scope))

    def _is_read(self, attribute: str) -> bool:
        """Whether the project reads this attribute of anything but `self`."""
        return any(self._reads(scope.nodes, attribute) for _, scope in self.project.scopes())

    def _reads(self, nodes: Iterable[Node], attribute: str) -> bool:
        every = tuple(nodes)
        read = [node for node in every if node.name == attribute and node.kind is Kind.ATTR]
        called = [node for node in every if node.name == "." + attribute and node.kind is Kind.CALL]
        receivers = [every[node.inputs[0]] for node in (*read, *called)]
        return any(node.kind is not Kind.PARAM or node.name != "self" for node in receivers)


def _behind_parameters(ref: Ref, scope: Scope, base: int) -> frozenset[Thing]:
    """What `train.dataset` and `val.dataset` of a function's parameters are: the one data set that was split.

    Nearly always so where nobody can see the callers: only subsets and loaders have such an attribute.
    """
    holders = {
        index: scope.nodes[node.inputs[0]]
        for index, node in scope.of_kind(Kind.ATTR)
        if node.name == "dataset" and scope.nodes[node.inputs[0]].kind is Kind.PARAM
    }
    parts = [index for index, holder in holders.items() if holder.name != "self" and "oader" not in holder.name]
    return frozenset({Thing(Value(ref, parts[0]), (), _PARAMETERS)}) if base in parts else frozenset()


def _is_switch(override: Override) -> bool:
    return override.last is not None and not _TRANSFORM.match(override.last.attribute)


@functools.lru_cache(maxsize=4)
def overrides_of(project: Project) -> Overrides:
    """The one finder of a project, shared by the rules."""
    return Overrides(project)
