"""Seeds of programs of several ranks: which are the same on all of them, which differ and must not."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import NamedTuple

from jitlint import catalogue
from jitlint.libraries.distributed import MAYBE_RANK, RANK, SEED_POSITION, SPAWNS, STARTS
from jitlint.libraries.generators import GLOBAL_SEEDS
from jitlint.semantics.epochs import epochs_of
from jitlint.semantics.graph import Kind, Node, RegionKind
from jitlint.semantics.loading import Code, loading_of
from jitlint.semantics.loops import loops_of
from jitlint.semantics.mentions import is_elsewhere
from jitlint.semantics.objects import argument_of, objects_of
from jitlint.semantics.programs import programs_of
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.worker_seeds import library_of

_MOST_STEPS = 200
_MOST_CALLERS = 6


class Identical(NamedTuple):
    """A seed that is the same on all ranks, and a draw of training after it."""

    seed: Value
    draw: Value
    start: Value


class Ranks:
    """Finds such seeds in one project."""

    def __init__(self, project: Project) -> None:
        self.project = project

    # ----------------------------------------------------------------------------------------- samplers

    @functools.cached_property
    def samplers(self) -> tuple[Value, ...]:
        """Distributed samplers whose seed differs between ranks."""
        return tuple(
            sampler
            for sampler in objects_of(self.project).epoch_samplers
            if objects_of(self.project).class_of(sampler) is None
            and (seed := argument_of(self.project.node(sampler), SEED_POSITION, "seed")) is not None
            and self.depends_on_rank(Value(sampler.scope, seed), sure=True)
        )

    # -------------------------------------------------------------------------------------------- seeds

    @functools.cached_property
    def identical(self) -> tuple[Identical, ...]:
        """Seeds of a library that no rank changes, where the training of each rank draws from that library."""
        return tuple(self._identical())

    def _identical(self) -> Iterator[Identical]:
        starts = [site for name in sorted(STARTS) for site in self.project.call_sites.get(name, ())]
        starts = [site for site in starts if not is_elsewhere(self.project, site.scope.path)]
        for library, names in GLOBAL_SEEDS.items() if starts else ():
            seeds = list(self._seeds(names))
            for draw in self._drawn_in_training(library):
                start = next((site for site in starts if draw.scope in self.run_by_ranks(site)), None)
                if start is None or self._are_told_apart(start, seeds):
                    continue
                own = [seed for seed in seeds if seed.scope in self.run_by_ranks(start)]
                if own:
                    yield Identical(own[0], draw, start)
                    break

    def _are_told_apart(self, start: Value, seeds: list[Value]) -> bool:
        """Whether some seed of the program that starts the ranks may differ between them, or a library sees to that."""
        path = start.scope.path
        program = (seed for seed in seeds if programs_of(self.project).may_run_with(seed.scope.path, path))
        return any(map(self._may_vary, program)) or epochs_of(self.project).is_looked_after(path)

    @functools.cache  # noqa: B019 - lives as long as the run
    def run_by_ranks(self, start: Value) -> frozenset[Ref]:
        """The functions that run in every rank: those that lead to the start of the group, and all that they call.

        A function that spawns processes is the parent's, and what it seeds is not theirs.
        """
        todo, found = [start.scope], {start.scope}
        while todo and len(found) < _MOST_STEPS:
            callers = {site.scope for site in self.project.callers(todo.pop())}
            new = {ref for ref in callers - found if not self._spawns(ref)}
            found |= new
            todo += new
        entries = (Code(ref, (ref.path, owner) if (owner := self.project.scope(ref).owner) else None) for ref in found)
        return frozenset(code.ref for code in loading_of(self.project).closure(entries))

    def _spawns(self, ref: Ref) -> bool:
        return any(node.method in SPAWNS for _, node in self.project.scope(ref).calls())

    def _seeds(self, names: frozenset[str]) -> Iterator[Value]:
        for name in sorted({name.rpartition(".")[2] for name in names}):
            for site in self.project.call_sites.get(name, ()):
                if self.project.node(site).name in names:
                    yield site

    def _may_vary(self, seed: Value) -> bool:
        """Whether a seed depends on the rank, is none, or is set only where somebody asks for it."""
        node, scope = self.project.node(seed), self.project.scope(seed.scope)
        if not node.arguments or self.depends_on_rank(Value(seed.scope, node.arguments[0]), sure=False):
            return True
        kinds = (scope.regions[region].kind for region in scope.region_chain(node.region))
        return any(kind in (RegionKind.THEN, RegionKind.ELSE, RegionKind.FOR, RegionKind.LAMBDA) for kind in kinds)

    def _drawn_in_training(self, library: str) -> Iterator[Value]:
        """Draws from a library's global generator in a loop that trains on batches."""
        loading, loops = loading_of(self.project), loops_of(self.project)
        for ref, scope in self.project.scopes():
            for loop in loops.batch_loops(ref):
                if not loop.trains or loops.evaluates(ref, loop.region):
                    continue
                inside = Code(ref, (ref.path, scope.owner) if scope.owner else None, loop.region)
                for code in sorted(loading.closure({inside}), key=lambda code: (code.ref != ref, code.ref)):
                    for index, node in loading.calls(code):
                        if library_of(node.name) == library and not {"generator"} & set(node.keywords):
                            yield Value(code.ref, index)

    # -------------------------------------------------------------------------------------------- ranks

    @functools.cache  # noqa: B019 - lives as long as the run
    def depends_on_rank(self, value: Value, sure: bool) -> bool:
        """Whether a number is made from a rank (or, unless `sure`, may be)."""
        todo, seen = [value], {value}
        while todo and len(seen) < _MOST_STEPS:
            item = todo.pop()
            node = self.project.node(item)
            if self._says_rank(node, sure):
                return True
            before = [Value(item.scope, inner) for inner in node.inputs]
            before += self.project.aliases(item)
            if node.kind is Kind.PARAM:
                before += self._arguments(item, node)
            todo += [inner for inner in before if inner not in seen]
            seen.update(before)
        return not sure and bool(todo)

    def _says_rank(self, node: Node, sure: bool) -> bool:
        names = [node.text if node.kind is Kind.CALL else node.name]
        names += [node.value] if node.kind is Kind.CONST and isinstance(node.value, str) else []
        last = [name.rpartition(".")[2] for name in names]
        plain = [*last, *map(catalogue.snake, last)]
        return any(RANK.search(name) or (not sure and MAYBE_RANK.search(name)) for name in plain)

    def _arguments(self, value: Value, node: Node) -> Iterator[Value]:
        for site in self.project.callers(value.scope)[:_MOST_CALLERS]:
            given = self.project.argument(site, value.scope, node.name)
            if given is not None:
                yield Value(site.scope, given)


@functools.lru_cache(maxsize=4)
def ranks_of(project: Project) -> Ranks:
    """The one finder of a project, shared by the rules."""
    return Ranks(project)
