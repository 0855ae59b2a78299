"""Whether code that is handed on draws: a function, a lambda, a transform, given to `map` or to a cache."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from jitlint.semantics.augmenters import Augmenters, How, augmenters_of
from jitlint.semantics.calls import is_draw
from jitlint.semantics.graph import Kind
from jitlint.semantics.loading import Code, Loading, loading_of
from jitlint.semantics.project import Project, Value
from jitlint.semantics.provenance import Provenance, provenance_of


class Randomness:
    """Answers "what does this draw?" for the code of one project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.loading: Loading = loading_of(project)
        self.augmenters: Augmenters = augmenters_of(project)
        self.provenance: Provenance = provenance_of(project)

    def called(self, value: Value, augments: bool = False) -> Value | None:
        """The first draw (or, with `augments`, augmentation) that happens when a value is called, or None."""
        if self.augmenters.is_transform(value):
            return value
        return self.code(frozenset(self.loading.called(value)), augments)

    @functools.cache  # noqa: B019 - lives as long as the run
    def code(self, entries: frozenset[Code], augments: bool = False) -> Value | None:
        """The first draw (or augmentation) in some code and in what it calls."""
        closure = self.loading.closure(entries)
        found = [value for code in closure for value in self._drawn(code, augments)]
        if not found and augments and any(self.provenance.perturbs(code.ref) for code in closure):
            return self.code(entries)
        return min(found, default=None)

    def _drawn(self, code: Code, augments: bool) -> Iterator[Value]:
        for index, _ in self.loading.calls(code):
            value = Value(code.ref, index)
            if (not augments and is_draw(self.project, value)) or self.augments(value):
                yield value

    def augments(self, value: Value) -> bool:
        """Whether a call augments, and not by its name alone."""
        how = self.augmenters.call(value)
        return how is How.SURE or (how is not None and self._has_draw(value))

    def _has_draw(self, value: Value) -> bool:
        """Whether a call that only looks like an augmentation has a draw in the project, or leads out of it."""
        ref = self.project.callee(value)
        return ref is None or self.provenance.returns(ref).draw is not None

    def loaded(self, loader: Value) -> Value | None:
        """The first draw in what a loader loads."""
        for thing in self.loading.loaded(loader):
            if self.project.node(thing).kind is Kind.CALL and self.augmenters.is_transform(thing):
                return thing
        code = self.loading.code(loader)
        for owner in {part.owner for part in code if part.owner is not None}:
            for thing in self.loading.kept(owner):
                if self.augmenters.is_transform(thing):
                    return thing
        return self.code(code)


@functools.lru_cache(maxsize=4)
def randomness_of(project: Project) -> Randomness:
    """The one answerer of a project, shared by the rules."""
    return Randomness(project)
