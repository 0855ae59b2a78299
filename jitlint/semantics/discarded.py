"""Finds augmentations and shuffles that run and whose result nobody uses."""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Set
from itertools import chain
from typing import NamedTuple

from jitlint import catalogue
from jitlint.semantics.augmenters import How, augmenters_of
from jitlint.semantics.calls import CONVERSIONS, SHAPE_ATTRIBUTES, tells_shape
from jitlint.semantics.graph import LOOPS, Kind, Node, RegionKind, Scope, Store
from jitlint.semantics.loops import loops_of
from jitlint.semantics.pipeline_steps import PipelineSteps, What
from jitlint.semantics.pipelines import pipelines_of
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.provenance import COMBINING, provenance_of
from jitlint.semantics.purity import purity_of
from jitlint.semantics.purpose import Purpose, named, purposes_of
from jitlint.semantics.shuffles import is_epoch_loop, is_shuffle
from jitlint.semantics.staleness import staleness_of

# OpenCV's, with the number of arguments after which the next one is where the result goes.
_CV2_OPERATIONS = {"flip": 2, "rotate": 2, "warpAffine": 3, "warpPerspective": 3, "GaussianBlur": 3, "resize": 2}
_PIL_METHODS = frozenset({"rotate", "crop", "filter", "resize"})
_PIL_NAME = re.compile(r"(?:^|_)(?:im|img|image|pil|photo|picture)\d*$")
_AUGMENT_FLAG = re.compile(
    r"(?:^|_)(?:flip|flipped|hflip|vflip|mirror|aug|augment|augmentation|rotate|jitter)(?:_|\d|$)"
)
# Transform libraries whose objects may change what they are given.
_IN_PLACE = ("torch_geometric", "torchvision.transforms.v2.RandomErasing", "torchvision.transforms.RandomErasing")
_WARM_UP = re.compile(r"warm|bench|profil|speed|time|smoke|dry|trial|demo|example", re.IGNORECASE)


class Discarded(NamedTuple):
    """A lost result: the call or operation, the value it was made from, and where that is used as it was."""

    value: Value
    what: What
    how: How
    source: int  # the node of what should have changed
    use: int | None  # a node that uses the unchanged value
    purpose: Purpose


# They change each element, or only the form.
_ELEMENTWISE = CONVERSIONS | frozenset(
    "clip clip_ clamp clamp_ clip_by_value Variable as_tensor tensor minimum maximum".split()
)
_COMPUTED = frozenset({Kind.CALL, Kind.OP, Kind.INDEX})


