"""Seeds that a loader's workers start from, and whether they are other ones in the next epoch."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import NamedTuple

from jitlint import catalogue
from jitlint.libraries.facts import What
from jitlint.libraries.generators import (
    FRESH_SEEDS,
    GLOBAL_SEEDS,
    OWN_GENERATORS,
    RESEEDING_METHODS,
    SEEDS_ALL,
    UNSEEDED,
)
from jitlint.libraries.loading import SAMPLE_METHODS
from jitlint.semantics.graph import LEAVING, Kind, Node, RegionKind, Scope
from jitlint.semantics.loading import Code, Loader, Loading, loading_of
from jitlint.semantics.objects import argument_of
from jitlint.semantics.project import Project, Value
from jitlint.semantics.purpose import Purpose, named
from jitlint.semantics.requirements import requirements_of

# Names of numbers that are the same in every epoch, and of some that are not.
_FIXED = re.compile(r"seed|(?:^|_)(?:rank|worker|workers|id|index|world_size|num_workers|wid)(?:_|\d|$)")
_VARYING = re.compile(r"(?:^|_)(?:epoch|epochs|step|steps|iter|iteration|time|now|round|count|counter)(?:_|\d|$)")
_WORKER_NUMBER = frozenset({"id"})
_ARITHMETIC = frozenset("+ - * % ^ | & // ** << >> += *= or".split())
_NUMBERS = frozenset("int abs hash max min sum float round".split())
_RANKS = re.compile(r"(?:^|_)(?:rank|ordinal|world_size|process_index)$")
_MOST_STEPS = 80


class Start(NamedTuple):
    """What a worker's numbers start from: the seed calls of one function, of which libraries, and the data's draws.

    `varies` tells whether workers differ; `drawn` are the libraries that the samples draw from, None if nobody
    can tell; `loader` is None for a seed that the data set sets itself.
    """

    seeds: tuple[Value, ...]
    libraries: frozenset[str]
    varies: bool
    drawn: frozenset[str] | None
    loader: Loader | None


class Other(NamedTuple):
    """A transform that draws from a library's own generator, in the workers of a loader that do not seed it."""

    transform: Value
    library: str
    loader: Loader


