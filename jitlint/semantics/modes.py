"""In which mode does a network train? Finds evaluations in a training loop after which it never gets `train()` back."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import NamedTuple

from jitlint import catalogue
from jitlint.diagnostic import Span
from jitlint.semantics.evaluations import evaluations_of
from jitlint.semantics.graph import LOOPS, Kind, Node, Scope
from jitlint.semantics.loops import ends_training, loops_of
from jitlint.semantics.mentions import is_elsewhere
from jitlint.semantics.mode_sensitivity import ModeSensitivity
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.staleness import SETUP_METHODS

MAX_DEPTH = 4
_KNOWN_DECORATORS = frozenset(
    "no_grad inference_mode staticmethod classmethod wraps cache main record property".split()
)
_OTHER_NETWORK = re.compile(
    r"(?:^|[._])(?:ema|teacher|target|swa|averaged?|best|frozen|ref|reference|old|pretrained)(?:[._]|$)"
)


class Lost(NamedTuple):
    """A network that stays in evaluation mode, by the call in the loop that sets it."""

    event: Value  # the call in the loop
    setter: Value  # the `.eval()` itself, here or in what the call leads to
    network: str  # as the loop writes it
    loop: int  # the region of the loop that trains on, or 0: the function is a step that callers' loops repeat
    header: tuple[str, Span]  # where that loop stands
    training: Value  # a call of the loop that trains
    is_epoch: bool  # the loop goes over epochs
    sure: bool  # the network is known to behave otherwise in evaluation
    before: Span  # the statement above which `train()` belongs


class Modes:
    """Which networks of one project lose their training mode."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.loops = loops_of(project)
        self.evaluations = evaluations_of(project)
        self.sensitivity = ModeSensitivity(project)

    @functools.cached_property
    def lost(self) -> tuple[Lost, ...]:
        """All networks that stay in evaluation mode, each once a loop."""
        found: dict[tuple[Ref, int, str], Lost] = {}
        for call, node in self.project.calls():
            if is_elsewhere(self.project, call.scope.path):
                continue
            for network, setter in self._evaluated(call, node):
                lost = self._lost(call, self.project.scope(call.scope), network, setter)
                if lost is not None:
                    found.setdefault((call.scope, lost.loop, network), lost)
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
        loop = self.evaluations.training_loop(value, scope, node)
        repeating = self._repeats(value.scope, scope, loop) if loop is not None else None
        if (
            loop is None
            or repeating is None
            or self._is_made_in(scope, loop, network)
            or self.evaluations.leaves(scope, node, loop)
            or self.evaluations.is_at_the_end(value, scope, loop)
        ):
            return None
        training = self._trains_on(value.scope, scope, loop, network)
        if setter == value and self._is_for_training(value, scope, loop, network):
            return None
        if setter != value and not self._evaluates(setter.scope):
            return None
        if training is None or self._trains_in_evaluation(training) or self._sets_within(value.scope, scope, loop):
            return None
        sensitive = self.sensitivity.is_sensitive(value.scope, network)
        if sensitive is False:
            return None
        before = self._place(scope, value.node, loop, setter != value)
        is_epoch = not self.loops.loop(value.scope, loop).loader
        return Lost(value, setter, network, loop, repeating, training, is_epoch, bool(sensitive), before)

    def _repeats(self, ref: Ref, scope: Scope, loop: int) -> tuple[str, Span] | None:
        """Where the loop stands: for a function that is a step, the first of the loops that call it.

        None if there is none, or one of them sets training mode itself.
        """
        if loop:
            return ref.path, scope.regions[loop].header_span or scope.span
        found = []
        for site in self.project.callers(ref):
            outer = self.project.scope(site.scope)
            around = [r for r in outer.region_chain(outer.nodes[site.node].region) if outer.regions[r].kind in LOOPS]
            if not around or self._sets_within(site.scope, outer, around[0]):
                return None
            found.append((site.scope.path, outer.regions[around[0]].header_span or outer.span))
        return found[0] if found else None

    def _is_made_in(self, scope: Scope, loop: int, network: str) -> bool:
        """Whether each pass makes a network of its own, or gets it as an element."""
        names = {network, network.partition(".")[0]}
        return any(store.name in names and scope.within(store.region, loop) for store in scope.stores)

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
        return (
            catalogue.names_evaluation(scope.name)
            or self.evaluations.looks(ref, scope)
            or bool(scope.kinds.get(Kind.LOOPVAR))
        )

    def _is_evaluation(self, ref: Ref, scope: Scope, region: int, loop: int) -> bool:
        """Whether a part of the loop only looks at the network."""
        return region != loop and self.loops.evaluates(ref, region)

    def _place(self, scope: Scope, index: int, loop: int, after: bool) -> Span:
        """The statement above which `train()` belongs: the next one after a call, else the loop's first."""
        node = scope.nodes[index]
        own = scope.statements[node.statement]
        beside = [item.span for item in scope.statements if item.region == own.region and item.span > own.span]
        beside = [span for span in beside if span.line > own.span.end_line]
        if after and beside and own.region == node.region:
            return min(beside)
        return min(item.span for item in scope.statements[1:] if item.region == loop)


def _set_to_evaluation(project: Project, value: Value, node: Node) -> str:
    """The network, as written, that a call sets to evaluation mode."""
    off = (node.name == ".eval" and not node.arguments) or ends_training(project, value, node)
    return node.text.rpartition(".")[0] if off and isinstance(node.value, str) else ""


@functools.lru_cache(maxsize=4)
def modes_of(project: Project) -> Modes:
    """The one finder of a project, shared by the rules."""
    return Modes(project)
