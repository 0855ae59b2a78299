"""Seeds that rewind the stream a training draws from, in every pass of one training.

A seed call is followed outwards: through the loops around it and through the callers of its function. The first loop
that repeats the passes of one training (it trains, and makes no new optimizer) and over which the seed does not vary
is the one that replays its numbers.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import NamedTuple

from jitlint import catalogue
from jitlint.libraries.facts import What
from jitlint.libraries.tables import all_names
from jitlint.semantics.clocks import ALWAYS, CALL, Clock
from jitlint.semantics.graph import LOOPS, Kind, Node, Scope, Store
from jitlint.semantics.loops import loops_of
from jitlint.semantics.memo import remembered
from jitlint.semantics.mentions import is_elsewhere
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.purpose import Purpose, purposes_of
from jitlint.semantics.seeds import default_of, gives_back, is_guarded
from jitlint.semantics.when import variance_of

MAX_OUTWARD = 3
_OPTIMIZER = re.compile(r"^(?:Adam\w*|SGD|RMSprop|LBFGS|Adagrad|RAdam|Lion|configure_optimizers|create_optimizer\w*)$")
# Methods that the trainers of Lightning call once in every epoch.
EPOCH_HOOKS = frozenset(
    "on_train_epoch_start on_train_epoch_end on_validation_epoch_start on_validation_epoch_end training_epoch_end "
    "validation_epoch_end on_epoch_start on_epoch_end on_validation_end validation_step".split()
)
# Library calls that start the stream they draw from with `seed=`.
_SEEDED_METHODS = all_names(What.SEEDED_METHOD)


class Rewind(NamedTuple):
    """A seed call that starts every pass of a training with the same numbers."""

    call: Value
    site: Value  # the call in the loop's own scope that leads to it, or the call itself
    clock: Clock
    preview: bool  # it stands in code that looks at the network between the passes
    pairs: bool  # a stream of samples, not the passes of a training


class Rewinds:
    """Finds the rewinds of one project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.loops = loops_of(project)
        self.variance = variance_of(project)

    def found(self) -> Iterator[Rewind]:
        """One rewind a seed call."""
        for call, node in self.project.calls():
            seed = self._seed_of(call, node)
            if seed is None or self._is_test(call.scope):
                continue
            rewind = next(self._outward(call, call, seed, 0), None)
            if rewind is not None:
                yield rewind

    def _is_test(self, ref: Ref) -> bool:
        return self.project.scope(ref).name.lstrip("_").startswith("test") or is_elsewhere(self.project, ref.path)

    # -------------------------------------------------------------------------------------------- seeds

    def _seed_of(self, call: Value, node: Node) -> Value | None:
        """The number that a call seeds the global stream, or the stream of an object, with."""
        if node.name in catalogue.SEEDS:
            given = node.keyword("seed")
            first = given if given is not None else next(iter(node.arguments), None)
            return Value(call.scope, first) if first is not None else None
        if node.has_receiver and node.method in _SEEDED_METHODS and self.project.callee(call) is None:
            given = node.keyword("seed")
            return Value(call.scope, given) if given is not None else None
        return None

    def _is_constant(self, value: Value, depth: int = 0) -> bool:
        """Whether a number is the same in all passes: a constant, a setting or an attribute that is called seed."""
        node = self.project.node(value)
        if depth > 6:
            return False
        if node.kind is Kind.CONST:
            return isinstance(node.value, int) and not isinstance(node.value, bool)
        if node.kind in (Kind.OP, Kind.PHI) and node.name not in ("is", "is not", "==", "in"):
            return bool(node.inputs) and all(self._is_constant(Value(value.scope, i), depth + 1) for i in node.inputs)
        if node.kind is Kind.CALL and node.name in ("int", "abs") and node.arguments:
            return self._is_constant(Value(value.scope, node.arguments[0]), depth + 1)
        if node.kind is Kind.GLOBAL:
            aliases = self.project.aliases(value)
            return bool(aliases) and all(self._is_constant(alias, depth + 1) for alias in aliases)
        if node.kind is Kind.ATTR:
            return "seed" in node.name.lower()
        if node.kind is Kind.INDEX:
            key = self.project.node(Value(value.scope, node.inputs[1])).value
            return isinstance(key, str) and "seed" in key.lower()
        return node.kind is Kind.PARAM and "seed" in node.name.lower()

    # ------------------------------------------------------------------------------------------ outward

    def _outward(self, call: Value, site: Value, seed: Value, depth: int) -> Iterator[Rewind]:
        scope, node = self.project.scope(site.scope), self.project.node(site)
        if gives_back(scope, node):
            return
        if self._is_constant(seed):
            yield from self._here(call, site, seed, scope, node)
        if depth >= MAX_OUTWARD or not scope.qualname or is_guarded(scope, node.region, CALL):
            return
        given = self.project.node(seed)
        for outer in self.project.callers(site.scope):
            passed = seed
            if given.kind is Kind.PARAM and seed.scope == site.scope:
                argument = self.project.argument(outer, site.scope, given.name)
                if argument is None:
                    default = default_of(self.project, site.scope, given.name)
                    if default is None:
                        continue
                    passed = default
                else:
                    passed = Value(outer.scope, argument)
            yield from self._outward(call, outer, passed, depth + 1)

    def _here(self, call: Value, site: Value, seed: Value, scope: Scope, node: Node) -> Iterator[Rewind]:
        preview = self._looks_only(call.scope) or self._looks_only(site.scope)
        if preview and self.project.node(call).name not in catalogue.SEEDS:
            return
        for region in scope.region_chain(node.region):
            if scope.regions[region].kind not in LOOPS or self._varies(seed, Clock(site.scope, region)):
                continue
            guarded = is_guarded(scope, node.region, region)
            if self.is_pass(site.scope, region) and (preview or not guarded):
                yield Rewind(call, site, Clock(site.scope, region), preview, False)
            elif call != site and not guarded and not preview and self._yields(scope, region):
                yield Rewind(call, site, Clock(site.scope, region), False, True)
        if scope.name == "__getitem__" and self._seeds_object(call) and not preview:
            yield Rewind(call, site, Clock(site.scope, CALL), False, True)
        if scope.owner and scope.name in EPOCH_HOOKS and not is_guarded(scope, node.region, CALL):
            yield Rewind(call, site, Clock(site.scope, CALL), True, False)

    def _seeds_object(self, call: Value) -> bool:
        """Whether a call seeds the stream of one object, such as a transform."""
        return self.project.node(call).name not in catalogue.SEEDS

    def _varies(self, seed: Value, clock: Clock) -> bool:
        varies = self.variance.when(seed).varies
        return clock in varies or ALWAYS in varies

    def _yields(self, scope: Scope, region: int) -> bool:
        return any(scope.within(node.region, region) for _, node in scope.of_kind(Kind.YIELD))

    # ------------------------------------------------------------------------------------------- passes

    @remembered(False)
    def _looks_only(self, ref: Ref) -> bool:
        """Whether a function looks at a network and does not train it."""
        return not self.loops.trains(ref) and purposes_of(self.project).function(ref) is Purpose.EVALUATION

    @remembered(False)
    def is_pass(self, ref: Ref, region: int) -> bool:
        """Whether each pass of a loop continues one training: it trains, and makes no optimizer of its own."""
        scope = self.project.scope(ref)
        inside = [(Value(ref, i), node) for i, node in scope.calls() if scope.within(node.region, region)]
        training = [value for value, _ in inside if self.loops.is_training_call(value)]
        if self.loops.evaluates(ref, region) or all(self._is_whole(value, region) for value in training):
            return False
        if any(self._makes_network(scope, store, region) for store in scope.stores):
            return False  # each pass is a whole training
        return not any(self._makes_optimizer(value, node) for value, node in inside)

    def _is_whole(self, call: Value, region: int) -> bool:
        """Whether a call runs a training from its start: `trainer.train()` of a trainer that each pass makes."""
        scope, node = self.project.scope(call.scope), self.project.node(call)
        if not node.has_receiver or self.loops.is_training_call(call, whole=False):
            return False
        made = scope.nodes[node.inputs[0]]
        return made.kind is Kind.CALL and scope.within(made.region, region)

    def _makes_network(self, scope: Scope, store: Store, region: int) -> bool:
        made = scope.nodes[store.node]
        named = catalogue.names_model(store.name.rpartition(".")[2])
        return named and scope.within(store.region, region) and made.kind is Kind.CALL and not made.has_receiver

    def _makes_optimizer(self, value: Value, node: Node) -> bool:
        if ".optim." in node.name or _OPTIMIZER.match(node.method):
            return True
        ref = self.project.callee(value)
        return ref is not None and self._prepares_training(ref)

    @remembered(False)
    def _prepares_training(self, ref: Ref) -> bool:
        """Whether a function makes an optimizer, or makes the network that it trains."""
        scope = self.project.scope(ref)
        if any(self._makes_optimizer(Value(ref, index), node) for index, node in scope.calls()):
            return True
        return self.loops.trains(ref) and any(
            self._makes_network(scope, store, 0) and not self._wraps_given(scope, store) for store in scope.stores
        )

    def _wraps_given(self, scope: Scope, store: Store) -> bool:
        """`model = DataParallel(model)`: the network comes from the caller."""
        given = (scope.nodes[item] for item in scope.nodes[store.node].arguments)
        return any(node.kind is Kind.PARAM and catalogue.names_model(node.name) for node in given)


@functools.lru_cache(maxsize=4)
def rewinds_of(project: Project) -> Rewinds:
    """The one search for rewinds of a project."""
    return Rewinds(project)
