"""Draws from numpy's global generator in worker processes that an old torch leaves unseeded."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import NamedTuple

from jitlint.libraries.frameworks import TORCH
from jitlint.libraries.generators import GLOBAL_SEEDS, NUMPY_SEEDED_SINCE, SEEDS_ALL
from jitlint.libraries.loading import SAMPLE_METHODS
from jitlint.semantics.flow import reached
from jitlint.semantics.graph import Kind
from jitlint.semantics.loading import Code, Loader, Loading, loading_of
from jitlint.semantics.mentions import mentions_of
from jitlint.semantics.project import Project, Value
from jitlint.semantics.purpose import Purpose, named
from jitlint.semantics.requirements import requirements_of
from jitlint.semantics.worker_seeds import library_of
from jitlint.versions import Allowed


class Unseeded(NamedTuple):
    """A draw in a worker, the loader (None if it stands where no model is), and the versions of torch allowed."""

    draw: Value
    loader: Loader | None
    allowed: Allowed


class UnseededNumpy:
    """Finds such draws in one project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.loading: Loading = loading_of(project)

    @functools.cached_property
    def found(self) -> tuple[Unseeded, ...]:
        """The first draw of each data set."""
        found: dict[Value, Unseeded] = {}
        for code, loader in (*self._loaded(), *self._others()):
            draw = self._draw(code)
            allowed = self.allowed(draw.scope.path) if draw is not None and draw not in found else None
            if draw is not None and allowed is not None and (loader is not None or self._is_loaded_somewhere):
                found[draw] = Unseeded(draw, loader, allowed)
        return tuple(found.values())

    def _loaded(self) -> Iterator[tuple[frozenset[Code], Loader]]:
        """What makes the samples of each loader with workers that do not seed numpy."""
        for loader in self.loading.loaders:
            if loader.workers is not False and loader.purpose is not Purpose.EVALUATION and not self._seeds(loader):
                yield self.loading.code(loader.made), loader

    def _others(self) -> Iterator[tuple[frozenset[Code], Loader | None]]:
        """What makes the samples of the data sets that no loader is seen to load, and a loader of something unknown."""
        known = {part.owner for loader in self.loading.loaders for part in self.loading.code(loader.made)}
        unknown = next((loader for code, loader in self._loaded() if not code), None)
        if unknown is None and self.loading.loaders:
            return
        for ref, scope in self.project.scopes():
            owner = (ref.path, scope.owner)
            if scope.name in SAMPLE_METHODS and scope.owner and owner not in known and self._is_data_set(owner):
                yield self.loading.closure({Code(ref, owner)}), unknown

    @functools.cached_property
    def _is_loaded_somewhere(self) -> bool:
        """Whether a file that has no model asks for workers, and none says how they begin."""
        mentions = mentions_of(self.project)
        return mentions.of("num_workers") and not mentions.of("worker_init_fn")

    def _is_data_set(self, owner: tuple[str, str]) -> bool:
        return self.project.is_dataset_class(*owner) and named(owner[1]) is not Purpose.EVALUATION

    def _seeds(self, loader: Loader) -> bool:
        """Whether the workers seed numpy, or do what nobody can look into."""
        code = self.loading.closure(code for init in loader.worker_init for code in self.loading.called(init))
        if loader.worker_init and not code:
            return True
        return any(_seeds_numpy(node.name) for part in code for _, node in self.loading.calls(part))

    def _draw(self, code: frozenset[Code]) -> Value | None:
        """The first draw from numpy's generator, unless the samples seed it."""
        calls = [(Value(part.ref, index), node) for part in code for index, node in self.loading.calls(part)]
        if any(_seeds_numpy(node.name) for _, node in calls):
            return None
        drawn = (value for value, node in calls if library_of(node.name) == "numpy" and not self._tries_again(value))
        return min(drawn, default=None)

    def _tries_again(self, draw: Value) -> bool:
        """Whether a draw only picks the sample to take where one is broken: `return self[np.random.randint(n)]`."""
        scope = self.project.scope(draw.scope)
        used = [scope.nodes[index] for index in reached(scope, [draw.node])]
        return any(node.kind is Kind.CALL and node.method == "__getitem__" for node in used) or any(
            node.kind is Kind.INDEX and self.project.self_class(Value(draw.scope, node.inputs[0])) for node in used
        )

    def allowed(self, path: str) -> Allowed | None:
        """The versions of torch, if the project's files allow one that does not seed numpy."""
        found = requirements_of(self.project).allowed(TORCH, path)
        if found is None or found.least is None or found.least >= NUMPY_SEEDED_SINCE:
            return None
        return found


def _seeds_numpy(name: str) -> bool:
    return name in GLOBAL_SEEDS["numpy"] or name in SEEDS_ALL


@functools.lru_cache(maxsize=4)
def unseeded_numpy_of(project: Project) -> UnseededNumpy:
    """The one finder of a project, shared by the rules."""
    return UnseededNumpy(project)
