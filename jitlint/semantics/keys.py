"""JAX keys: where a key is used up, and whether each use gets a key of its own."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from jitlint import catalogue
from jitlint.libraries.facts import What
from jitlint.libraries.tables import all_names
from jitlint.semantics.clocks import CALL, Clock
from jitlint.semantics.flow import exclusive, sources
from jitlint.semantics.graph import LOOPS, Kind, Node, Scope
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.when import variance_of

# Functions of `jax.random` that make or look at keys; all others but `fold_in` use one up.
_MAKERS = frozenset("PRNGKey key key_data wrap_key_data key_impl clone fold_in default_prng_impl".split())
# Keywords under which the layers of Flax, Equinox and Haiku take a key.
_KEY_WORDS = frozenset("key rng rngs dropout_rng".split())
# Libraries whose layers take keys. To all others `key=` is a sort key or the name of a thing.
_LIBRARIES = all_names(What.TAKES_KEYS)
_ORDER = "jax.random.permutation"
# Functions that run the function they are given again and again.
_REPEATERS = frozenset("jax.lax.scan jax.lax.fori_loop jax.lax.while_loop jax.lax.map".split())


class KeyUse(NamedTuple):
    """A call that uses up a key."""

    call: Value
    key: Value
    draws: bool  # by a distribution, not by a split
    folds: bool = False  # each module folds its own path into it, as those of Flax do with the streams they are given


class Reuse(NamedTuple):
    """A key that is used up again: by `again` after `first`, or (`first` is None) in each tick of `clock`."""

    again: Value
    first: Value | None
    clock: Clock | None
    key: Value


class Keys:
    """Answers which JAX keys of one project are used more than once."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.variance = variance_of(project)

    def reuses(self) -> Iterator[Reuse]:
        """Every key that is used up twice in one pass, or once in each pass without being renewed."""
        for ref, scope in self.project.scopes():
            uses = list(self._uses(ref, scope))
            yield from self._twice(scope, uses)
            for use in uses:
                yield from self._in_each_pass(use)

    def _uses(self, ref: Ref, scope: Scope) -> Iterator[KeyUse]:
        for index, node in scope.calls():
            call = Value(ref, index)
            if node.name.startswith("jax.random.") and node.method not in _MAKERS:
                given = node.keyword("key")
                first = node.arguments[0] if node.arguments and node.keywords[0] is None else None
                key = given if given is not None else first
                if key is not None and not self._gives_shape(scope, index):
                    yield KeyUse(call, Value(ref, key), node.method != "split")
            elif node.has_receiver and self._knows_keys(ref.path) and self.project.callee(call) is None:
                for key, folds in self._given_keys(scope, node):
                    yield KeyUse(call, Value(ref, key), True, folds)

    def _gives_shape(self, scope: Scope, index: int) -> bool:
        """Whether what is drawn goes only to `network.init(key, x)`, which asks for the shape of `x`."""
        users = [node for node in scope.nodes if index in node.inputs]
        kept = index in scope.returns or any(store.node == index for store in scope.stores if "." in store.name)
        return (
            bool(users)
            and not kept
            and all(
                node.method == "init" and node.has_receiver and index in node.arguments[1:] and node.kind is Kind.CALL
                for node in users
            )
        )

    @functools.cache  # noqa: B019 - lives as long as the run
    def _knows_keys(self, path: str) -> bool:
        """Whether a file imports a library whose layers take keys."""
        imported = self.project.modules[path].imports.values()
        return not _LIBRARIES.isdisjoint(name.partition(".")[0] for name in imported)

    def _given_keys(self, scope: Scope, node: Node) -> Iterator[tuple[int, bool]]:
        """The keys that a layer is given, and whether as a stream: `layer(x, key=key)`, `rngs={"dropout": key}`.

        flax/core/scope.py, `Scope.make_rng`: a module folds its path and a counter into the key of a stream.
        """
        for item, word in zip(node.arguments, node.keywords, strict=False):
            if word in _KEY_WORDS:
                inner = scope.nodes[item]
                if inner.kind is Kind.COLLECTION and inner.name == "dict":
                    yield from ((key, True) for key in inner.inputs[len(inner.inputs) // 2 :])
                elif word != "rngs":  # else a stream, which counts its uses
                    yield item, False

    # ------------------------------------------------------------------------------------------- reuses

    def _twice(self, scope: Scope, uses: list[KeyUse]) -> Iterator[Reuse]:
        by_key: defaultdict[int, list[KeyUse]] = defaultdict(list)
        for use in uses:
            if use.key.node >= 0 and self._is_one_key(use.key):
                by_key[use.key.node].append(use)
        for same in by_key.values():
            for position, later in enumerate(same[1:], 1):
                first = next((use for use in same[:position] if self._follows(scope, use, later)), None)
                if first is not None:
                    yield Reuse(later.call, first.call, None, later.key)
                    break

    def _is_one_key(self, key: Value) -> bool:
        """Whether a node is one key: not an array of keys that is indexed, nor one that a name no longer means."""
        node = self.project.node(key)
        return node.kind in (Kind.PARAM, Kind.CALL, Kind.INDEX, Kind.PHI, Kind.ATTR, Kind.GLOBAL) and not (
            node.kind is Kind.CALL and node.method == "next"
        )

    def _follows(self, scope: Scope, first: KeyUse, second: KeyUse) -> bool:
        a, b = scope.nodes[first.call.node], scope.nodes[second.call.node]
        if not (first.draws or second.draws) or (first.folds and second.folds):
            return False
        if exclusive(scope, a.region, b.region):
            return False
        if self._returns_between(scope, a, b):
            return False
        return a.name != b.name or not (self._same_arguments(scope, a, b) or self._orders_alike(scope, a, b))

    def _returns_between(self, scope: Scope, first: Node, second: Node) -> bool:
        """Whether the branch of the first use leaves the function before the second."""
        around = set(scope.region_chain(second.region))
        branch = {region for region in scope.region_chain(first.region) if region not in around}
        return any(scope.nodes[item].region in branch for item in scope.returns)

    def _same_arguments(self, scope: Scope, first: Node, second: Node) -> bool:
        """Whether two draws are meant to be equal: the same call, argument by argument."""
        if len(first.inputs) != len(second.inputs):
            return False
        pairs = zip(first.inputs, second.inputs, strict=True)
        return all(a == b or scope.nodes[a][4:] == scope.nodes[b][4:] for a, b in pairs)

    def _orders_alike(self, scope: Scope, first: Node, second: Node) -> bool:
        """Whether two arrays are put into one order, so that their rows stay pairs: `x` and `y` of each sample."""
        if first.name != _ORDER or not all(len(node.arguments) > 1 for node in (first, second)):
            return False
        one, other = (scope.nodes[node.arguments[1]] for node in (first, second))
        return one is not other and not any(node.kind is Kind.CONST for node in (one, other))

    def _in_each_pass(self, use: KeyUse) -> Iterator[Reuse]:
        if not use.draws or self._is_from_stream(use.key):
            return
        made = self.variance.when(use.key)
        scope = self.project.scope(use.call.scope)
        holders = {hole.ref for hole in made.holes}
        for clock in self._clocks(use.call, scope):
            if clock not in made.varies and (clock.region != CALL or use.call.scope not in holders):
                yield Reuse(use.call, None, clock, use.key)
                return
        for ref in holders:
            yield from self._passed_again(ref, [hole.name for hole in made.holes if hole.ref == ref])

    def _is_from_stream(self, key: Value) -> bool:
        """Whether a key may come from a call that gives another one each time: `next(keys)`, `rngs()`."""
        scope = self.project.scope(key.scope)
        made = sources(scope, [key.node], lambda index: scope.nodes[index].kind is Kind.PHI)
        calls = (scope.nodes[index] for index in made if scope.nodes[index].kind is Kind.CALL)
        return any(not node.name.startswith("jax.random.") for node in calls)

    def _clocks(self, call: Value, scope: Scope) -> Iterator[Clock]:
        """The loops around a use, and each call of a function that something runs again and again."""
        for region in scope.region_chain(scope.nodes[call.node].region):
            if scope.regions[region].kind in LOOPS:
                yield Clock(call.scope, region)
        if self._is_repeated(call.scope, scope):
            yield Clock(call.scope, CALL)

    def _is_repeated(self, ref: Ref, scope: Scope) -> bool:
        if scope.owner and (scope.name in catalogue.STEP_FUNCTIONS or self._is_called_in_loop(ref)):
            return True
        parent = self.project.modules[ref.path].scopes.get(scope.parent) if scope.parent is not None else None
        if parent is None:
            return False
        return any(
            node.name in _REPEATERS
            and any(
                parent.nodes[item].kind is Kind.GLOBAL and parent.nodes[item].name == ref.qualname
                for item in node.inputs
            )
            for _, node in parent.calls()
        )

    def _is_called_in_loop(self, ref: Ref) -> bool:
        """Whether a loop calls a method of one object, and not of one that each pass makes."""
        return any(
            self.variance.here(site) - {Clock(site.scope, CALL)} - self._made_with(site)
            for site in self.project.callers(ref)
        )

    def _made_with(self, site: Value) -> frozenset[Clock]:
        """The clocks around the place where the object is made whose method a call calls."""
        node = self.project.node(site)
        made = self.project.node(Value(site.scope, node.inputs[0])) if node.has_receiver else node
        is_made = node.has_receiver and made.kind is Kind.CALL
        return frozenset(self.variance.clocks(site.scope, made.region)) if is_made else frozenset()

    def _passed_again(self, ref: Ref, names: list[str]) -> Iterator[Reuse]:
        """A loop that gives a function the same key, and the same of what is folded into it, in each pass."""
        for site in self.project.callers(ref):
            given = [self.project.argument(site, ref, name) for name in names]
            keys = [Value(site.scope, argument) for argument in given if argument is not None]
            varies = frozenset(clock for key in keys for clock in self.variance.when(key).varies)
            scope = self.project.scope(site.scope)
            for region in scope.region_chain(scope.nodes[site.node].region):
                clock = Clock(site.scope, region)
                if keys and scope.regions[region].kind in LOOPS and clock not in varies:
                    yield Reuse(site, None, clock, keys[0])
                    break
