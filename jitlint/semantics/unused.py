"""Finds augmentations that the project defines and never mentions again."""

from __future__ import annotations

import functools
import posixpath
from collections.abc import Iterator
from typing import NamedTuple

from jitlint import catalogue
from jitlint.diagnostic import Span
from jitlint.semantics.augmenters import Augmenters, How, augmenters_of
from jitlint.semantics.commented import CommentedOut, comments_of
from jitlint.semantics.graph import ClassModel, Kind, Module, Node, Scope
from jitlint.semantics.mentions import is_elsewhere, mentions_of
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.purpose import Purpose, named, purposes_of
from jitlint.semantics.switches import PLAIN_BASES, PLAIN_DECORATORS


class Unused(NamedTuple):
    """An augmentation that nothing uses. `path` and `name` are those of its definition."""

    path: str
    qualname: str
    span: Span
    how: How
    comment: CommentedOut | None  # the comment that holds its only call
    matters: bool  # the file trains or loads training data, and no other augmentation is live in it
    reachable: bool  # nothing speaks for a caller that cannot be seen

    @property
    def name(self) -> str:
        """The bare name."""
        return self.qualname.rpartition(".")[2]


class UnusedAugmentations:
    """The unused augmentations of one project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.augmenters: Augmenters = augmenters_of(project)
        self.mentions = mentions_of(project)
        self.purposes = purposes_of(project)

    @functools.cached_property
    def found(self) -> tuple[Unused, ...]:
        """All of them, in order of the files."""
        return tuple(self._found())

    def _found(self) -> Iterator[Unused]:
        candidates = [(path, *candidate) for path in self.project.asked for candidate in self._candidates(path)]
        names = frozenset(qualname.rpartition(".")[2] for _, qualname, _, _ in candidates)
        mentioned = self.mentions.among(names) if names else frozenset()
        for path, qualname, span, how in candidates:
            if qualname.rpartition(".")[2] not in mentioned:
                yield self._unused(path, qualname, span, how)
        for ref, scope in self.project.scopes():
            yield from self._idle_generators(ref, scope)

    def _candidates(self, path: str) -> Iterator[tuple[str, Span, How]]:
        module = self.project.modules[path]
        if not is_elsewhere(self.project, path) and posixpath.basename(path) != "__init__.py":
            yield from self._functions(path, module)
            yield from self._classes(path, module)
            for qualname, scope in module.scopes.items():
                yield from self._pipelines(Ref(path, qualname), scope)

    # ------------------------------------------------------------------------------------- definitions

    def _functions(self, path: str, module: Module) -> Iterator[tuple[str, Span, How]]:
        for qualname, scope in module.scopes.items():
            if self._may_be_unused(module, scope.name, scope.decorators) and self._is_free(path, module, scope):
                how = self.augmenters.function(Ref(path, qualname)) or self._draws(Ref(path, qualname))
                if how is not None:
                    yield qualname, scope.name_span, how

    def _classes(self, path: str, module: Module) -> Iterator[tuple[str, Span, How]]:
        for qualname, model in module.classes.items():
            free = "." not in qualname and not self.project.is_dataset_class(path, qualname)
            if free and self._may_be_unused(module, qualname, model.decorators):
                how = self.augmenters.transform_class(path, qualname)
                if how is not None and not self._overrides(path, model, ""):
                    yield qualname, model.name_span, how

    def _pipelines(self, ref: Ref, scope: Scope) -> Iterator[tuple[str, Span, How]]:
        """Random pipelines for training that nothing reads, where data sets are given another one."""
        stores = [store for store in scope.stores if named(store.name) is Purpose.TRAIN and "." not in store.name]
        if not stores or not any("transform" in node.keywords for _, node in scope.calls()):
            return
        read = set(scope.returns).union(*(node.inputs for node in scope.nodes))
        for store in stores:
            node = scope.nodes[store.node]
            if store.node in read or store.name in scope.globals or node.method not in catalogue.COMPOSERS:
                continue
            if self.augmenters.is_transform(Value(ref, store.node)):
                yield store.name, node.span, How.SURE

    def _idle_generators(self, ref: Ref, scope: Scope) -> Iterator[Unused]:
        """Keras' image generators that augment, but only see the data (`datagen.fit(x)`), where the plain images
        are what `model.fit(x, y)` gets."""
        for store in scope.stores:
            node = scope.nodes[store.node]
            if "." in store.name or not _is_augmenting_generator(scope, node):
                continue
            carriers = set(scope.variables.get(store.name, ()))
            uses = [other for other in scope.nodes if carriers & set(other.inputs) and other.kind is not Kind.PHI]
            only_fitted = all(_fits(other) and other.inputs[0] in carriers for other in uses)
            trains = any(_fits(other) and len(other.arguments) > 1 for other in scope.nodes if other not in uses)
            is_kept = self._is_read_elsewhere(ref, store.name) or not carriers.isdisjoint(scope.returns)
            if only_fitted and trains and not is_kept:
                yield Unused(ref.path, store.name, node.span, How.SURE, None, True, True)

    def _is_read_elsewhere(self, ref: Ref, name: str) -> bool:
        """Whether an inner scope reads a name."""
        scopes = self.project.modules[ref.path].scopes.values()
        return any(node.name == name for scope in scopes for _, node in scope.of_kind(Kind.GLOBAL))

    def _may_be_unused(self, module: Module, name: str, decorators: tuple[str, ...]) -> bool:
        if not name or name.startswith("__") or name in self.project.call_sites or name in module.exported:
            return False
        return all(decorator.rpartition(".")[2] in PLAIN_DECORATORS for decorator in decorators)

    def _is_free(self, path: str, module: Module, scope: Scope) -> bool:
        """Whether a function is of the top level, or a method of its class' own and not of a protocol."""
        if not scope.owner:
            return scope.parent == ""
        model = module.classes.get(scope.owner)
        if model is None or "." in scope.owner or scope.name in catalogue.STEP_FUNCTIONS:
            return False  # a step is called through its object
        return not self._overrides(path, model, scope.name)

    def _overrides(self, path: str, model: ClassModel, name: str) -> bool:
        """Whether a base may define a method, or register its subclasses."""
        todo, seen = [(path, model)], set[tuple[str, str]]()
        while todo:
            where, present = todo.pop()
            if (where, present.qualname) in seen:
                continue  # also in a circle of bases, which Python refuses
            seen.add((where, present.qualname))
            for base in present.bases:
                found = self.project.find_class(where, base)
                if found is None and base.rpartition(".")[2] not in PLAIN_BASES:
                    return True
                if found and name and self.project.method(found[0], found[1].qualname, name):
                    return True
                todo += [found] if found else []
        return False

    def _draws(self, ref: Ref) -> How | None:
        """A method that gives noise of its argument's shape is half of an augmentation."""
        scope = self.project.scope(ref)
        if not scope.is_method or len(scope.parameters) != 2 or len(scope.returns) != 1:
            return None
        made = self.augmenters.provenance.returns(ref)
        like = any(node.method in ("rand_like", "randn_like") for _, node in scope.calls())
        return How.RANDOM if made.draw is not None and like else None

    # ------------------------------------------------------------------------------------ what it matters

    def _unused(self, path: str, qualname: str, span: Span, how: How) -> Unused:
        comment = self._comments.get((path, qualname))
        if qualname not in self.project.modules[path].scopes and qualname not in self.project.modules[path].classes:
            return Unused(path, qualname, span, how, comment, True, True)  # a variable, and its scope was searched
        alone = not self._augments(path) and not self._has_used_sibling(path)
        matters = how is How.SURE and self._trains(path) and alone
        return Unused(path, qualname, span, how, comment, matters, not self._may_be_called_unseen(path))

    @functools.cached_property
    def _comments(self) -> dict[tuple[str, str], CommentedOut]:
        found = comments_of(self.project).found
        return {call.definition: item for item in reversed(found) for call in item.calls if call.definition}

    @functools.cache  # noqa: B019 - lives as long as the run
    def _trains(self, path: str) -> bool:
        """Whether a file has code that trains, or that loads samples for training."""
        scopes = self.project.modules[path].scopes
        return any(self._is_training_scope(Ref(path, qualname), scope) for qualname, scope in scopes.items())

    def _is_training_scope(self, ref: Ref, scope: Scope) -> bool:
        if scope.name in catalogue.FORWARD_METHODS or self.purposes.function(ref) is not Purpose.TRAIN:
            return False
        step = scope.name == "__getitem__" or scope.name in catalogue.TRAINING_STEP_FUNCTIONS
        return step or self.purposes.loops.trains(ref)

    @functools.cache  # noqa: B019 - lives as long as the run
    def _augments(self, path: str) -> bool:
        """Whether a file's live code perturbs anything: then the unused function is one of several."""
        scopes = self.project.modules[path].scopes.values()
        return any(not self._is_augmentation(path, scope) and self._is_live(path, scope) for scope in scopes)

    @functools.cache  # noqa: B019 - lives as long as the run
    def _has_used_sibling(self, path: str) -> bool:
        """Whether something uses another augmentation of the same file: the unused one is a choice left over."""
        module = self.project.modules[path]
        functions = [name for name, scope in module.scopes.items() if scope.parent == "" and scope.name == name]
        found = {name for name in functions if self.augmenters.function(Ref(path, name)) is not None}
        found |= {name for name in module.classes if self.augmenters.transform_class(path, name) is not None}
        return bool(found & self.project.call_sites.keys()) or bool(found and self.mentions.among(frozenset(found)))

    def _is_augmentation(self, path: str, scope: Scope) -> bool:
        if scope.owner and self.augmenters.transform_class(path, scope.owner) is not None:
            return True
        return self.augmenters.function(Ref(path, scope.qualname)) is not None

    def _is_live(self, path: str, scope: Scope) -> bool:
        return self.augmenters.has_live(Ref(path, scope.qualname), scope)

    @functools.cache  # noqa: B019 - lives as long as the run
    def _may_be_called_unseen(self, path: str) -> bool:
        return not self.mentions.complete or self.mentions.is_packaged or self.mentions.is_dynamic(path)


def _fits(node: Node) -> bool:
    return node.kind is Kind.CALL and node.has_receiver and node.method == "fit"


def _is_augmenting_generator(scope: Scope, node: Node) -> bool:
    """Whether a call makes an `ImageDataGenerator` that does more than scale."""
    if node.kind is not Kind.CALL or node.has_receiver or node.method != "ImageDataGenerator":
        return False
    given = zip(node.arguments, node.keywords, strict=False)
    return any(
        key in catalogue.IMAGE_GENERATOR_DRAWS and scope.nodes[item].value not in (0, False) for item, key in given
    )


@functools.lru_cache(maxsize=4)
def unused_of(project: Project) -> UnusedAugmentations:
    """The one finder of a project, shared by the rules."""
    return UnusedAugmentations(project)