class WorkerSeeds:
    """Finds the seeds of one project that workers start from again in every epoch."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.loading: Loading = loading_of(project)

    @functools.cached_property
    def repeated(self) -> tuple[Start, ...]:
        """Every function whose seeds are the same in every epoch."""
        found: dict[Value, Start] = {}
        for start in (*self._by_loaders(), *self._by_samples()):
            before = found.get(start.seeds[0])
            if before is None or (start.drawn is not None and before.drawn is None):
                found[start.seeds[0]] = start
        return tuple(found.values())

    # ------------------------------------------------------------------------------------ worker_init_fn

    def _by_loaders(self) -> Iterator[Start]:
        for loader in self.loading.loaders:
            if not loader.worker_init or loader.workers is False or loader.persistent:
                continue
            if loader.purpose is Purpose.EVALUATION:
                continue
            drawn = self.drawn(loader.made)
            for code in self.loading.closure(code for init in loader.worker_init for code in self.loading.called(init)):
                start = self._start(code, drawn, loader)
                if start is not None and (drawn is None or start.libraries & {*drawn, "own"}):
                    yield start

    def _start(self, code: Code, drawn: frozenset[str] | None, loader: Loader | None) -> Start | None:
        """The seeds of some code, if they are the same in every epoch."""
        seeds: list[Value] = []
        libraries: set[str] = set()
        for index, node in self.loading.calls(code):
            seeded, argument = self._seeds(Value(code.ref, index), node)
            if not seeded or argument is None:
                continue
            if self.repeats(Value(code.ref, argument), code):
                seeds.append(Value(code.ref, index))
                libraries |= seeded
        varies = any(self._depends(item, code) for item in seeds)
        return Start(tuple(seeds), frozenset(libraries), varies, drawn, loader) if seeds else None

    def _seeds(self, value: Value, node: Node) -> tuple[set[str], int | None]:
        """The libraries that a call seeds, and with what."""
        first = argument_of(node, 0, "seed")
        for library, names in GLOBAL_SEEDS.items():
            if node.name in names:
                return {library}, first
        if node.name in SEEDS_ALL:
            return {"numpy", "python", "torch"}, first
        if node.name in OWN_GENERATORS and node.name != "torch.Generator":
            return {"own"}, first
        if node.name in (".seed", ".manual_seed"):
            return {"own"}, first
        return set(), None

    # --------------------------------------------------------------------------------------- first use

    def _by_samples(self) -> Iterator[Start]:
        """Seeds in what makes samples that depend on the worker's number."""
        for ref, scope in self.project.scopes():
            if scope.name not in SAMPLE_METHODS or not scope.owner or named(scope.owner) is Purpose.EVALUATION:
                continue
            if _never_ends(scope):
                continue  # no epoch begins after the first
            for code in self.loading.closure({Code(ref, (ref.path, scope.owner))}):
                if any(node.name == "id" for _, node in self.project.scope(code.ref).of_kind(Kind.ATTR)):
                    start = self._start(code, None, None)
                    if start is not None and start.varies:
                        yield start

    # ----------------------------------------------------------------------------------- other library

    @functools.cached_property
    def others(self) -> tuple[Other, ...]:
        """Loaders whose samples draw from a library's own generator, which nothing seeds in the workers."""
        found: dict[Value, Other] = {}
        for loader in self.loading.loaders:
            if loader.workers is False or loader.persistent or loader.purpose is Purpose.EVALUATION:
                continue
            for library, thing in self._drawing(loader.made):
                if library in UNSEEDED and not self._seeds_library(loader, library):
                    found.setdefault(thing, Other(thing, library, loader))
        return tuple(found.values())

    def _seeds_library(self, loader: Loader, library: str) -> bool:
        """Whether the workers, or the samples, seed a library's own generator, or nobody can look into them."""
        code = self.loading.closure(code for init in loader.worker_init for code in self.loading.called(init))
        if loader.worker_init and not code:
            return True
        every = code | self.loading.code(loader.made)
        calls = [node for part in every for _, node in self.loading.calls(part)]
        return any(node.name in GLOBAL_SEEDS[library] or node.method in RESEEDING_METHODS for node in calls)

    # ------------------------------------------------------------------------------------- seed values

    @functools.cache  # noqa: B019 - lives as long as the run
    def repeats(self, seed: Value, code: Code) -> bool:
        """Whether a seed is made of nothing but constants, settings and the worker's number."""
        todo, seen = [seed], {seed}
        while todo and len(seen) < _MOST_STEPS:
            value = todo.pop()
            inner = self._made_of(value, code)
            if inner is None:
                return False
            todo += [item for item in inner if item not in seen]
            seen.update(inner)
        return not todo

    def _made_of(self, value: Value, code: Code) -> list[Value] | None:
        """What a number is made of, or None if it may be another one in the next epoch."""
        node = self.project.node(value)
        if node.kind is Kind.CONST:
            return [] if isinstance(node.value, int) else None
        if (node.kind is Kind.OP and node.name in _ARITHMETIC) or node.kind is Kind.PHI:
            return [Value(value.scope, item) for item in node.inputs]
        if node.kind is Kind.CALL:
            return self._made_by_call(value, node)
        if node.kind is Kind.PARAM:
            return [] if self._is_first(value, code) or _is_fixed(node.name) else None
        if node.kind is Kind.ATTR:
            base = self.project.node(Value(value.scope, node.inputs[0]))
            if base.kind is Kind.CALL or (base.kind is Kind.PHI and node.name == "seed"):
                return [] if node.name != "seed" else None
            return [] if _is_fixed(node.name) and not self._is_worker(value, node) else None
        if node.kind is Kind.GLOBAL:
            return self._made_of_global(value, node)
        if node.kind is Kind.INDEX:
            key = self.project.node(Value(value.scope, node.inputs[1])).value
            return [] if isinstance(key, str) and _is_fixed(key) else None
        return None

    def _is_worker(self, value: Value, node: Node) -> bool:
        """Whether `x.seed` is the seed that torch gives a worker, which is another one in every epoch."""
        base = self.project.node(Value(value.scope, node.inputs[0]))
        return node.name == "seed" and "info" in base.name

    def _made_by_call(self, value: Value, node: Node) -> list[Value] | None:
        if node.name in FRESH_SEEDS:
            return None
        if _RANKS.search(node.method):
            return []
        if node.name in _NUMBERS or node.method in ("int", "uint32", "int64", "uint64"):
            return [Value(value.scope, item) for item in node.arguments]
        return None

    def _made_of_global(self, value: Value, node: Node) -> list[Value] | None:
        """A variable around the function: a constant, a setting, or a parameter of the function that makes it."""
        aliases = [alias for alias in self.project.aliases(value) if alias != value]
        if aliases and all(self.project.node(alias).kind in (Kind.CONST, Kind.OP, Kind.PARAM) for alias in aliases):
            return aliases
        return [] if _is_fixed(node.name) else None

    def _is_first(self, value: Value, code: Code) -> bool:
        """Whether a parameter is the worker's number: the first one of `worker_init_fn`."""
        scope = self.project.scope(code.ref)
        if value.scope != code.ref:
            return False
        if code.region:
            first = next((i for i, n in scope.of_kind(Kind.PARAM) if scope.within(n.region, code.region)), -1)
            return value.node == first
        names = [item.name for item in scope.parameters][1 if scope.is_method else 0 :]
        return names[:1] == [self.project.node(value).name] and scope.name not in SAMPLE_METHODS

    def _depends(self, seed: Value, code: Code) -> bool:
        """Whether a seed call is given something that differs between workers."""
        todo, seen = [Value(seed.scope, item) for item in self.project.node(seed).arguments], set[Value]()
        while todo and len(seen) < _MOST_STEPS:
            value = todo.pop()
            node = self.project.node(value)
            seen.add(value)
            if node.kind is Kind.PARAM and self._is_first(value, code):
                return True
            if node.kind is Kind.ATTR and node.name in _WORKER_NUMBER:
                return True
            todo += [item for inner in node.inputs if (item := Value(value.scope, inner)) not in seen]
        return False

    # -------------------------------------------------------------------------------------------- draws

    @functools.cache  # noqa: B019 - lives as long as the run
    def drawn(self, loader: Value) -> frozenset[str] | None:
        """The libraries whose global generators a loader's samples draw from, None if nobody can tell."""
        found = {library for library, _ in self._drawing(loader)}
        for part in self.loading.code(loader):
            found |= {library for _, node in self.loading.calls(part) if (library := library_of(node.name)) is not None}
        return frozenset(found) if found else None

    def _drawing(self, loader: Value) -> Iterator[tuple[str, Value]]:
        """The transforms of libraries that a loader's samples pass, each with the library that it draws from."""
        things = self.loading.loaded(loader)
        for owner in {part.owner for part in self.loading.code(loader) if part.owner is not None}:
            things |= self.loading.kept(owner)
        for thing in sorted(things):
            node = self.project.node(thing)
            if node.kind is Kind.CALL and catalogue.is_transform_class(node.name):
                fact = requirements_of(self.project).fact(What.DRAWS_FROM, node.name, thing.scope.path)
                if fact is not None:
                    yield str(fact.detail), thing


