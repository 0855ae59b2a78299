"""What a transform pipeline is: does it augment, and is it meant for training or for evaluation."""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Iterable
from typing import NamedTuple

from jitlint import catalogue
from jitlint.semantics.augmenters import Augmenters, augmenters_of
from jitlint.semantics.datasets import datasets_of, element_of
from jitlint.semantics.graph import Kind, Node
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.purpose import Purpose, named

MAX_DEPTH = 10
_MODE_KEYWORDS = frozenset("train is_train training is_training augment augmentation aug".split())
_TRANSFORM_NAME = re.compile(r"transform|tfm|(?:^|_)tf(?:_|$)|aug|pipeline|preproc", re.IGNORECASE)


class Augments(enum.Enum):
    """Whether a pipeline changes what it gets at random."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Pipeline(NamedTuple):
    """A transform as a value, with what is known of it."""

    value: Value
    augments: Augments
    purpose: Purpose

    @property
    def trains(self) -> bool:
        """Whether this is the random pipeline that training should have."""
        return self.augments is Augments.YES or (self.augments is Augments.UNKNOWN and self.purpose is Purpose.TRAIN)

    @property
    def evaluates(self) -> bool:
        """Whether this pipeline leaves images as they are, or is called one for evaluation."""
        return self.augments is Augments.NO or (
            self.augments is Augments.UNKNOWN and self.purpose is Purpose.EVALUATION
        )


class Pipelines:
    """Judges the pipelines of one project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.augmenters: Augmenters = augmenters_of(project)

    def of(self, value: Value, names: Iterable[str] = ()) -> Pipeline:
        """A value as a pipeline; `names` are further names that tell what it is for."""
        purposes = [named(name) for name in (*self._names(value), *names)]
        known = [purpose for purpose in purposes if purpose is not Purpose.UNKNOWN]
        return Pipeline(value, self.augments(value), known[0] if known else Purpose.UNKNOWN)

    # ---------------------------------------------------------------------------------------- contents

    def augments(self, value: Value, depth: int = 0) -> Augments:
        """Whether the transform that a value holds draws."""
        node = self.project.node(value)
        if depth > MAX_DEPTH:
            return Augments.UNKNOWN
        if node.kind is Kind.CONST:
            return Augments.NO if node.value is None else Augments.UNKNOWN
        if node.kind is Kind.CALL:
            return self._made(value, node, depth)
        if node.kind is Kind.INDEX:
            return self._indexed(value, node, depth)
        if node.kind is Kind.COLLECTION:
            return _any(self._parts(value, node.inputs, depth))
        if node.kind is Kind.PHI:
            return _same(self._parts(value, node.inputs, depth))
        if node.kind is Kind.OP and node.name == "+":
            return _any(self._parts(value, node.inputs, depth))
        return _same([self.augments(alias, depth + 1) for alias in self.project.aliases(value)])

    def is_library_pipeline(self, value: Value, depth: int = 0) -> bool:
        """Whether a value is a library's transform (which gives back a copy) that draws, or None."""
        node = self.project.node(value)
        if node.kind is Kind.CALL and not node.has_receiver and self.project.callee(value) is None:
            known = node.name.startswith(catalogue.TRANSFORM_MODULES) and "geometric" not in node.name
            return known and self.augments(value) is Augments.YES
        aliases = self.project.aliases(value)
        return bool(aliases) and depth < 3 and all(self.is_library_pipeline(item, depth + 1) for item in aliases)

    def _parts(self, value: Value, nodes: Iterable[int], depth: int) -> list[Augments]:
        return [self.augments(Value(value.scope, node), depth + 1) for node in nodes]

    def _made(self, value: Value, node: Node, depth: int) -> Augments:
        """What a call gives: a transform of a library or of the project, or what a function returns."""
        if not node.has_receiver and self.project.find_class(value.scope.path, node.name):
            return Augments.YES if self.augmenters.is_transform(value) else Augments.UNKNOWN
        ref = self.project.callee(value)
        if ref is not None and self.project.scope(ref).name != "__init__":
            return self._returned(ref, depth)
        if node.has_receiver:
            return Augments.UNKNOWN
        if catalogue.is_transform_class(node.name):
            return Augments.YES
        if node.method in catalogue.COMPOSERS:
            return _any(self._parts(value, node.arguments[:1], depth))
        is_known = node.name.startswith(catalogue.TRANSFORM_MODULES) and node.method != "Lambda"
        return Augments.NO if is_known else Augments.UNKNOWN

    def _returned(self, ref: Ref, depth: int) -> Augments:
        return _same([self.augments(Value(ref, node), depth + 1) for node in self.project.scope(ref).returns])

    def _indexed(self, value: Value, node: Node, depth: int) -> Augments:
        key = self.project.node(Value(value.scope, node.inputs[1])).value
        base = Value(value.scope, node.inputs[0])
        displays = [base, *self.project.aliases(base)]
        found = [element_of(self.project, item, key) for item in displays if self._is_display(item)]
        return _same([self.augments(item, depth + 1) for item in found if item is not None])

    def _is_display(self, value: Value) -> bool:
        return self.project.node(value).kind is Kind.COLLECTION

    # ------------------------------------------------------------------------------------------- names

    def _names(self, value: Value) -> Iterable[str]:
        """What a value is called: its key, its name, the arguments of the call that makes it."""
        node = self.project.node(value)
        scope = self.project.scope(value.scope)
        if node.kind is Kind.INDEX:
            key = self.project.node(Value(value.scope, node.inputs[1])).value
            yield from [key] if isinstance(key, str) else []
        if node.kind is Kind.CONST:
            yield from _said_by_constant(node.value)
        if node.kind is Kind.CALL:
            yield from self._said_by_arguments(value, node)
            yield node.text
        elif node.kind in (Kind.ATTR, Kind.GLOBAL, Kind.PARAM, Kind.PHI):
            yield node.name
        yield from (store.name for store in scope.stores if store.node == value.node and "dataset." not in store.name)

    def _said_by_arguments(self, value: Value, node: Node) -> Iterable[str]:
        """`train=True` says train, `train=False` says test, `"val"` says val."""
        for argument, key in zip(node.arguments, node.keywords, strict=False):
            constant = self.project.node(Value(value.scope, argument)).value
            if key in _MODE_KEYWORDS or key is None or isinstance(constant, str):
                yield from _said_by_constant(constant)

    def passed_to(self, call: Value, sites: tuple[Value, ...] = ()) -> Pipeline | None:
        """The training pipeline that a data set is made with; `sites` are the calls that lead to the code."""
        node = self.project.node(call)
        if node.kind is not Kind.CALL:
            return None
        for argument, key in zip(node.arguments, node.keywords, strict=False):
            passed = Value(call.scope, argument)
            given = datasets_of(self.project).given(passed, sites)
            found = self.of(given, [*self._names(passed), key or ""])
            if found.trains and (found.augments is Augments.YES or self._is_named_transform(found, key)):
                return found
        return None

    def _is_named_transform(self, pipeline: Pipeline, key: str | None) -> bool:
        return any(_TRANSFORM_NAME.search(name) for name in (*self._names(pipeline.value), key or ""))


def _said_by_constant(constant: object) -> Iterable[str]:
    """`True` says train, `False` says test, `"val"` says val."""
    if isinstance(constant, bool):
        yield "train" if constant else "test"
    elif isinstance(constant, str):
        yield constant


def _any(parts: list[Augments]) -> Augments:
    """A chain augments if one part does, and does not if no part does."""
    if Augments.YES in parts:
        return Augments.YES
    return Augments.UNKNOWN if Augments.UNKNOWN in parts else Augments.NO


def _same(parts: list[Augments]) -> Augments:
    """Of alternatives, what all of them do."""
    return parts[0] if parts and all(part is parts[0] for part in parts) else Augments.UNKNOWN


@functools.lru_cache(maxsize=4)
def pipelines_of(project: Project) -> Pipelines:
    """The one judge of a project's pipelines, shared by the rules."""
    return Pipelines(project)
