"""Which evaluations in a training loop write zero over a rate of dropout or augmentation that nothing sets again?"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

from jitlint import catalogue
from jitlint.semantics.evaluations import evaluations_of
from jitlint.semantics.graph import Kind, Node, Scope, Store
from jitlint.semantics.loops import loops_of
from jitlint.semantics.mentions import is_elsewhere
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.purpose import Purpose, named, purposes_of
from jitlint.semantics.staleness import SETUP_METHODS

MAX_DEPTH = 4
_RATE = re.compile(r"^(?:p|prob|probability|rate)$")


class Overwritten(NamedTuple):
    """A rate that an evaluation sets to zero for ever."""

    ref: Ref
    store: Store
    loop: Value | None  # the call in a training loop that leads here


class OverwrittenRates:
    """Which rates of one project stay at zero after an evaluation."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.loops = loops_of(project)
        self.purposes = purposes_of(project)
        self.evaluations = evaluations_of(project)

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
        looks = looks or catalogue.names_evaluation(scope.name) or self.evaluations.looks(ref, scope)
        if depth > MAX_DEPTH or self.loops.trains(ref):
            return None
        for site in self.project.callers(ref):
            outer = self.project.scope(site.scope)
            region = self.evaluations.training_loop(site, outer, outer.nodes[site.node])
            if region is not None and looks:
                last = self.evaluations.is_at_the_end(site, outer, region)
                return None if last or self.evaluations.leaves(outer, outer.nodes[site.node], region) else site
            found = self._evaluation_in_loop(site.scope, looks, depth + 1) if site.scope.qualname else None
            if found is not None:
                return found
        return None


def _is_zero(node: Node) -> bool:
    return node.kind is Kind.CONST and node.value in (0, False) and node.value is not None


@functools.lru_cache(maxsize=4)
def overwritten_rates_of(project: Project) -> OverwrittenRates:
    """The one finder of a project, shared by the rules."""
    return OverwrittenRates(project)
