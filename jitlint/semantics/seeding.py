"""Seeds and generators that start over: where, how often, and whether from the same number."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from jitlint import catalogue
from jitlint.semantics.calls import is_draw
from jitlint.semantics.graph import LOOPS, Kind, Node, RegionKind, Scope
from jitlint.semantics.loading import Code
from jitlint.semantics.loops import Loops, loops_of
from jitlint.semantics.mentions import is_elsewhere
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.provenance import Provenance, provenance_of
from jitlint.semantics.randomness import randomness_of
from jitlint.semantics.seeds import default_of, gives_back, is_guarded

_VARYING_WORD = re.compile(
    r"(?:^|_)(?:epoch|epochs|step|steps|iter|iters|iteration|global_step|time|round|worker|rank|offset)(?:_|\d|$)"
)
_SETTINGS = re.compile(
    r"(?:^|_)(?:cfg|conf|config|configs|args|opt|opts|options|hparams|params|hp|settings|flags)(?:_|\d|$)"
)
_INDEX_WORD = re.compile(r"^(?:i|idx|index|item|ind|n|k|j|item_idx|sample_idx|batch_idx|batch_index|b)$")
# Library calls that draw from the global generator inside.
_DRAWS_INSIDE = re.compile(
    r"(?:transform|transforms|augment\w{0,60}|aug|dropout\w{0,60}|shuffle|sample|random\w{0,60}|create_test_image_\dd)$"
)
_AUGMENTS = re.compile(r"(?:transform|augment|(?:^|[._])aug(?:_|$)|jitter|perturb)")


class Restart(NamedTuple):
    """A seed call or a generator's construction that repeats.

    `region` is the loop around it, or 0 when the whole function repeats; `role` says why it repeats.
    """

    call: Value
    region: int
    seed: str  # "constant", "attribute" or "index"
    guarded: bool
    role: str  # "loop", "step", "sample" or "augmentation"


class Seeding:
    """Finds the restarts of one project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.loops: Loops = loops_of(project)
        self.provenance: Provenance = provenance_of(project)

    # ------------------------------------------------------------------------------------------- seeds

    @functools.cached_property
    def seeds(self) -> tuple[Restart, ...]:
        """Every seed call that repeats with the same number."""
        return tuple(self._restarts(self._is_seed))

    @functools.cached_property
    def generators(self) -> tuple[Restart, ...]:
        """Every generator that is constructed again from the same number."""
        return tuple(self._restarts(self._is_generator))

    def _restarts(self, wanted: Callable[[Value, Node], bool]) -> Iterator[Restart]:
        for call, node in self.project.calls():
            if wanted(call, node) and not is_elsewhere(self.project, call.scope.path):
                restart = self._restart(call, node, self.project.scope(call.scope))
                if restart is not None:
                    yield restart

    def _is_seed(self, value: Value, node: Node) -> bool:
        if node.name in catalogue.SEEDS:
            return True
        if node.name in (".manual_seed", ".seed"):
            made = self.project.constructor(Value(value.scope, node.inputs[0]))
            return made is not None and made[1] in catalogue.GENERATORS and not self._made_here(value, node)
        ref = self.project.callee(value) if _names_seeding(node.method) else None
        return ref is not None and self._seeds_everything(ref)

    def _made_here(self, value: Value, node: Node) -> bool:
        """`Generator().manual_seed(0)` constructs; it does not seed an existing generator."""
        receiver = self.project.node(Value(value.scope, node.inputs[0]))
        return receiver.kind is Kind.CALL

    def _seeds_everything(self, ref: Ref) -> bool:
        """A project's own `set_seed(seed)`: it does nothing with its parameter but seed."""
        scope = self.project.scope(ref)
        return _names_seeding(scope.name) and any(node.name in catalogue.SEEDS for _, node in scope.calls())

    def _is_generator(self, value: Value, node: Node) -> bool:
        if node.name == ".manual_seed":
            receiver = self.project.node(Value(value.scope, node.inputs[0]))
            return receiver.kind is Kind.CALL and receiver.name == "torch.Generator"
        return node.name in catalogue.GENERATORS and node.name != "torch.Generator" and bool(node.arguments)

    # ---------------------------------------------------------------------------------------- restarts

    def _restart(self, value: Value, node: Node, scope: Scope) -> Restart | None:
        place = self._repeats(value, node, scope)
        if place is None:
            return None
        seed = self.seed_kind(Value(value.scope, node.arguments[0])) if node.arguments else self._default_seed(value)
        if seed is None and place[0] and node.arguments and self._is_given(scope.nodes[node.arguments[0]]):
            seed = "attribute"  # a parameter is the same in all passes of a loop
        if seed is None or gives_back(scope, node):
            return None
        region, role = place
        return Restart(value, region, seed, is_guarded(scope, node.region, region), role)

    def _is_given(self, node: Node) -> bool:
        return node.kind is Kind.PARAM and "seed" in node.name and not _VARYING_WORD.search(node.name)

    def _default_seed(self, value: Value) -> str | None:
        """The kind of seed that a project's own `set_seed()` takes when it is given none."""
        ref = self.project.callee(value)
        parameters = self.project.scope(ref).parameters if ref is not None else ()
        if ref is None or len(parameters) != 1:
            return None
        default = default_of(self.project, ref, parameters[0].name)
        return self.seed_kind(default) if default is not None else None

    def _repeats(self, value: Value, node: Node, scope: Scope) -> tuple[int, str] | None:
        """The loop, or the whole function, that repeats a call."""
        ref = value.scope
        for region in scope.region_chain(node.region):
            if scope.regions[region].kind in LOOPS or scope.regions[region].kind is RegionKind.COMPREHENSION:
                return region, "loop"
            if scope.regions[region].kind is RegionKind.LAMBDA:
                return None
        if not scope.qualname:
            return None
        if scope.name == "__getitem__":
            return 0, "sample"
        if (scope.owner and scope.name in catalogue.STEP_FUNCTIONS) or scope.name in catalogue.TRAINING_STEP_FUNCTIONS:
            return 0, "step"
        return (0, "augmentation") if self._augments(ref) else None

    @functools.cache  # noqa: B019 - lives as long as the run
    def is_in_data_path(self, ref: Ref, depth: int = 0) -> bool:
        """Whether a function augments by its name, is part of a network, or is called once a batch or sample."""
        scope = self.project.scope(ref)
        if catalogue.names_augmentation(scope.name) or (scope.owner and scope.name in catalogue.STEP_FUNCTIONS):
            return True
        if scope.owner and self.project.is_network_class(ref.path, scope.owner):
            return True
        return depth < 3 and any(self._runs_often(site, depth) for site in self.project.callers(ref))

    def _runs_often(self, site: Value, depth: int) -> bool:
        scope = self.project.scope(site.scope)
        regions = set(scope.region_chain(scope.nodes[site.node].region))
        if any(loop.region in regions for loop in self.loops.batch_loops(site.scope)):
            return True
        return self.is_in_data_path(site.scope, depth + 1)

    def _augments(self, ref: Ref) -> bool:
        made = self.provenance.returns(ref)
        return bool(made.over - {"self", "cls"}) and not self.loops.trains(ref)

    # ------------------------------------------------------------------------------------- seed values

    def seed_kind(self, value: Value, depth: int = 0) -> str | None:
        """`constant`, `attribute` (`self.seed`), `index` (a sample's number), or None when it varies."""
        node = self.project.node(value)
        if depth > 6:
            return None
        if node.kind is Kind.CONST:
            return "constant" if isinstance(node.value, int) and not isinstance(node.value, bool) else None
        if node.kind is Kind.OP and node.name in ("+", "*", "-", "^", "%"):
            return self._operand_kinds(value, node, depth)
        if node.kind is Kind.CALL and node.name in ("int", "numpy.uint32") and node.arguments:
            return self.seed_kind(Value(value.scope, node.arguments[0]), depth + 1)
        if node.kind is Kind.PARAM:
            scope = self.project.scope(value.scope)
            return "index" if scope.name == "__getitem__" and _INDEX_WORD.match(node.name) else None
        if node.kind is Kind.ATTR:
            return self._attribute_kind(value, node)
        if node.kind is Kind.INDEX:
            return "index" if self._counts_passes(value, node) else self._setting_kind(value, node)
        if node.kind is Kind.GLOBAL:
            return self._global_kind(value, node, depth)
        return None

    def _counts_passes(self, value: Value, node: Node) -> bool:
        """`i` of `for i, batch in enumerate(loader)`: the same numbers come back in every epoch."""
        element, position = (self.project.node(Value(value.scope, item)) for item in node.inputs[:2])
        if element.kind is not Kind.LOOPVAR or position.value != 0:
            return False
        iterable = self.project.node(Value(value.scope, element.inputs[0]))
        inner = iterable.arguments[0] if iterable.kind is Kind.CALL and iterable.arguments else -1
        if iterable.method == "tqdm" and inner >= 0:
            iterable = self.project.node(Value(value.scope, inner))
        return iterable.kind is Kind.CALL and iterable.method == "enumerate" and len(iterable.arguments) == 1

    def _operand_kinds(self, value: Value, node: Node, depth: int) -> str | None:
        kinds = [self.seed_kind(Value(value.scope, item), depth + 1) for item in node.inputs]
        if None in kinds:
            return None
        return next((kind for kind in ("index", "attribute") if kind in kinds), "constant")

    def _setting_kind(self, value: Value, node: Node) -> str | None:
        """`config["seed"]`, `args.seed`: one number for the whole run."""
        key = self.project.node(Value(value.scope, node.inputs[1])).value if node.kind is Kind.INDEX else node.name
        base = self.project.node(Value(value.scope, node.inputs[0]))
        if not isinstance(key, str) or "seed" not in key.lower() or _VARYING_WORD.search(key.lower()):
            return None
        is_setting = base.kind in (Kind.PARAM, Kind.GLOBAL, Kind.ATTR, Kind.CALL, Kind.PHI)
        named = (base.name.rpartition(".")[2], *self.project.bound_names(Value(value.scope, node.inputs[0])))
        return "attribute" if is_setting and any(map(_SETTINGS.search, map(catalogue.snake, named))) else None

    def _attribute_kind(self, value: Value, node: Node) -> str | None:
        owner = self.project.self_class(Value(value.scope, node.inputs[0]))
        if owner is None:
            return self._setting_kind(value, node)
        if "seed" not in node.name or _VARYING_WORD.search(node.name):
            return None
        stores = self.project.attribute_stores(owner, node.name)
        if not stores or any(self.project.scope(store.scope).name != "__init__" for store in stores):
            return None
        return None if any(self.provenance.made(store).draw for store in stores) else "attribute"

    def _global_kind(self, value: Value, node: Node, depth: int) -> str | None:
        if _VARYING_WORD.search(node.name.lower()):
            return None
        kinds = {self.seed_kind(alias, depth + 1) for alias in self.project.aliases(value)}
        return "constant" if kinds == {"constant"} else None

    # ---------------------------------------------------------------------------------------- questions

    def draws_after(self, restart: Restart) -> Value | None:
        """A call that draws, or may draw inside, in the repeated code after the restart."""
        ref = restart.call.scope
        scope = self.project.scope(ref)
        for index in range(restart.call.node + 1, len(scope.nodes)):
            node = scope.nodes[index]
            if (
                node.kind is Kind.CALL
                and scope.within(node.region, restart.region)
                and self._may_draw(Value(ref, index), node)
            ):
                return Value(ref, index)
        return None

    def _may_draw(self, value: Value, node: Node) -> bool:
        if node.name in catalogue.SEEDS:
            return False
        if is_draw(self.project, value):
            return True
        if _DRAWS_INSIDE.search(catalogue.snake(node.text)):
            return not self._is_seen_not_to_draw(value, node)
        made = self.provenance.made(value)
        return made.draw is not None and made.draw[:3] == (value.scope.path, value.scope.qualname, value.node)

    def _is_seen_not_to_draw(self, value: Value, node: Node) -> bool:
        """Whether a call is one of the project's own functions, and that one does not draw.

        A method without a model is one that does not draw, in a file that does not train.
        """
        ref = self.project.callee(value)
        if ref is not None:
            owner = self.project.scope(ref).owner
            code = Code(ref, (ref.path, owner) if owner else None)
            return randomness_of(self.project).code(frozenset({code})) is None
        own = self.project.self_class(Value(value.scope, node.inputs[0])) if node.has_receiver else None
        return own is not None and node.method in self.project.modules[own[0]].classes[own[1]].methods

    def is_before_layers(self, restart: Restart) -> bool:
        """Whether a network's `forward` seeds and then calls layers of its own, in which dropout may draw."""
        ref = restart.call.scope
        scope = self.project.scope(ref)
        if scope.name not in ("forward", "call") or restart.region or restart.guarded or restart.seed == "index":
            return False
        layers = (
            node
            for _, node in scope.calls()
            if node.text.startswith("self.") and node.span > scope.nodes[restart.call.node].span
        )
        return self.project.is_network_class(ref.path, scope.owner) and any(node.arguments for node in layers)

    def augments_after(self, restart: Restart) -> bool:
        """Whether data is transformed after the restart, and not only made up from draws."""
        ref = restart.call.scope
        scope = self.project.scope(ref)
        return any(
            _AUGMENTS.search(catalogue.snake(node.text)) or self.provenance.made(Value(ref, index)).augmentation
            for index, node in enumerate(scope.nodes[restart.call.node + 1 :], restart.call.node + 1)
            if node.kind is Kind.CALL and scope.within(node.region, restart.region)
        )

    def only_shuffles(self, restart: Restart) -> bool:
        """Whether the seed serves the very next statement, a shuffle: two lists shuffled alike."""
        ref = restart.call.scope
        scope = self.project.scope(ref)
        statement = scope.nodes[restart.call.node].statement
        following = [node for node in scope.nodes if node.kind is Kind.CALL and node.statement == statement + 1]
        return any(node.method == "shuffle" for node in following)


@functools.lru_cache(maxsize=2048)
def _names_seeding(name: str) -> bool:
    prefixes = ("set_seed", "seed_", "set_random_seed", "fix_seed", "setup_seed", "set_global_seed")
    return catalogue.snake(name).startswith(prefixes)


@functools.lru_cache(maxsize=4)
def seeding_of(project: Project) -> Seeding:
    """The one seeding analysis of a project, shared by the rules."""
    return Seeding(project)
