"""Samplers whose order depends on the epoch, and whether anybody tells them which epoch it is."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from typing import NamedTuple

from jitlint.libraries.loading import SETS_EPOCH, SHUFFLE_POSITION
from jitlint.semantics.graph import Kind
from jitlint.semantics.loading import loading_of
from jitlint.semantics.loops import Loops, loops_of
from jitlint.semantics.mentions import mentions_of
from jitlint.semantics.objects import Objects, Pass, argument_of, objects_of
from jitlint.semantics.programs import Programs, programs_of
from jitlint.semantics.project import Project, Value
from jitlint.semantics.purpose import Purpose
from jitlint.semantics.reads import reads_of
from jitlint.semantics.seeds import default_of

SETTERS = ("set_epoch", "set_start_iter", "set_iteration")


class Unset(NamedTuple):
    """A sampler that nobody tells the epoch, a loader that uses it, and the pass that is repeated.

    `elsewhere`: the epoch of another sampler of the project is set.
    """

    sampler: Value
    loader: Value
    repeated: Pass
    elsewhere: bool


class Epochs:
    """Finds the samplers of one project that are never told the epoch."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.objects: Objects = objects_of(project)
        self.loops: Loops = loops_of(project)
        self.programs: Programs = programs_of(project)

    @functools.cached_property
    def unset(self) -> tuple[Unset, ...]:
        """Every sampler of training data that is iterated in several epochs and never told which."""
        return tuple(self._unset())

    def _unset(self) -> Iterator[Unset]:
        for sampler in (*self.objects.epoch_samplers, *self.objects.epoch_samplers_elsewhere):
            if not self._shuffles(sampler) or self._counts_itself(sampler):
                continue
            found = next(filter(functools.partial(self._is_left_alone, sampler), self._used(sampler)), None)
            if found is not None:
                yield Unset(sampler, *found, bool(self._setters))

    def _is_left_alone(self, sampler: Value, use: tuple[Value, Pass]) -> bool:
        """Whether nobody tells a sampler the epoch in the program that iterates its loader there."""
        path = use[1].where.scope.path
        return not self.is_looked_after(path) and not self._may_be_set(sampler, path)

    def _used(self, sampler: Value) -> Iterator[tuple[Value, Pass]]:
        """The loaders of training data with this sampler, and a training pass over one that is repeated."""
        for loader in self.loaders(sampler):
            if self._is_for_evaluation(sampler, loader):
                continue
            for found in self.objects.passes(loader):
                if found.loop is not None and self._trains(found):
                    yield loader, found

    def loaders(self, sampler: Value) -> Iterator[Value]:
        """The loaders that draw their order from a sampler."""
        for loader in (*self.objects.loaders, *self.objects.loaders_elsewhere):
            for taken in (("sampler",), ("sampler", "batch_sampler")):
                if sampler in self.objects.origins(loader, taken):
                    yield loader
                    break

    def _trains(self, found: Pass) -> bool:
        """Whether a pass over a loader is one of training."""
        ref = found.where.scope
        if self.loops.evaluates(ref, found.region):
            return False
        assert found.loop is not None
        around = self.loops.loop(found.loop.scope, found.loop.node)
        return around.trains or self.loops.trains(ref) or self.loops.trains(found.loop.scope)

    # --------------------------------------------------------------------------------------- the sampler

    def _shuffles(self, sampler: Value) -> bool:
        """Whether a sampler may shuffle: unless it is told not to."""
        given = self._shuffle(sampler)
        if given is None:
            return True
        known = [self.project.node(item) for item in self.objects.origins(given)]
        return not known or any(item.kind is not Kind.CONST or item.value for item in known)

    def _shuffle(self, sampler: Value) -> Value | None:
        """What is given for `shuffle`, or its default in a class of the project."""
        setup = self.project.callee(sampler)
        if setup is None:
            given = argument_of(self.project.node(sampler), SHUFFLE_POSITION, "shuffle")
            return Value(sampler.scope, given) if given is not None else None
        argument = self.project.argument(sampler, setup, "shuffle")
        if argument is not None:
            return Value(sampler.scope, argument)
        return default_of(self.project, setup, "shuffle")

    def _counts_itself(self, sampler: Value) -> bool:
        """Whether a sampler's class goes on by itself, or never reads its epoch."""
        owner = self.objects.class_of(sampler)
        order = self.project.method(*owner, "__iter__") if owner else None
        if owner is None or order is None:
            return False
        scope = self.project.scope(order)
        own = scope.parameters[0].name if scope.parameters else "self"
        writes = any(store.name == f"{own}.epoch" for store in scope.stores)
        reads = any(node.name == "epoch" for _, node in scope.of_kind(Kind.ATTR))
        goes_on = any(node.name == "__iter__" or node.text == "super" for _, node in scope.calls())
        return writes or not (reads or goes_on)

    def _is_for_evaluation(self, sampler: Value, loader: Value) -> bool:
        """Whether the names around a sampler and its loader say that it serves evaluation."""
        purposes = {loading_of(self.project).purpose(call) for call in (sampler, loader)}
        return Purpose.EVALUATION in purposes and Purpose.TRAIN not in purposes

    # ----------------------------------------------------------------------------------- who may set it

    def is_looked_after(self, place: str) -> bool:
        """Whether a library that sets the epoch itself runs the training that a file belongs to."""
        return any(
            any(map(_sets_epoch, module.imports.values())) and self.programs.may_run_with(path, place)
            for path, module in self.project.modules.items()
        )

    @functools.cached_property
    def _setters(self) -> tuple[Value, ...]:
        """Every call that tells something the epoch, but those that hand on what somebody has to say first."""
        sites = (site for name in SETTERS for site in self.project.call_sites.get(name, ()))
        return tuple(site for site in sites if self.project.scope(site.scope).name not in SETTERS)

    def _may_be_set(self, sampler: Value, path: str) -> bool:
        """Whether some call may tell this sampler the epoch in the program of a file."""
        told = [site.scope.path for site in self._setters if self._may_mean(site, sampler)]
        return any(self.programs.may_run_with(place, path) for place in (*told, *self._said_elsewhere))

    def _may_mean(self, site: Value, sampler: Value) -> bool:
        receiver = self._receiver(site)
        return receiver is None or not self.objects.is_known(receiver) or self._reaches(receiver, sampler)

    def _receiver(self, site: Value) -> Value | None:
        node = self.project.node(site)
        return Value(site.scope, node.inputs[0]) if node.name.startswith(".") and node.inputs else None

    def _reaches(self, receiver: Value, sampler: Value) -> bool:
        """Whether a receiver may be the sampler, or something that hands the epoch on to it."""
        for origin in self.objects.origins(receiver):
            if origin == sampler:
                return True
            for taken in (("sampler",), ("batch_sampler",), ("sampler", "batch_sampler")):
                if sampler in self.objects.origins(origin, taken):
                    return True
        return False

    @functools.cached_property
    def _said_elsewhere(self) -> tuple[str, ...]:
        """Files that set an epoch where no model shows how; what an editor has not saved counts."""
        modelled = {os.path.abspath(path): path for path in self.project.modules}  # noqa: PTH100 - keys are text
        found: list[str] = []
        for name in SETTERS:
            shown = {site.scope.path for site in self.project.call_sites.get(name, ())}
            for place in mentions_of(self.project).places(name):
                key = modelled.get(place, place)
                if key not in shown and (not place.endswith(".py") or _says(reads_of(self.project).code(key), name)):
                    found.append(place)
        return tuple(found)


def _says(code: str, name: str) -> bool:
    """Whether code speaks of a method anywhere but in methods of that name, which hand on what they are told."""
    hands_on, depth = False, 0
    for line in code.splitlines():
        word, _, rest = line.partition(name)
        indent = len(line) - len(line.lstrip())
        if line.strip() and indent <= depth:
            hands_on = False
        if word.strip() in ("def", "async def") and rest[:1] == "(":
            hands_on, depth = True, indent
        elif rest and not hands_on:
            return True
    return False


def _sets_epoch(name: str) -> bool:
    return any(name == known or name.startswith(known + ".") for known in SETS_EPOCH)


@functools.lru_cache(maxsize=4)
def epochs_of(project: Project) -> Epochs:
    """The one finder of a project, shared by the rules."""
    return Epochs(project)