class DiscardedResults:
    """The lost results of one project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.augmenters = augmenters_of(project)
        self.provenance = provenance_of(project)
        self.purity = purity_of(project)
        self.pipelines = pipelines_of(project)
        self.steps = PipelineSteps(project)
        self.purposes = purposes_of(project)
        self.loops = loops_of(project)
        self._readers: dict[str, Mapping[str, set[str]]] = {}

    @functools.cached_property
    def found(self) -> tuple[Discarded, ...]:
        """All of them, in order of the files."""
        return tuple(item for ref, scope in self.project.scopes() for item in self._in_scope(ref, scope))

    def _in_scope(self, ref: Ref, scope: Scope) -> Iterator[Discarded]:
        for index, node in sorted((*scope.calls(), *scope.of_kind(Kind.OP))):
            if not self._is_statement(ref, scope, node):
                continue
            lost = self._lost(Value(ref, index), node)
            if lost is None or self._is_tried(scope, node.region):
                continue
            found = self._discarded(Value(ref, index), scope, *lost)
            if found.use is not None:
                yield found
        yield from self._unread(ref, scope)

    def _discarded(self, value: Value, scope: Scope, what: What, how: How, source: int) -> Discarded:
        node = scope.nodes[value.node]
        use = source if what is What.TEMPORARY else self._later_use(scope, value.node, source)
        return Discarded(value, what, how, source, use, self.purposes.at(value.scope, node.region))

    # --------------------------------------------------------------------------------------- statements

    def _is_statement(self, ref: Ref, scope: Scope, node: Node) -> bool:
        """Whether a value is a statement of its own, which no notebook displays."""
        if node.statement < 0 or scope.statements[node.statement].span != node.span:
            return False
        return bool(scope.qualname) or not self._is_displayed(ref, scope, node)

    def _is_displayed(self, ref: Ref, scope: Scope, node: Node) -> bool:
        """Whether a statement is the last one of a notebook's cell."""
        end = next((line for line in self.project.modules[ref.path].cell_ends if line >= node.span.end_line), None)
        return end is not None and not any(node.span.end_line < item.span.line <= end for item in scope.statements)

    def _is_tried(self, scope: Scope, region: int) -> bool:
        """Whether the code only tries something out: `with pytest.raises(…)`, a warm-up, `try`."""
        for outer in scope.region_chain(region):
            block = scope.regions[outer]
            if block.kind is RegionKind.TRY:
                return True
            if block.kind is RegionKind.WITH and _tries(scope.nodes[block.header]):
                return True
        return bool(_WARM_UP.search(scope.name))

    # -------------------------------------------------------------------------------------- what is lost

    def _lost(self, value: Value, node: Node) -> tuple[What, How, int] | None:
        """What a statement computes and throws away."""
        if node.kind is Kind.OP:
            return self._lost_operation(value, node)
        return self.steps.lost(value, node) or self._lost_call(value, node)

    def _lost_operation(self, value: Value, node: Node) -> tuple[What, How, int] | None:
        """`x + noise`, also where `x` is nothing but zeros yet."""
        if node.name not in ("+", "-", "*"):
            return None
        made = self.provenance.made(value)
        if made.draw is None:
            return None
        for item in node.inputs:
            part = self.provenance.made(Value(value.scope, item))
            blank = node.name != "*" and self.project.node(Value(value.scope, item)).kind is Kind.CALL
            if part.draw is None and ((made.perturbed and part.data) or blank):
                return What.AUGMENTATION, How.SURE, item
        return None

    def _lost_call(self, value: Value, node: Node) -> tuple[What, How, int] | None:
        """An augmentation that gives its result back, called for nothing."""
        if not node.arguments:
            return None
        ref = self.project.callee(value)
        if ref is not None:
            how = self.augmenters.call(value) if self.purity.is_pure(ref) else None
            source = self._augmented_argument(value, node, ref) if how is not None else None
            return (What.AUGMENTATION, how, source) if how is not None and source is not None else None
        how = self.augmenters.call(value)
        if how is not None:
            how = How.SURE if self.augmenters.called_transform(value, node) else how
            return (What.AUGMENTATION, how, node.arguments[0]) if self._is_pure_transform(value, node) else None
        if self._is_operation(value, node) and self._is_random(value, node):
            return What.AUGMENTATION, How.SURE, node.inputs[0]
        if self._calls_given_transform(value, node):
            return What.AUGMENTATION, How.SURE, node.arguments[0]
        return None

    def _is_operation(self, value: Value, node: Node) -> bool:
        """Whether a call gives back a flipped, rotated, … copy of an image."""
        if node.name == ".transpose":
            way = self.project.node(Value(value.scope, node.arguments[0]))
            return bool(re.search(r"FLIP_|ROTATE_", way.name))
        if node.name.startswith(".") and node.method in _PIL_METHODS:
            return self._is_pil_image(value, node.inputs[0])
        if node.name.startswith("cv2."):
            given = sum(key is None for key in node.keywords)
            return given <= _CV2_OPERATIONS.get(node.method, 0) and node.keyword("dst") is None
        return catalogue.is_image_operation(node.name)

    def _is_pil_image(self, value: Value, item: int) -> bool:
        """Whether a value is a picture of Pillow's, whose methods change nothing: by its name, where Pillow is used."""
        imports = self.project.modules[value.scope.path].imports.values()
        node = self.project.node(Value(value.scope, item))
        names = (node.name.rpartition(".")[2], *self.project.bound_names(Value(value.scope, item)))
        return any(name.partition(".")[0] == "PIL" for name in imports) and any(map(_PIL_NAME.search, names))

    def _calls_given_transform(self, value: Value, node: Node) -> bool:
        """Whether `self.transform(x)` calls a library's random pipeline that the object was made with."""
        owner = self.project.self_class(Value(value.scope, node.inputs[0])) if node.has_receiver else None
        stores = self.project.attribute_stores(owner, node.method) if owner and node.name != "()" else ()
        given = [item for store in stores for item in self._arguments_for(store)]
        return bool(given) and all(self.pipelines.is_library_pipeline(item) for item in given)

    def _arguments_for(self, store: Value) -> Iterator[Value]:
        """What the callers pass for the parameter that an attribute is bound to."""
        node = self.project.node(store)
        for site in self.project.callers(store.scope) if node.kind is Kind.PARAM else ():
            argument = self.project.argument(site, store.scope, node.name)
            if argument is not None:
                yield Value(site.scope, argument)

    def _augmented_argument(self, value: Value, node: Node, ref: Ref | None) -> int | None:
        """The argument that an augmentation augments."""
        if ref is None:
            return node.arguments[0]
        over = self.provenance.returns(ref).over - {"self", "cls"}
        found = [self.project.argument(value, ref, name) for name in sorted(over)]
        return next((item for item in found if item is not None and self._is_data(value, item)), None)

    def _is_data(self, value: Value, item: int) -> bool:
        return self.provenance.made(Value(value.scope, item)).data

    def _is_pure_transform(self, value: Value, node: Node) -> bool:
        """Whether a transform of a library gives back a new value, as all but a few do."""
        if catalogue.is_functional_augmentation(node.name):
            return True
        called = self.augmenters.called_values(value, node)
        made = [self.project.constructor(item) for item in called]
        return bool(made) and all(item is not None and self._is_pure_class(item) for item in made)

    def _is_pure_class(self, made: tuple[str | None, str]) -> bool:
        return made[0] is None and not made[1].startswith(_IN_PLACE)

    def _is_random(self, value: Value, node: Node) -> bool:
        """Whether a draw, or a flag that says `flip` or `augment`, decides if or how an operation runs."""
        if any(self.provenance.made(Value(value.scope, item)).draw for item in node.arguments[1:]):
            return True
        scope = self.project.scope(value.scope)
        guards = (scope.regions[region] for region in scope.region_chain(node.region))
        headers = [guard.header for guard in guards if guard.kind in (RegionKind.THEN, RegionKind.ELSE)]
        return any(header >= 0 and self._decides(Value(value.scope, header)) for header in headers)

    def _decides(self, condition: Value) -> bool:
        node = self.project.node(condition)
        names = [node.name, *(self.project.node(Value(condition.scope, item)).name for item in node.inputs)]
        return self.provenance.made(condition).draw is not None or any(map(_AUGMENT_FLAG.search, names))

    # ------------------------------------------------------------------------------------------- unread

    def _unread(self, ref: Ref, scope: Scope) -> Iterator[Discarded]:
        """Noisy values that nothing reads while a network gets the clean one."""
        read = _read_nodes(scope)
        for store in scope.stores:
            if "." in store.name or store.name.startswith("_") or store.node in read:
                continue
            if scope.nodes[store.node].kind not in _COMPUTED:
                continue
            value = Value(ref, store.node)
            if (trained := self._epoch_of_order(ref, scope, store)) is not None:
                if not self._is_merged_and_read(ref, scope, store.name, store.node, read):
                    yield Discarded(value, What.ORDER, How.SURE, store.node, trained, Purpose.TRAIN)
                continue
            made = self.provenance.made(value)
            source = self._source(value) if made.draw is not None else None
            if source is None:
                yield from self._unapplied(ref, scope, store, read)
                continue
            if store.name in (scope.nodes[source].name, *self.project.bound_names(Value(ref, source))):
                continue  # `x = augment(x)` is how it should be
            if self._is_merged_and_read(ref, scope, store.name, store.node, read):
                continue
            use = self._network_use(ref, scope, store.node, source)
            if use is not None and not self._is_tried(scope, store.region):
                yield Discarded(value, What.UNREAD, How.SURE, source, use, self._purpose_of_use(ref, scope, store, use))

    def _unapplied(self, ref: Ref, scope: Scope, store: Store, read: Set[int]) -> Iterator[Discarded]:
        """A draw of an augmentation that nothing reads: `matrix = rotation(theta)`, and then `return points`."""
        value = Value(ref, store.node)
        made = self.provenance.made(value)
        given = self._given_back(ref, scope) if made.draw is not None and not made.data else None
        if given is not None and not self._is_merged_and_read(ref, scope, store.name, store.node, read):
            purpose = self.purposes.at(ref, store.region, (scope.name,))
            yield Discarded(value, What.UNAPPLIED, How.SURE, given, given, purpose)

    def _given_back(self, ref: Ref, scope: Scope) -> int | None:
        """The argument that an augmentation, by its name, gives back as no draw has changed it."""
        names = (scope.name, scope.owner.rpartition(".")[2])
        named_so = any(map(catalogue.names_augmentation, names)) or scope.name.startswith("random")
        if not named_so or self.provenance.returns(ref).draw is not None or self.augmenters.changes_argument(ref):
            return None
        carries = (
            node for node in scope.returns if self.provenance.made(Value(ref, node)).parameters - {"self", "cls"}
        )
        return next(carries, None)

    def _epoch_of_order(self, ref: Ref, scope: Scope, store: Store) -> int | None:
        """The training call of the epoch that a random order is drawn for."""
        if not is_shuffle(self.project, Value(ref, store.node), scope.nodes[store.node]):
            return None
        for region in scope.region_chain(store.region):
            if scope.regions[region].kind in LOOPS and is_epoch_loop(self.project, ref, scope, region):
                inside = (index for index, node in scope.calls() if scope.within(node.region, region))
                return next((index for index in inside if self.loops.is_training_call(Value(ref, index))), None)
        return None

    def _purpose_of_use(self, ref: Ref, scope: Scope, store: Store, use: int) -> Purpose:
        """What the unread value was for: a `fit` trains, wherever it stands."""
        if scope.nodes[use].method in catalogue.FITTING_METHODS and named(store.name) is Purpose.UNKNOWN:
            return Purpose.TRAIN
        return self.purposes.at(ref, store.region, (store.name,))

    def _source(self, value: Value) -> int | None:
        """The clean value that a perturbed one was made from."""
        node = self.project.node(value)
        if node.kind is Kind.INDEX and self.project.node(Value(value.scope, node.inputs[0])).kind is Kind.CALL:
            key = self.project.node(Value(value.scope, node.inputs[1])).value
            return self._source(Value(value.scope, node.inputs[0])) if key == 0 else None
        if node.kind is Kind.OP:
            lost = self._lost_operation(value, node)
            return lost[2] if lost else self._clean_part(value)
        if node.kind is Kind.CALL and self.augmenters.call(value) is None:
            return self._clean_part(value) if self.provenance.made(value).perturbed else None
        if node.kind is not Kind.CALL:
            return None
        return self._augmented_argument(value, node, self.project.callee(value))

    def _clean_part(self, value: Value, depth: int = 0) -> int | None:
        """The data that a computation of draws began with: `x` of `clip(lam * x + (1 - lam) * x[order], 0, 1)`."""
        node, made = self.project.node(value), self.provenance.made(value)
        if made.draw is None:
            is_data = made.data and node.kind is not Kind.COLLECTION
            return value.node if is_data and not _is_shape(node) else None
        if depth > 6 or not made.data:
            return None
        inputs: tuple[int, ...] = ()
        if node.kind is Kind.OP and node.name in COMBINING:
            inputs = node.inputs
        elif node.kind is Kind.INDEX or (node.kind is Kind.CALL and node.method in _ELEMENTWISE):
            inputs = node.inputs[:1]
        found = (self._clean_part(Value(value.scope, item), depth + 1) for item in inputs)
        return next((item for item in found if item is not None), None)

    def _is_merged_and_read(self, ref: Ref, scope: Scope, name: str, index: int, read: Set[int]) -> bool:
        """Whether anything reads a value through a merge of branches, in an inner function or in another file."""
        if name in scope.globals or not read.isdisjoint(_merged(scope, {index})):
            return True
        return bool(self._global_readers(ref.path).get(name, set()) - {scope.qualname})

    def _global_readers(self, path: str) -> Mapping[str, set[str]]:
        """The scopes of a file that read a name which they do not bind, by name."""
        if path not in self._readers:
            readers: defaultdict[str, set[str]] = defaultdict(set)
            for scope in self.project.modules[path].scopes.values():
                for _, node in scope.of_kind(Kind.GLOBAL):
                    readers[node.name].add(scope.qualname)
            self._readers[path] = readers
        return self._readers[path]

    def _network_use(self, ref: Ref, scope: Scope, index: int, source: int) -> int | None:
        """A later network call that gets the clean value, or something computed from it."""
        staleness = staleness_of(self.project)
        carriers = {source}
        for position, node in enumerate(scope.nodes):
            if position <= index or _is_shape(node):
                continue
            if node.kind is Kind.CALL and carriers & set(staleness.consumed(Value(ref, position), node)):
                return position
            if node.kind is Kind.CALL and carriers & set(_fitted_inputs(node)):
                return position
            if carriers & set(node.inputs) and self.provenance.made(Value(ref, position)).draw is None:
                carriers.add(position)
        return None

    def _later_use(self, scope: Scope, index: int, source: int) -> int | None:
        """A later node that reads the value which should have changed."""
        carriers = _merged(scope, {source, index, *_same_parts(scope, source)})
        here = scope.nodes[index]
        for position, node in enumerate(scope.nodes):
            if node.kind is Kind.PHI or node.statement == here.statement or not carriers & set(node.inputs):
                continue
            if position > index or self._share_loop(scope, node.region, here.region):
                return position
        return source if carriers & set(scope.returns) else None

    def _share_loop(self, scope: Scope, one: int, other: int) -> bool:
        loops = {region for region in scope.region_chain(other) if scope.regions[region].kind is RegionKind.FOR}
        return bool(loops & set(scope.region_chain(one)))


