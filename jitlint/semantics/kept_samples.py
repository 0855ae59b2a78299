"""Data sets that keep their samples after the first use, with the augmentation in them."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import NamedTuple

from jitlint.libraries.loading import SAMPLE_METHODS
from jitlint.semantics.flow import sources
from jitlint.semantics.graph import Kind, Scope
from jitlint.semantics.loading import Code, Loading, loading_of
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.provenance import Provenance, provenance_of
from jitlint.semantics.purpose import Purpose, named


class KeptSample(NamedTuple):
    """A write of a perturbed sample into what the data set keeps, and whether a loader without workers uses it."""

    write: Value
    name: str
    draw: Value
    is_certain: bool


class KeptSamples:
    """Finds the data sets of one project that keep augmented samples."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.loading: Loading = loading_of(project)
        self.provenance: Provenance = provenance_of(project)

    @functools.cached_property
    def found(self) -> tuple[KeptSample, ...]:
        """Every write of a perturbed sample that a later call reads."""
        return tuple(self._found())

    def _found(self) -> Iterator[KeptSample]:
        for ref, scope in self.project.scopes():
            if scope.name not in SAMPLE_METHODS or not scope.owner or named(scope.owner) is Purpose.EVALUATION:
                continue
            for code in self.loading.closure({Code(ref, (ref.path, scope.owner))}):
                if code.owner == (ref.path, scope.owner) and not code.region:
                    yield from self._kept(code)

    def _kept(self, code: Code) -> Iterator[KeptSample]:
        scope = self.project.scope(code.ref)
        own = scope.parameters[0].name if scope.is_method and scope.parameters else ""
        for index, node in scope.of_kind(Kind.SETITEM):
            name = self._attribute(scope, node.inputs[0], own)
            made = self.provenance.made(Value(code.ref, node.inputs[1]))
            if name is None or not made.perturbed or made.draw is None:
                continue
            if self._is_read(code.ref, scope, index, name, own):
                certain = self._survives(code)
                if certain is not None:
                    draw = Value(Ref(made.draw.path, made.draw.scope), made.draw.node)
                    yield KeptSample(Value(code.ref, index), name, draw, certain)

    def _attribute(self, scope: Scope, index: int, own: str) -> str | None:
        """`cache` of `self.cache`, `self.cache[i]` and what was set in it."""
        node = scope.nodes[index]
        for _ in range(8):
            if node.kind in (Kind.INDEX, Kind.SETITEM) or (node.kind is Kind.PHI and node.inputs):
                node = scope.nodes[node.inputs[0]]
        if node.kind is not Kind.ATTR:
            return None
        base = scope.nodes[node.inputs[0]]
        return node.name if base.kind is Kind.PARAM and base.name == own else None

    def _is_read(self, ref: Ref, scope: Scope, write: int, name: str, own: str) -> bool:
        """Whether the method returns what it finds in the same attribute, read before the write."""
        for returned in scope.returns:
            for index in sources(scope, [returned], lambda item: item != write and not self._is_test(scope, item)):
                node = scope.nodes[index]
                reads = node.kind is Kind.INDEX or (node.kind is Kind.CALL and node.name in (".get", ".pop"))
                if reads and self._attribute(scope, node.inputs[0], own) == name and self._is_whole(scope, index):
                    return self._is_asked(scope, name, own)
        return False

    def _is_test(self, scope: Scope, index: int) -> bool:
        node = scope.nodes[index]
        return node.kind is Kind.OP and node.name in ("in", "not in", "is", "is not", "==", "!=")

    def _is_whole(self, scope: Scope, index: int) -> bool:
        """Whether an element is read by a key, and not a slice of a table."""
        return scope.nodes[scope.nodes[index].inputs[-1]].name != "slice"

    def _is_asked(self, scope: Scope, name: str, own: str) -> bool:
        """Whether a condition asks whether the attribute has the sample already."""
        for region in scope.regions:
            if region.header >= 0 and any(
                self._attribute(scope, item, own) == name for item in sources(scope, [region.header])
            ):
                return True
        return False

    def _survives(self, code: Code) -> bool | None:
        """Whether the samples outlive an epoch: True if a loader surely has no workers, None if each surely has.

        Workers get a copy of the data set in every epoch, and what they keep goes with them.
        """
        loaders = [item for item in self.loading.loaders if code in self.loading.code(item.made)]
        loaders = [item for item in loaders if item.purpose is not Purpose.EVALUATION] or loaders
        if loaders and all(item.workers and item.persistent is False for item in loaders):
            return None
        return any(item.workers is False for item in loaders)


@functools.lru_cache(maxsize=4)
def kept_samples_of(project: Project) -> KeptSamples:
    """The one finder of a project, shared by the rules."""
    return KeptSamples(project)
