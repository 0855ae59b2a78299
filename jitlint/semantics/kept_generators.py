"""Random generators that a data set or transform keeps, and whether each worker gets one of its own."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import NamedTuple

from jitlint import catalogue
from jitlint.libraries.generators import OWN_GENERATORS, RESEEDS
from jitlint.libraries.loading import SAMPLE_METHODS
from jitlint.semantics.graph import Kind, Scope
from jitlint.semantics.loading import Code, Loader, Loading, loading_of
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.purpose import Purpose, named

_PICKLES = ("__getstate__", "__setstate__", "__reduce__", "__reduce_ex__", "__deepcopy__")
# Bases whose generator the library seeds in every worker. monai/transforms/transform.py and monai/data/utils.py
_SEEDED_BY_LIBRARY = frozenset("Randomizable RandomizableTransform RandomizableTrait MapTransform".split())


class Kept(NamedTuple):
    """A generator `name` that objects of a class (or a module) keep, the code that draws from it, and a loader.

    `is_linked` tells whether the loader surely loads such an object.
    """

    made: Value
    name: str
    draw: Value
    loader: Loader
    is_linked: bool = True


class KeptGenerators:
    """Finds the generators of one project that are copied into the workers of a loader."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.loading: Loading = loading_of(project)

    @functools.cached_property
    def copied(self) -> tuple[Kept, ...]:
        """Every generator that sample code draws from and nobody renews in the workers."""
        found: dict[Value, Kept] = {}
        for loader in self.loading.loaders:
            if loader.workers is False or loader.purpose is Purpose.EVALUATION:
                continue
            for kept in self._drawn_by(loader):
                before = found.get(kept.made)
                if before is None or (loader.workers and not before.loader.workers):
                    found[kept.made] = kept
        for kept in self._by_data_sets():
            found.setdefault(kept.made, kept)
        return tuple(found.values())

    def _by_data_sets(self) -> Iterator[Kept]:
        """Generators of data sets that no loader is seen to load, beside a loader whose data set is unknown."""
        loader = next(filter(self._loads_something, self.loading.loaders), None)
        for path in self.project.asked if loader is not None else ():
            for owner in self.project.modules[path].classes:
                if self.project.is_dataset_class(path, owner) and named(owner) is not Purpose.EVALUATION:
                    assert loader is not None
                    yield from self._of_data_set((path, owner), loader)

    def _loads_something(self, loader: Loader) -> bool:
        if loader.workers is False or loader.purpose is Purpose.EVALUATION or loader.worker_init:
            return False
        return not any(self.loading.objects.class_of(thing) for thing in self.loading.loaded(loader.made))

    def _of_data_set(self, owner: tuple[str, str], loader: Loader) -> Iterator[Kept]:
        setup = self.project.method(*owner, "__init__")
        if setup is None or setup.path != owner[0] or self.project.scope(setup).owner != owner[1]:
            return
        part, own = Code(setup, owner), self.project.scope(setup).parameters[:1]
        for store in self.project.scope(setup).stores:
            head, _, name = store.name.partition(".")
            if not own or head != own[0].name or not self._is_own(Value(setup, store.node)):
                continue
            draw = self._drawn_in_samples(owner, name)
            if draw is not None and not self._is_renewed(part, name, frozenset()):
                yield Kept(Value(setup, store.node), name, draw, loader, is_linked=False)

    def _drawn_in_samples(self, owner: tuple[str, str], name: str) -> Value | None:
        """A call in a method that makes samples, of the class or of one mixed into it, that uses `self.name`."""
        for ref, scope in self.project.scopes():
            if scope.name not in SAMPLE_METHODS or not scope.owner:
                continue
            if (ref.path, scope.owner) != owner and self.project.attribute_stores((ref.path, scope.owner), name):
                continue
            for code in self.loading.closure({Code(ref, (ref.path, scope.owner))}):
                for index, node in self.loading.calls(code):
                    inner = (self.project.node(Value(code.ref, item)) for item in node.inputs)
                    if any(item.kind is Kind.ATTR and item.name == name for item in inner):
                        return Value(code.ref, index)
        return None

    def _drawn_by(self, loader: Loader) -> Iterator[Kept]:
        code = self.loading.code(loader.made)
        if self._reaches_into_the_data(loader):
            return
        for part in code:
            for node, draw in self._used(part):
                for made, name in self._generators(part, Value(part.ref, node)):
                    if not self._is_renewed(part, name, code):
                        yield Kept(made, name, Value(part.ref, draw), loader)

    def _used(self, part: Code) -> Iterator[tuple[int, int]]:
        """The nodes that a function draws from, or hands to what draws, and the calls."""
        for index, node in self.loading.calls(part):
            if node.name.startswith(".") and node.method in catalogue.GENERATOR_DRAWS:
                yield node.inputs[0], index
            for argument, key in zip(node.arguments, node.keywords, strict=False):
                if key in catalogue.GENERATOR_ARGUMENTS or key is None:
                    yield argument, index

    def _generators(self, part: Code, value: Value) -> Iterator[tuple[Value, str]]:
        """The generators behind `self.rng` of an object, or behind a variable of the module."""
        node = self.project.node(value)
        if node.kind is Kind.ATTR and self.project.self_class(Value(value.scope, node.inputs[0])) is not None:
            if part.owner is not None:
                for store in self.project.attribute_stores(part.owner, node.name):
                    yield from ((made, node.name) for made in self.loading.objects.origins(store) if self._is_own(made))
        elif node.kind is Kind.GLOBAL:
            yield from ((made, node.name) for made in self.project.aliases(value) if self._is_own(made))

    def _is_own(self, value: Value) -> bool:
        node = self.project.node(value)
        if node.name == ".manual_seed":
            return self._is_own(Value(value.scope, node.inputs[0]))
        return node.kind is Kind.CALL and node.name in OWN_GENERATORS

    # ------------------------------------------------------------------------------------------ renewal

    def _is_renewed(self, part: Code, name: str, code: frozenset[Code]) -> bool:
        """Whether a generator is made or seeded again after the data set was made, or as it is copied."""
        if part.owner is None:
            return any(name in scope.globals for scope in self._scopes())
        if any(self.project.method(*part.owner, special) for special in _PICKLES):
            return True
        if _SEEDED_BY_LIBRARY & {base.rpartition(".")[2] for base in self.project.base_names(*part.owner)}:
            return True
        return any(self._renews(ref, scope, name, part.owner, code) for ref, scope in self._named())

    def _scopes(self) -> Iterator[Scope]:
        for module in self.project.modules.values():
            yield from module.scopes.values()

    def _named(self) -> Iterator[tuple[Ref, Scope]]:
        for path, module in self.project.modules.items():
            yield from ((Ref(path, qualname), scope) for qualname, scope in module.scopes.items())

    def _renews(self, ref: Ref, scope: Scope, name: str, owner: tuple[str, str], code: frozenset[Code]) -> bool:
        """Whether a function binds or seeds `x.name`, and runs after the object is made."""
        written = [store.name for store in scope.stores if store.name.endswith("." + name)]
        written += [node.text for _, node in scope.calls() if node.method in RESEEDS and f".{name}." in node.text]
        if not written:
            return False
        own = scope.parameters[0].name if scope.is_method and scope.parameters else ""
        if any(not own or not text.startswith(f"{own}.{name}") for text in written):
            return True
        if scope.owner not in self._classes(owner) or scope.name == "__init__":
            return False
        return any(item.ref == ref for item in code) or self._runs_later(ref)

    def _classes(self, owner: tuple[str, str]) -> set[str]:
        return {owner[1], *(base.rpartition(".")[2] for base in self.project.base_names(*owner))}

    def _runs_later(self, ref: Ref) -> bool:
        """Whether a method is called anywhere but while an object is set up."""
        return any(
            self.project.scope(site.scope).name != "__init__" or not self.project.node(site).text.startswith("self.")
            for site in self.project.call_sites.get(self.project.scope(ref).name, ())
        )

    def _reaches_into_the_data(self, loader: Loader) -> bool:
        """Whether the workers are set up by code that touches the data set, or that nobody can look into."""
        if not loader.worker_init:
            return False
        code = self.loading.closure(code for init in loader.worker_init for code in self.loading.called(init))
        return not code or any(self._touches(self.project.scope(item.ref)) for item in code)

    def _touches(self, scope: Scope) -> bool:
        return any(node.name in ("dataset", "datasets") for _, node in scope.of_kind(Kind.ATTR))


@functools.lru_cache(maxsize=4)
def kept_generators_of(project: Project) -> KeptGenerators:
    """The one finder of a project, shared by the rules."""
    return KeptGenerators(project)