def _read_nodes(scope: Scope) -> frozenset[int]:
    """The nodes that are returned, or that anything but a merge of branches reads."""
    inputs = (node.inputs for node in scope.nodes if node.kind is not Kind.PHI)
    return frozenset(chain(scope.returns, chain.from_iterable(inputs)))


def _fitted_inputs(node: Node) -> Iterator[int]:
    """The training inputs of `model.fit(x, y, epochs=10)` and the like."""
    if node.has_receiver and node.method in catalogue.FITTING_METHODS:
        keywords = set(node.keywords)
        if node.method != "fit" or keywords & {"epochs", "batch_size", "validation_data", "validation_split"}:
            pairs = list(zip(node.arguments, node.keywords, strict=True))
            yield from (item for item, key in pairs[:1] if key is None)
            yield from (item for item, key in pairs if key == "x")


def _same_parts(scope: Scope, index: int) -> Iterator[int]:
    """Other nodes that read the same part of the same value: each `data["train"]` of a dict of data sets."""
    node = scope.nodes[index]
    key = scope.nodes[node.inputs[1]].value if node.kind is Kind.INDEX else None
    if isinstance(key, str):
        for other, part in scope.of_kind(Kind.INDEX):
            if part.inputs[0] == node.inputs[0] and scope.nodes[part.inputs[1]].value == key:
                yield other


def _merged(scope: Scope, nodes: set[int]) -> set[int]:
    """Some values with all merges of branches and loop heads that they reach."""
    found, size = set(nodes), 0
    merges = [(index, set(node.inputs)) for index, node in scope.of_kind(Kind.PHI)]
    while len(found) > size:
        size = len(found)
        found |= {index for index, inputs in merges if inputs & found}
    return found


def _is_shape(node: Node) -> bool:
    """Whether a node tells only the shape of what it is made from."""
    if node.kind is Kind.ATTR:
        return node.name in SHAPE_ATTRIBUTES
    return tells_shape(node)


def _tries(node: Node) -> bool:
    return node.kind is Kind.CALL and node.method in ("raises", "warns", "suppress", "assertRaises", "timer", "profile")


@functools.lru_cache(maxsize=4)
def discarded_of(project: Project) -> DiscardedResults:
    """The one finder of a project, shared by the rules."""
    return DiscardedResults(project)