def _never_ends(scope: Scope) -> bool:
    """Whether a stream of samples goes on for ever: all it gives, it gives in `while True:`, which nothing leaves."""
    endless = {
        number
        for number, region in enumerate(scope.regions)
        if region.kind is RegionKind.WHILE and region.header >= 0 and scope.nodes[region.header].value in (True, 1)
    }
    given = [set(scope.region_chain(node.region)) & endless for _, node in scope.of_kind(Kind.YIELD)]
    left = (
        set(scope.region_chain(node.region)) & endless for _, node in scope.of_kind(Kind.WORD) if node.name in LEAVING
    )
    return bool(given) and all(given) and not any(left)


def _is_fixed(name: str) -> bool:
    plain = catalogue.snake(name.rpartition(".")[2])
    return bool(_FIXED.search(plain)) and not _VARYING.search(plain)


def library_of(name: str) -> str | None:
    """The library whose global generator a function draws from."""
    if name in catalogue.TORCH_DRAWS:
        return "torch"
    if name in catalogue.NUMPY_DRAWS:
        return "numpy"
    if name in catalogue.PYTHON_DRAWS:
        return "python"
    return None


@functools.lru_cache(maxsize=4)
def worker_seeds_of(project: Project) -> WorkerSeeds:
    """The one finder of a project, shared by the rules."""
    return WorkerSeeds(project)
