"""In which mode does a network train? Finds evaluations in a training loop after which it stays in evaluation mode.

Either the network never gets `train()` back, or the evaluation writes zero over a rate of dropout or augmentation that
nothing sets again.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import NamedTuple

from jitlint import catalogue
from jitlint.diagnostic import Span
from jitlint.semantics.graph import LOOPS, Kind, Node, RegionKind, Scope, Store
from jitlint.semantics.loops import ends_training, loops_of
from jitlint.semantics.mentions import is_elsewhere
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.purpose import Purpose, named, purposes_of
from jitlint.semantics.reads import reads_of
from jitlint.semantics.staleness import SETUP_METHODS

MAX_DEPTH = 4
# What behaves otherwise in training than in evaluation.
_SENSITIVE = re.compile(
    r"[Dd]rop(?:out|path|_path|block)|BatchNorm|batch_norm|SyncBN|\bself\.training\b|\bis_training\b|RReLU|GaussianNoise|SpecAug"
    r"|[Ss]tochastic_?[Dd]epth|spectral_norm|LayerDrop"
)
_INSENSITIVE = frozenset(
    "torch math typing einops numpy collections abc functools copy itertools os random time".split()
)
_LEAVES = frozenset({"break", "return", "raise"})
_KNOWN_DECORATORS = frozenset(
    "no_grad inference_mode staticmethod classmethod wraps cache main record property".split()
)
_RATE = re.compile(r"^(?:p|prob|probability|rate)$")
_OTHER_NETWORK = re.compile(
    r"(?:^|[._])(?:ema|teacher|target|swa|averaged?|best|frozen|ref|reference|old|pretrained)(?:[._]|$)"
)


class Lost(NamedTuple):
    """A network that stays in evaluation mode, by the call in the loop that sets it."""

    event: Value  # the call in the loop
    setter: Value  # the `.eval()` itself, here or in what the call leads to
    network: str  # as the loop writes it
    loop: int  # the region of the loop that trains on
    training: Value  # a call of the loop that trains
    is_epoch: bool  # the loop goes over epochs
    sure: bool  # the network is known to behave otherwise in evaluation
    before: Span  # the statement above which `train()` belongs


class Overwritten(NamedTuple):
    """A rate that an evaluation sets to zero for ever."""

    ref: Ref
    store: Store
    loop: Value | None  # the call in a training loop that leads here


class Modes:
    """Which networks of one project lose their training mode."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.loops = loops_of(project)
        self.purposes = purposes_of(project)
        self.reads = reads_of(project)

    @functools.cached_property
    def lost(self) -> tuple[Lost, ...]:
        """All networks that stay in evaluation mode, each once a loop."""
        found: dict[tuple[Ref, int, str], Lost] = {}
        for ref, scope in self.project.scopes():
            for index, node in scope.calls() if not is_elsewhere(self.project, ref.path) else ():
                for network, setter in self._evaluated(Value(ref, index), node):
                    lost = self._lost(Value(ref, index), scope, network, setter)
                    if lost is not None:
                        found.setdefault((ref, lost.loop, network), lost)
        return tuple(found.values())

    # ------------------------------------------------------------------------------ who calls `eval()`

    def _evaluated(self, value: Value, node: Node) -> Iterator[tuple[str, Value]]:
        """The networks that a call leaves in evaluation mode, as its scope writes them, and where that is done."""
        network = _set_to_evaluation(self.project, value, node)
        if network:
            yield network, value
            return
        ref = self.project.callee(value)
        for inner, setter in self.leaves_in_evaluation(ref) if ref is not None else ():
            outer = self._outer_name(value, node, ref, inner) if ref is not None else ""
            if outer:
                yield outer, setter

    @functools.cache  # noqa: B019 - lives as long as the run
    def leaves_in_evaluation(self, ref: Ref, depth: int = 0) -> tuple[tuple[str, Value], ...]:
        """The networks that a function leaves in evaluation mode, as it writes them."""
        scope = self.project.scope(ref)
        decorated = any(item.rpartition(".")[2] not in _KNOWN_DECORATORS for item in scope.decorators)
        if depth > MAX_DEPTH or decorated or scope.is_generator:
            return ()
        found: dict[str, Value] = {}
        for index, node in scope.calls():
            value = Value(ref, index)
            network = _set_to_evaluation(self.project, value, node)
            if network:
                found.setdefault(network, value)
                continue
            callee = self.project.callee(value)
            if callee is not None and callee != ref and scope.name not in SETUP_METHODS:
                for inner, setter in self.leaves_in_evaluation(callee, depth + 1):
                    outer = self._outer_name(value, node, callee, inner)
                    if outer:
                        found.setdefault(outer, setter)
        if not found or self.loops.trains(ref) or self.sets_training(ref):
            return ()
        made = {name for name, nodes in scope.variables.items() if any(scope.nodes[n].kind is Kind.CALL for n in nodes)}
        return tuple((name, value) for name, value in found.items() if name.partition(".")[0] not in made)

    def _outer_name(self, site: Value, node: Node, ref: Ref, inner: str) -> str:
        """What the caller calls the network that a function calls `inner`."""
        scope = self.project.scope(ref)
        head, dot, rest = inner.partition(".")
        names = [item.name for item in scope.parameters]
        if scope.is_method and names and head == names[0]:
            receiver = node.text.rpartition(".")[0] if node.name.startswith(".") else ""
            return f"{receiver}{dot}{rest}" if receiver else ""
        if head not in names:
            return "" if head in scope.variables else inner
        argument = self.project.argument(site, ref, head)
        text = self._text(Value(site.scope, argument)) if argument is not None else ""
        return f"{text}{dot}{rest}" if text else ""

    def _text(self, value: Value) -> str:
        """A value as its scope writes it: `model`, `self.model`."""
        node = self.project.node(value)
        if node.kind in (Kind.PARAM, Kind.GLOBAL) or (node.kind is Kind.PHI and node.name):
            return node.name
        if node.kind is Kind.ATTR:
            base = self._text(Value(value.scope, node.inputs[0]))
            return f"{base}.{node.name}" if base else ""
        names = self.project.bound_names(value)
        return names[0] if names else ""

    # ----------------------------------------------------------------------------- who calls `train()`

    @functools.cache  # noqa: B019 - lives as long as the run
    def sets_training(self, ref: Ref, depth: int = 0) -> bool:
        """Whether a function sets any network to training mode, or may."""
        scope = self.project.scope(ref)
        return self._sets_within(ref, scope, 0, depth)

    def _sets_within(self, ref: Ref, scope: Scope, region: int, depth: int = 0) -> bool:
        if any(store.name.endswith(".training") for store in scope.stores if scope.within(store.region, region)):
            return True
        return any(
            self._may_set(Value(ref, index), node, depth)
            for index, node in scope.calls()
            if scope.within(node.region, region)
        )

    def _may_set(self, value: Value, node: Node, depth: int) -> bool:
        last = node.text.rpartition(".")[2]
        if node.has_receiver and last in ("train", "set_train", "train_mode", "training_mode", "set_mode", "to_train"):
            return not (node.arguments and self.project.node(Value(value.scope, node.arguments[0])).value is False)
        ref = self.project.callee(value)
        if ref is not None:
            return ref != value.scope and depth < MAX_DEPTH and self.sets_training(ref, depth + 1)
        plain = catalogue.snake(last)
        hidden = "train" in plain.split("_") or "mode" in plain.split("_") or last in catalogue.TRAINING_STEP_FUNCTIONS
        return hidden and last not in catalogue.TRAINING_METHODS and not last[:1].isupper()

    # -------------------------------------------------------------------------------------- the loop

    def _lost(self, value: Value, scope: Scope, network: str, setter: Value) -> Lost | None:
        if _OTHER_NETWORK.search(network) or self.project.scope(setter.scope).name in SETUP_METHODS:
            return None
        node = scope.nodes[value.node]
        loop = self._training_loop(value, scope, node)
        if (
            loop is None
            or self._is_made_in(scope, loop, network)
            or self._leaves(scope, node, loop)
            or self._is_at_the_end(value, scope, loop)
        ):
            return None
        training = self._trains_on(value.scope, scope, loop, network)
        if setter == value and self._is_for_training(value, scope, loop, network):
            return None
        if setter != value and not self._evaluates(setter.scope):
            return None
        if training is None or self._trains_in_evaluation(training) or self._sets_within(value.scope, scope, loop):
            return None
        sensitive = self.is_sensitive(value.scope, network)
        if sensitive is False:
            return None
        before = self._place(scope, value.node, loop, setter != value)
        is_epoch = not self.loops.loop(value.scope, loop).loader
        return Lost(value, setter, network, loop, training, is_epoch, bool(sensitive), before)

    def _training_loop(self, value: Value, scope: Scope, node: Node) -> int | None:
        """The innermost loop around a call that trains as well."""
        for region in scope.region_chain(node.region):
            if scope.regions[region].kind in LOOPS and self._trains_in(value.scope, scope, region):
                return region
        return None

    def _trains_in(self, ref: Ref, scope: Scope, region: int) -> bool:
        calls = (Value(ref, index) for index, node in scope.calls() if scope.within(node.region, region))
        return any(map(self.loops.is_training_call, calls))

    def _is_made_in(self, scope: Scope, loop: int, network: str) -> bool:
        """Whether each pass makes a network of its own, or gets it as an element."""
        names = {network, network.partition(".")[0]}
        return any(store.name in names and scope.within(store.region, loop) for store in scope.stores)

    def _leaves(self, scope: Scope, node: Node, loop: int) -> bool:
        """Whether the loop ends after a call: `if better: evaluate(model); break`."""
        words = (word for _, word in scope.of_kind(Kind.WORD) if word.name in _LEAVES and word.span > node.span)
        return any(
            word.region != loop and scope.within(node.region, word.region) and word.region > loop for word in words
        )

    def _is_at_the_end(self, value: Value, scope: Scope, loop: int) -> bool:
        """Whether the code runs only in the last pass: `if epoch == epochs - 1:`."""
        for region in scope.region_chain(scope.nodes[value.node].region):
            if region == loop:
                return False
            block = scope.regions[region]
            header = scope.nodes[block.header] if block.header >= 0 else None
            compares = block.kind is RegionKind.THEN and header is not None and header.name in ("==", ">=", ">")
            if compares and header and not any(scope.nodes[item].name == "%" for item in header.inputs):
                return True
        return False

    def _trains_on(self, ref: Ref, scope: Scope, loop: int, network: str) -> Value | None:
        """A call of the loop that trains this network: `model(x)` beside a step, `train_epoch(model)`."""
        inside = [(index, node) for index, node in scope.calls() if scope.within(node.region, loop)]
        inside = [pair for pair in inside if not self._is_evaluation(ref, scope, pair[1].region, loop)]
        steps = [index for index, _ in inside if self.loops.is_training_call(Value(ref, index))]
        if not steps:
            return None
        for index, node in inside:
            called = node.text == network or node.text.startswith(network + ".forward")
            given = any(self._text(Value(ref, item)) == network for item in node.arguments)
            if called or (given and index in steps):
                return Value(ref, index)
        owner = network.partition(".")[0]
        own = scope.is_method and scope.parameters and owner == scope.parameters[0].name
        for index in steps:
            callee = self.project.callee(Value(ref, index))
            if callee is not None and own and scope.nodes[index].text.startswith(owner + "."):
                called_there = any(node.text == network for _, node in self.project.scope(callee).calls())
                if called_there or network == owner:
                    return Value(ref, index)
            if callee is None or "." in network or self.project.scope(callee).owner:
                continue
            if any(node.name == network for _, node in self.project.scope(callee).of_kind(Kind.GLOBAL)):
                return Value(ref, index)
        return None

    def _is_for_training(self, value: Value, scope: Scope, loop: int, network: str) -> bool:
        """Whether the next use of a network trains it: it trains in evaluation mode on purpose."""
        later = [
            (index, node) for index, node in scope.calls() if index > value.node and scope.within(node.region, loop)
        ]
        for index, node in later:
            given = any(self._text(Value(value.scope, item)) == network for item in node.arguments)
            if node.text == network or given:
                if self._is_evaluation(value.scope, scope, node.region, loop):
                    return False
                return any(self.loops.is_training_call(Value(value.scope, step)) for step, _ in later if step >= index)
        return False

    def _trains_in_evaluation(self, training: Value) -> bool:
        """Whether what is called to train sets evaluation mode itself: only the head of the network learns."""
        ref = self.project.callee(training)
        return ref is not None and any(
            _set_to_evaluation(self.project, Value(ref, index), node) for index, node in self.project.scope(ref).calls()
        )

    def _evaluates(self, ref: Ref) -> bool:
        """Whether a function that sets evaluation mode goes on to evaluate, and does not only freeze something."""
        scope = self.project.scope(ref)
        return catalogue.names_evaluation(scope.name) or self._looks(ref, scope) or bool(scope.kinds.get(Kind.LOOPVAR))

    def _is_evaluation(self, ref: Ref, scope: Scope, region: int, loop: int) -> bool:
        """Whether a part of the loop only looks at the network."""
        return region != loop and self.loops.evaluates(ref, region)

    @functools.cache  # noqa: B019 - lives as long as the run
    def is_sensitive(self, ref: Ref, network: str) -> bool | None:
        """Whether a network behaves otherwise in evaluation; None if that cannot be known."""
        answers = [self._made_sensitive(value) for value in self._makers(ref, network)]
        if not answers or None in answers:
            return None
        return any(answers)

    def _makers(self, ref: Ref, network: str) -> list[Value]:
        """The values that a name, a parameter or an attribute may hold."""
        scope = self.project.scope(ref)
        head, dot, rest = network.partition(".")
        if scope.is_method and scope.parameters and head == scope.parameters[0].name:
            stores = list(self.project.attribute_stores((ref.path, scope.owner), rest)) if dot else []
            return [value for store in stores for value in self._followed(store)]
        values = [Value(ref, item) for item in scope.variables.get(head, ())]
        if not values:
            found = [Value(ref, index) for index, node in scope.of_kind(Kind.GLOBAL) if node.name == head]
            values = [alias for value in found for alias in self.project.aliases(value)]
        return [] if dot else [value for item in values for value in self._followed(item)]

    def _followed(self, value: Value, depth: int = 0) -> list[Value]:
        """What callers pass, where a value is a parameter."""
        node = self.project.node(value)
        if node.kind is not Kind.PARAM or depth > 3:
            return [value]
        found: list[Value] = []
        for site in self.project.callers(value.scope)[:4]:
            argument = self.project.argument(site, value.scope, node.name)
            if argument is not None:
                item = Value(site.scope, argument)
                for alias in self.project.aliases(item) or (item,):
                    found += self._followed(alias, depth + 1)
        return found

    def _made_sensitive(self, value: Value) -> bool | None:
        node = self.project.node(value)
        if node.method == "Sequential":
            text = self.reads.lines(value.scope.path, node.span)
            return True if _SENSITIVE.search(text) else (False if text and _only_torch(text) else None)
        made = self.project.constructor(value)
        if made is None or made[0] is None:
            return None
        return self._class_sensitive(made[0], made[1])

    def _class_sensitive(self, path: str, qualname: str, depth: int = 0) -> bool | None:
        """Whether a class, or one that it names, uses what depends on the mode."""
        model = self.project.modules[path].classes.get(qualname)
        text = self.reads.lines(path, model.span) if model else ""
        if not text or model is None or depth > 3:
            return None
        if _SENSITIVE.search(text):
            return True
        module, unknown = self.project.modules[path], False
        words = set(re.findall(r"[A-Za-z_]\w*", text)) - {qualname}
        for word in words & (module.classes.keys() | module.imports.keys()):
            inner = self.project.find_class(path, word)
            if inner is None:
                unknown = unknown or module.imports.get(word, "torch").partition(".")[0] not in _INSENSITIVE
                continue
            found = self._class_sensitive(inner[0], inner[1].qualname, depth + 1)
            if found:
                return True
            unknown = unknown or found is None
        return None if unknown else False

    def _place(self, scope: Scope, index: int, loop: int, after: bool) -> Span:
        """The statement above which `train()` belongs: the next one after a call, else the loop's first."""
        node = scope.nodes[index]
        own = scope.statements[node.statement]
        beside = [item.span for item in scope.statements if item.region == own.region and item.span > own.span]
        beside = [span for span in beside if span.line > own.span.end_line]
        if after and beside and own.region == node.region:
            return min(beside)
        return min(item.span for item in scope.statements if item.region == loop)

    # ---------------------------------------------------------------------------------- overwritten rates

    @functools.cached_property
    def overwritten(self) -> tuple[Overwritten, ...]:
        """All rates that an evaluation sets to zero and nothing sets back."""
        found = []
        for ref, scope in self.project.scopes():
            if scope.name in SETUP_METHODS or not scope.qualname or is_elsewhere(self.project, ref.path):
                continue
            for store in scope.stores:
                if self._is_switched_off(ref, scope, store) and not self._is_restored(ref, store):
                    guarded = Purpose.EVALUATION in self.purposes.guards(ref, scope, store.region)
                    loop = None if guarded else self._evaluation_in_loop(ref)
                    if guarded or loop is not None:
                        found.append(Overwritten(ref, store, loop))
        return tuple(found)

    def _is_switched_off(self, ref: Ref, scope: Scope, store: Store) -> bool:
        """Whether a store writes zero into a rate of something that was there before."""
        node = scope.nodes[store.node]
        if store.base < 0 or node.kind is not Kind.CONST or node.value not in (0, False) or node.value is None:
            return False
        owner, _, last = store.name.rpartition(".")
        if not (catalogue.promises_augmentation(last) or (_RATE.match(last) and node.value is not False)):
            return False
        if any(named(part) is Purpose.EVALUATION for part in owner.split(".")):
            return False
        return not self._is_made_here(scope, store.base)

    def _is_made_here(self, scope: Scope, index: int, depth: int = 0) -> bool:
        node = scope.nodes[index]
        if node.kind is Kind.CALL:
            walks = node.name.startswith(".") and node.method in (
                "modules",
                "children",
                "named_modules",
                "values",
                "items",
            )
            return not walks or self._is_made_here(scope, node.inputs[0], depth + 1)
        passes = node.kind in (Kind.LOOPVAR, Kind.INDEX, Kind.ATTR, Kind.PHI) and depth < 6
        return passes and any(self._is_made_here(scope, item, depth + 1) for item in node.inputs[:1])

    def _is_restored(self, ref: Ref, store: Store) -> bool:
        """Whether any code but a constructor sets the same attribute to something else."""
        last = "." + store.name.rpartition(".")[2]
        return any(
            other.name.endswith(last) and other.base >= 0 and not _is_zero(scope.nodes[other.node])
            for path in self.project.asked
            for scope in self.project.modules[path].scopes.values()
            if scope.name not in SETUP_METHODS
            for other in scope.stores
        )

    @functools.cache  # noqa: B019 - lives as long as the run
    def _evaluation_in_loop(self, ref: Ref, looks: bool = False, depth: int = 0) -> Value | None:
        """The call in a training loop that leads to a function by way of an evaluation."""
        scope = self.project.scope(ref)
        looks = looks or catalogue.names_evaluation(scope.name) or self._looks(ref, scope)
        if depth > MAX_DEPTH or self.loops.trains(ref):
            return None
        for site in self.project.callers(ref):
            outer = self.project.scope(site.scope)
            region = self._training_loop(site, outer, outer.nodes[site.node])
            if region is not None and looks:
                alone = self._is_at_the_end(site, outer, region) or self._leaves(outer, outer.nodes[site.node], region)
                return None if alone else site
            found = self._evaluation_in_loop(site.scope, looks, depth + 1) if site.scope.qualname else None
            if found is not None:
                return found
        return None

    def _looks(self, ref: Ref, scope: Scope) -> bool:
        """Whether a function runs a network without gradients."""
        if any(item.rpartition(".")[2] in ("no_grad", "inference_mode") for item in scope.decorators):
            return True
        return any(
            region.kind is RegionKind.WITH and scope.nodes[region.header].method in ("no_grad", "inference_mode")
            for region in scope.regions
        )


def _set_to_evaluation(project: Project, value: Value, node: Node) -> str:
    """The network, as written, that a call sets to evaluation mode."""
    if not node.name.startswith("."):
        return ""
    off = (node.method == "eval" and not node.arguments) or ends_training(project, value, node)
    return node.text.rpartition(".")[0] if off and isinstance(node.value, str) else ""


def _only_torch(text: str) -> bool:
    called = re.findall(r"([A-Za-z_][\w.]*)\(", text)
    return all(
        name.startswith(("nn.", "torch.")) or name in ("Sequential", "Linear", "ReLU", "Conv2d") for name in called
    )


def _is_zero(node: Node) -> bool:
    return node.kind is Kind.CONST and node.value in (0, False) and node.value is not None


@functools.lru_cache(maxsize=4)
def modes_of(project: Project) -> Modes:
    """The one finder of a project, shared by the rules."""
    return Modes(project)
