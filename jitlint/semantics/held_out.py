"""Data sets for validation and testing whose samples are augmented at random."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import NamedTuple

from jitlint import catalogue
from jitlint.libraries.loading import SAMPLE_METHODS
from jitlint.semantics.augmenters import How
from jitlint.semantics.disabled import disabled_of
from jitlint.semantics.graph import Kind, Node, Store
from jitlint.semantics.loading import Code, loading_of
from jitlint.semantics.loops import loops_of
from jitlint.semantics.objects import Objects, argument_of, objects_of
from jitlint.semantics.pipelines import Augments, Pipelines, pipelines_of
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.purpose import Purpose, named
from jitlint.semantics.randomness import randomness_of

_HELD_OUT = re.compile(
    r"(?:^|_)(?:val|valid|validation|eval|evaluation|test|dev|holdout|held_out)(?:_|\d|set|loader|$)"
)
# What needs random views, or asks for them at test time.
RANDOM_ON_PURPOSE = re.compile(
    r"(?:^|_)(?:tta|test_time|contrastive|simclr|byol|moco|simsiam|dino|ssl|selfsup|self_supervised|barlow|vicreg|"
    r"register|registration|unsupervised|pretrain\w*|robust\w*|corrupt\w*|twice|two_crop\w*|views?|mae|inpainting|"
    r"denois\w*|restor\w*|rotnet|jigsaw|generat\w*|diffusion|ddpm|[a-z0-9]*gan|vae|attack\w*|adversarial)(?:_|\d|$)"
)
# A function that evaluates, by its name.
_EVALUATES = re.compile(
    r"^(?:\w+_)?(?:eval|evaluate|evaluation|validate|validation|test)"
    r"(?:_(?:step|epoch|one_epoch|batch|fn|model|loop|loss))?$"
)
_SWITCH = re.compile(r"(?:^|_)aug(?:s|ment|mentation|mentations)?(?:_|$)")
# What an evaluation may do to its inputs because that is what it measures.
_NOISE = re.compile(r"nois|mask|corrupt|perturb|jitter|drop|occlu|degrad")
_SPLIT = frozenset("random_split Subset".split())
# Keras' generator of augmented images.
_GENERATORS = frozenset({"ImageDataGenerator"})
_FLOWS = frozenset("flow flow_from_directory flow_from_dataframe".split())


class HeldOut(NamedTuple):
    """A loader or data set that serves evaluation, what makes it random, and whether training shares the data set."""

    used: Value
    draw: Value
    is_shared: bool
    is_certain: bool


class HeldOuts:
    """Finds the held-out data of one project that is augmented."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.objects: Objects = objects_of(project)
        self.pipelines: Pipelines = pipelines_of(project)

    @functools.cached_property
    def found(self) -> tuple[HeldOut, ...]:
        """One a data set; the loader of it is said only where the data set serves training as well."""
        found: dict[Value, HeldOut] = {}
        for item in (*self._data_sets(), *self._loaders(), *self._flows()):
            found.setdefault(item.draw if not item.is_shared else item.used, item)
        return tuple(found.values())

    # ------------------------------------------------------------------------------------------ loaders

    def _loaders(self) -> Iterator[HeldOut]:
        for loader in loading_of(self.project).loaders:
            node = self.project.node(loader.made)
            dataset = argument_of(node, 0, "dataset")
            if dataset is None or not self._holds_out(loader.made, dataset) or self._is_test_code(loader.made):
                continue
            found, shared = self._augmented(Value(loader.made.scope, dataset)), self._is_shared(loader.made, node)
            names = self.project.bound_names(Value(loader.made.scope, dataset))
            if found is not None and (shared or Purpose.TRAIN not in map(named, names)):
                yield HeldOut(loader.made, found, shared, True)

    def _is_shared(self, loader: Value, node: Node) -> bool:
        """Whether a loader takes a part of a data set of training: by a sampler, or by a split."""
        sampler = node.keyword("sampler")
        made = self.objects.origins(Value(loader.scope, sampler)) if sampler is not None else frozenset[Value]()
        if any(_takes_a_part(self.project.node(item).method) for item in made):
            return True
        dataset = argument_of(node, 0, "dataset")
        things = self.objects.origins(Value(loader.scope, dataset)) if dataset is not None else ()
        return any(self.project.node(item).method in _SPLIT for item in things)

    def _holds_out(self, call: Value, dataset: int | None = None) -> bool:
        """Whether the names of a call's value, or else of its data set, say that it is held out from training."""
        parts = self.project.bound_names(Value(call.scope, dataset)) if dataset is not None else ()
        own = [*self.project.bound_names(call), *loading_of(self.project).keys(call)] or list(parts)
        plain = [catalogue.snake(name.rpartition(".")[2]) for name in own]
        if not any(map(_HELD_OUT.search, plain)) or any(named(name) is Purpose.TRAIN for name in own):
            return False
        return not any(RANDOM_ON_PURPOSE.search(catalogue.snake(name)) for name in (*self.around(call), *parts))

    def around(self, call: Value) -> list[str]:
        """What a call's value, its function and its file are called."""
        place = self.project.place(call.scope.path).rpartition(".")[0].split("/")
        names = [*self.project.bound_names(call), *call.scope.qualname.split("."), *place]
        return [catalogue.snake(name.rpartition(".")[2]) for name in names]

    def _is_test_code(self, call: Value) -> bool:
        place = self.project.place(call.scope.path)
        stem = place.rpartition("/")[2]
        return "tests/" in f"/{place}" or stem.startswith("test_") or stem.endswith("_test.py")

    # ----------------------------------------------------------------------------------------- data sets

    def _data_sets(self) -> Iterator[HeldOut]:
        """`val_set = ImageFolder(root, transform=augment)`."""
        for value, node in self.project.calls():
            if node.has_receiver or not node.method[:1].isupper() or not node.arguments:
                continue
            if (
                node.method in catalogue.COMPOSERS
                or self.objects.is_loader(value)
                or node.method in _SPLIT
                or not self._holds_out(value)
            ):
                continue
            found = None if self._is_test_code(value) else self._transform(value, node) or self._switched_on(value)
            if found is not None:
                yield HeldOut(value, found, False, self._is_data_set(value, node))

    def _switched_on(self, dataset: Value) -> Value | None:
        """The draw of a data set of the project that is made with `augment=True`."""
        setup, owner = self.project.callee(dataset), self.objects.class_of(dataset)
        if setup is None or owner is None:
            return None
        for parameter in self.project.scope(setup).parameters:
            given = self.project.argument(dataset, setup, parameter.name)
            if given is None or not _SWITCH.search(parameter.name):
                continue
            if self.project.node(Value(dataset.scope, given)).value is True:
                methods = (self.project.method(*owner, name) for name in SAMPLE_METHODS)
                entries = frozenset(Code(ref, owner) for ref in methods if ref is not None)
                return randomness_of(self.project).code(entries)
        return None

    def _is_data_set(self, value: Value, node: Node) -> bool:
        return node.method.endswith(("Folder", "Dataset")) or node.name.startswith("torchvision.datasets")

    def _augmented(self, dataset: Value) -> Value | None:
        """The random transform of a data set, if whatever it may be has one."""
        found: Value | None = None
        todo, seen = [*self.objects.origins(dataset)], set[Value]()
        if not todo or not self.objects.is_known(dataset):
            return None
        while todo:
            thing = todo.pop()
            if thing in seen:
                continue
            seen.add(thing)
            node = self.project.node(thing)
            if node.kind is not Kind.CALL or self._is_written(thing.scope):
                return None
            if node.method in _SPLIT:
                todo += self.objects.origins(Value(thing.scope, node.arguments[0])) if node.arguments else ()
                continue
            found = self._transform(thing, node)
            if found is None:
                return None
        return found

    def _is_written(self, ref: Ref) -> bool:
        """Whether a data set or a transform is replaced in a function, which other rules look at."""
        return any(store.name.endswith((".transform", ".dataset", ".transforms")) for store in self._stores(ref))

    def _stores(self, ref: Ref) -> Iterator[Store]:
        for store in self.project.scope(ref).stores:
            if not store.name.startswith("self.") or store.name.count(".") > 1:
                yield store

    def _transform(self, dataset: Value, node: Node) -> Value | None:
        """The first random transform among the arguments of a data set, unless it is told that it evaluates."""
        if self.objects.class_of(dataset) is not None and self._tells_mode(dataset, node):
            return None
        for argument in node.arguments:
            value = Value(dataset.scope, argument)
            made = self.objects.origins(value) if self.objects.is_known(value) else {value}
            if made and all(self.pipelines.augments(item) is Augments.YES for item in made):
                part = self._random_part(value)
                own = part is not None and self.objects.class_of(part) is not None
                if part is not None and not (own and self._tells_mode(part, self.project.node(part))):
                    return part
        return None

    def _tells_mode(self, value: Value, node: Node) -> bool:
        """Whether a call passes a switch or the name of a part: `val=True`, `"test"`."""
        given = [self.project.node(Value(value.scope, item)).value for item in node.arguments]
        return any(isinstance(item, bool) or (isinstance(item, str) and _HELD_OUT.search(item)) for item in given)

    def _random_part(self, value: Value) -> Value | None:
        """The first transform of a pipeline that draws."""
        for thing in sorted(loading_of(self.project).held(value)):
            node = self.project.node(thing)
            is_part = node.kind is Kind.CALL and node.method not in catalogue.COMPOSERS
            if (
                is_part
                and disabled_of(self.project).zero(thing, node) is None
                and self.pipelines.augmenters.is_transform(thing)
            ):
                return thing
        return None

    # --------------------------------------------------------------------------------------------- steps

    @functools.cached_property
    def steps(self) -> tuple[Value, ...]:
        """Augmentations in functions that evaluate: `images = augment(images)` in `validate`."""
        return tuple(
            Value(ref, index)
            for ref, scope in self.project.scopes()
            if evaluates_by_name(scope.name) and not loops_of(self.project).trains(ref)
            for index, node in scope.calls()
            if self._augments(Value(ref, index), node)
        )

    def _augments(self, value: Value, node: Node) -> bool:
        how = self.pipelines.augmenters.call(value) if node.arguments else None
        if how is None or _NOISE.search(catalogue.snake(node.text)) or self._is_test_code(value):
            return False
        if any(RANDOM_ON_PURPOSE.search(name) for name in self.around(value)):
            return False
        return how is How.SURE or self.pipelines.augmenters.called_transform(value, node)

    # --------------------------------------------------------------------------------------------- Keras

    def _flows(self) -> Iterator[HeldOut]:
        """`datagen.flow_from_directory(subset="validation")` of a generator that augments."""
        for name in _FLOWS:
            for site in self.project.call_sites.get(name, ()):
                node = self.project.node(site)
                if node.name != f".{name}" or not self._is_held_out_flow(site, node):
                    continue
                makers = self.objects.origins(Value(site.scope, node.inputs[0]))
                if makers and all(self._draws(maker) for maker in makers):
                    yield HeldOut(site, min(makers), True, True)

    def _is_held_out_flow(self, site: Value, node: Node) -> bool:
        subset = node.keyword("subset")
        said = self.project.node(Value(site.scope, subset)).value if subset is not None else None
        return said == "validation" or (said is None and self._holds_out(site))

    def _draws(self, maker: Value) -> bool:
        node = self.project.node(maker)
        if node.kind is not Kind.CALL or node.method not in _GENERATORS:
            return False
        given = (
            (key, self.project.node(Value(maker.scope, item)))
            for item, key in zip(node.arguments, node.keywords, strict=False)
        )
        return any(
            key in catalogue.IMAGE_GENERATOR_DRAWS and not (item.kind is Kind.CONST and not item.value)
            for key, item in given
        )


@functools.lru_cache(maxsize=2048)
def evaluates_by_name(name: str) -> bool:
    """Whether a function's name says that it evaluates, and nothing else."""
    return bool(_EVALUATES.match(catalogue.snake(name).strip("_")))


@functools.lru_cache(maxsize=4)
def held_outs_of(project: Project) -> HeldOuts:
    """The one finder of a project, shared by the rules."""
    return HeldOuts(project)


def _takes_a_part(sampler: str) -> bool:
    """Whether a class is a sampler of a part, or of everything in order: `SubsetRandomSampler`."""
    return sampler.endswith("Sampler") and ("Subset" in sampler or "Sequential" in sampler)
