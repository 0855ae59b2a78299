"""Draws from numpy's global generator in worker processes that an old torch leaves unseeded."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from typing import NamedTuple

from jitlint.libraries.generators import GLOBAL_SEEDS, NUMPY_SEEDED_SINCE, SEEDS_ALL
from jitlint.libraries.loading import SAMPLE_METHODS
from jitlint.semantics.flow import reached
from jitlint.semantics.graph import Kind
from jitlint.semantics.loading import Code, Loader, Loading, loading_of
from jitlint.semantics.project import Project, Value
from jitlint.semantics.purpose import Purpose, named
from jitlint.semantics.worker_seeds import library_of
from jitlint.versions import Allowed, allowed_versions

TORCH = r"(?:torch|pytorch)"


class Unseeded(NamedTuple):
    """A draw in a worker, the loader, and the versions of torch that the project allows."""

    draw: Value
    loader: Loader
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
        for code, loader in self._samples():
            draw = self._draw(code)
            if draw is not None and draw not in found:
                allowed = self.allowed(draw.scope.path)
                if allowed is not None:
                    found[draw] = Unseeded(draw, loader, allowed)
        return tuple(found.values())

    def _samples(self) -> Iterator[tuple[frozenset[Code], Loader]]:
        """What makes the samples of each loader with workers; if one loads something unknown, of all data sets."""
        unknown: Loader | None = None
        known: set[tuple[str, str] | None] = set()
        for loader in self.loading.loaders:
            if loader.workers is False or loader.purpose is Purpose.EVALUATION or self._seeds(loader):
                continue
            code = self.loading.code(loader.made)
            if code:
                known |= {part.owner for part in code}
                yield code, loader
            else:
                unknown = unknown or loader
        for ref, scope in self.project.scopes() if unknown is not None else ():
            owner = (ref.path, scope.owner)
            if scope.name in SAMPLE_METHODS and scope.owner and owner not in known and self._is_data_set(owner):
                assert unknown is not None
                yield self.loading.closure({Code(ref, owner)}), unknown

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

    @functools.cache  # noqa: B019 - lives as long as the run
    def allowed(self, path: str) -> Allowed | None:
        """The versions of torch, if the project's files allow one that does not seed numpy."""
        found = allowed_versions(TORCH, self._folders(path), self.project.read)
        if found is None or found.least is None or found.least >= NUMPY_SEEDED_SINCE:
            return None
        return found

    def _folders(self, path: str) -> Iterator[str]:
        """The folder of a file and those above it, up to the root."""
        root = os.path.abspath(self.project.root)  # noqa: PTH100 - plain strings
        folder = os.path.dirname(os.path.abspath(path))  # noqa: PTH100, PTH120
        while True:
            yield folder
            above = os.path.dirname(folder)  # noqa: PTH120
            if folder == root or above == folder or not folder.startswith(root):
                return
            folder = above


def _seeds_numpy(name: str) -> bool:
    return name in GLOBAL_SEEDS["numpy"] or name in SEEDS_ALL


@functools.lru_cache(maxsize=4)
def unseeded_numpy_of(project: Project) -> UnseededNumpy:
    """The one finder of a project, shared by the rules."""
    return UnseededNumpy(project)
