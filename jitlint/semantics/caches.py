"""Places where something random is kept after its first use."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from jitlint import catalogue
from jitlint.libraries.caching import (
    CACHES,
    CACHING_DECORATORS,
    CACHING_METHODS,
    CHAIN,
    KEEPS_ELEMENTS,
    KEPT_DATASETS,
    KEPT_METHODS,
    TENSORFLOW,
)
from jitlint.semantics.graph import Kind, Node
from jitlint.semantics.loading import Code
from jitlint.semantics.loops import Loops, loops_of
from jitlint.semantics.objects import Objects, argument_of, objects_of
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.provenance import Provenance, provenance_of
from jitlint.semantics.purpose import Purpose, named, purposes_of
from jitlint.semantics.randomness import Randomness, randomness_of


class Cached(NamedTuple):
    """An operation that keeps what it is given, the draw (or loader) in it, and in a chain the step that draws.

    `is_certain` is false where a name alone says that it is a loader.
    """

    keeps: Value
    draw: Value
    step: Value | None = None
    is_certain: bool = True


class Caches:
    """Finds the caches of one project that hold something random."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.objects: Objects = objects_of(project)
        self.loops: Loops = loops_of(project)
        self.randomness: Randomness = randomness_of(project)
        self.provenance: Provenance = provenance_of(project)

    # ------------------------------------------------------------------------------------------- chains

    @functools.cached_property
    def chains(self) -> tuple[Cached, ...]:
        """`ds.map(random).cache()` of tf.data, in one statement or over several."""
        return tuple(self._chains())

    def _chains(self) -> Iterator[Cached]:
        for site in self._sites(KEEPS_ELEMENTS):
            if not self._imports(site.scope.path, TENSORFLOW) or self._evaluates(site):
                continue
            node = self.project.node(site)
            links = self.links(Value(site.scope, node.inputs[0]), CHAIN)
            if any(self.project.node(link).method == "take" for link in links):
                continue  # a few batches to try things out with
            drawn = ((link, self._mapped(link)) for link in links if self._maps(link))
            first = next(((step, draw) for step, draw in drawn if draw is not None), None)
            if first is not None:
                yield Cached(site, first[1], first[0])

    def _sites(self, names: Iterable[str]) -> Iterator[Value]:
        """The calls of methods with one of these names, on some value."""
        for name in names:
            for site in self.project.call_sites.get(name, ()):
                if self.project.node(site).name == f".{name}":
                    yield site

    def _imports(self, path: str, packages: frozenset[str]) -> bool:
        return any(name.partition(".")[0] in packages for name in self.project.modules[path].imports.values())

    def _evaluates(self, site: Value) -> bool:
        """Whether the name of a chain's result, or of the function that makes it, says that it is for evaluation."""
        names = (
            *self.project.scope(site.scope).statements[self.project.node(site).statement].binds,
            site.scope.qualname,
        )
        said = [purpose for purpose in map(named, names) if purpose is not Purpose.UNKNOWN]
        return bool(said) and said[0] is Purpose.EVALUATION

    def links(self, value: Value, methods: frozenset[str]) -> list[Value]:
        """The calls of a chain of methods that a value comes through, the last first."""
        found: list[Value] = []
        todo, seen = [value], set[Value]()
        while todo:
            for origin in sorted(self.objects.origins(todo.pop())):
                node = self.project.node(origin)
                if origin in seen or node.kind is not Kind.CALL:
                    continue
                seen.add(origin)
                if node.name.startswith(".") and node.method in methods:
                    found.append(origin)
                    todo.append(Value(origin.scope, node.inputs[0]))
                elif node.method == "zip":
                    todo += [Value(origin.scope, item) for item in self._listed(origin, node)]
        return found

    def _listed(self, value: Value, node: Node) -> Iterator[int]:
        for item in node.arguments:
            inner = self.project.node(Value(value.scope, item))
            yield from inner.inputs if inner.kind is Kind.COLLECTION else (item,)

    def _maps(self, step: Value) -> bool:
        return self.project.node(step).method == "map"

    def draws(self, step: Value) -> bool:
        """Whether a link of a chain maps something random."""
        return self._maps(step) and self._mapped(step) is not None

    def _mapped(self, step: Value, augments: bool = False) -> Value | None:
        """The draw in the function that `map` applies."""
        node = self.project.node(step)
        function = argument_of(node, 0, "map_func")
        function = function if function is not None else node.keyword("function")
        return self.randomness.called(Value(step.scope, function), augments) if function is not None else None

    # ------------------------------------------------------------------------------------ Hugging Face

    @functools.cached_property
    def tables(self) -> tuple[Cached, ...]:
        """`datasets.map(random)` of Hugging Face, which runs once."""
        return tuple(self._tables())

    def _tables(self) -> Iterator[Cached]:
        for site in self._sites({"map"}):
            if not self._imports(site.scope.path, frozenset({"datasets"})) or self._evaluates(site):
                continue
            if not self._is_kept(site):
                continue
            draw = self._mapped(site, augments=True)
            if draw is not None and self._serves_training(site.scope.path):
                yield Cached(site, draw, site)

    def _is_kept(self, site: Value) -> bool:
        """Whether a chain begins with a data set in Arrow files, and does not stream."""
        ends = self._ends(Value(site.scope, self.project.node(site).inputs[0]))
        return bool(ends) and all(self._is_table(end) for end in ends)

    def _ends(self, value: Value) -> frozenset[Value]:
        """What a chain begins with, elements of it being as it is: `load_dataset(…)["train"]`."""
        found: set[Value] = set()
        todo, seen = [value], set[Value]()
        while todo:
            item = todo.pop()
            if item in seen:
                continue
            seen.add(item)
            node = self.project.node(item)
            if node.kind is Kind.INDEX or (node.name.startswith(".") and node.method in KEPT_METHODS):
                todo.append(Value(item.scope, node.inputs[0]))
                continue
            origins = self.objects.origins(item) - {item}
            if origins:
                todo += origins
            else:
                found.add(item)
        return frozenset(found)

    def _is_table(self, end: Value) -> bool:
        node = self.project.node(end)
        streams = node.keyword("streaming") if node.kind is Kind.CALL else None
        return node.kind is Kind.CALL and node.name in KEPT_DATASETS and streams is None

    def _serves_training(self, path: str) -> bool:
        """Whether a file trains: by loops of its own, or by a trainer that it makes."""
        scopes = self.project.modules[path].scopes
        if any(node.method.endswith(("Trainer", "DataLoader")) for s in scopes.values() for _, node in s.calls()):
            return True
        return any(self.loops.trains(Ref(path, qualname)) for qualname in scopes)

    # ---------------------------------------------------------------------------------------- functions

    @functools.cached_property
    def functions(self) -> tuple[Cached, ...]:
        """Functions with a cache whose results are random."""
        return tuple(self._functions())

    def _functions(self) -> Iterator[Cached]:
        for ref, scope in self.project.scopes():
            if not scope.decorators or not any(self._caches(ref, name) for name in scope.decorators):
                continue
            draw = self._returned_draw(ref)
            if draw is not None:
                yield Cached(Value(ref, 0 if scope.nodes else -1), draw)

    def _caches(self, ref: Ref, name: str) -> bool:
        if name in CACHING_DECORATORS:
            return True
        head, _, method = name.rpartition(".")
        if method not in CACHING_METHODS or not head:
            return False
        nodes = self.project.modules[ref.path].scopes[""].variables.get(head, ())
        return any(self.project.node(Value(Ref(ref.path, ""), node)).name in CACHES for node in nodes)

    def _returned_draw(self, ref: Ref) -> Value | None:
        """A draw from a global generator in a function that returns something random and does not seed."""
        if self.provenance.returns(ref).draw is None:
            return None
        code = self.randomness.loading.closure({Code(ref)})
        calls = [(Value(part.ref, index), node) for part in code for index, node in self.randomness.loading.calls(part)]
        if any(node.name in catalogue.SEEDS for _, node in calls):
            return None
        drawn = [value for value, node in calls if self._is_global(node) or self.randomness.augments(value)]
        return min(drawn, default=None)

    def _is_global(self, node: Node) -> bool:
        handed = catalogue.GENERATOR_ARGUMENTS & set(node.keywords)
        return node.name in catalogue.DRAWS - catalogue.JAX_DRAWS and not handed

    # ------------------------------------------------------------------------------------------ replays

    @functools.cached_property
    def replays(self) -> tuple[Cached, ...]:
        """`itertools.cycle(loader)`, and `list(loader)` that several epochs iterate."""
        return (*self._cycles(), *self._lists())

    def _cycles(self) -> Iterator[Cached]:
        for site in self.project.call_sites.get("cycle", ()):
            node = self.project.node(site)
            if node.name != "itertools.cycle" or len(node.arguments) != 1:
                continue
            loader = self._loader(Value(site.scope, node.arguments[0]))
            if loader is None or self.loops.evaluates(site.scope, node.region):
                continue
            is_certain = self.objects.is_loader(loader)
            if is_certain or self.loops.trains(site.scope):  # a name alone says nothing of what it is for
                yield Cached(site, loader, is_certain=is_certain)

    def _lists(self) -> Iterator[Cached]:
        for site in self.project.call_sites.get("list", ()):
            node = self.project.node(site)
            if node.name != "list" or len(node.arguments) != 1:
                continue
            loader = self._loader(Value(site.scope, node.arguments[0]))
            if loader is not None and self._is_iterated_again(site):
                yield Cached(site, loader, is_certain=self.objects.is_loader(loader))

    def _is_iterated_again(self, kept: Value) -> bool:
        """Whether a loop over what was kept trains, inside another loop that does not make it again."""
        return any(
            found.loop is not None and self.loops.trains(found.where.scope) for found in self.objects.passes(kept)
        )

    def _loader(self, value: Value) -> Value | None:
        """A loader of training data that a value is, or that it is called, if what it loads is random."""
        node = self.project.node(value)
        if node.name == "iter" and len(node.arguments) == 1:
            return self._loader(Value(value.scope, node.arguments[0]))
        names = [*self.project.bound_names(value), *([node.name] if node.kind is not Kind.CALL else [])]
        if any(named(name) is Purpose.EVALUATION for name in names):
            return None
        made = [item for item in self.objects.origins(value) if self.objects.is_loader(item)]
        if made:
            return next((item for item in made if self._is_random(item)), None)
        return value if any(catalogue.names_loader(name.rpartition(".")[2]) for name in names) else None

    def _is_random(self, loader: Value) -> bool:
        """Whether two passes over a loader differ: it shuffles, or what it loads draws."""
        node = self.project.node(loader)
        if purposes_of(self.project).function(loader.scope) is Purpose.EVALUATION:
            return False
        shuffle = argument_of(node, 2, "shuffle")
        shuffles = shuffle is not None and self.project.node(Value(loader.scope, shuffle)).value is not False
        return shuffles or node.keyword("sampler") is not None or self.randomness.loaded(loader) is not None


@functools.lru_cache(maxsize=4)
def caches_of(project: Project) -> Caches:
    """The one finder of a project, shared by the rules."""
    return Caches(project)
