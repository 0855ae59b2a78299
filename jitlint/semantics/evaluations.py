"""Which loop around a call trains, does it go on after the call, and does a function only look at the network?"""

from __future__ import annotations

import functools

from jitlint.semantics.graph import LEAVING, LOOPS, Kind, Node, RegionKind, Scope
from jitlint.semantics.loops import loops_of
from jitlint.semantics.project import Project, Ref, Value


class Evaluations:
    """Tells calls that evaluate between two passes of a training loop from those that end it."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.loops = loops_of(project)

    def training_loop(self, value: Value, scope: Scope, node: Node) -> int | None:
        """The innermost loop around a call that trains as well; 0 if the whole function is a step of its callers'."""
        for region in scope.region_chain(node.region):
            if scope.regions[region].kind in LOOPS and self._trains_in(value.scope, scope, region):
                return region
        return 0 if scope.qualname and self.loops.steps(value.scope) else None

    def _trains_in(self, ref: Ref, scope: Scope, region: int) -> bool:
        calls = (Value(ref, index) for index, node in scope.calls() if scope.within(node.region, region))
        return any(map(self.loops.is_training_call, calls))

    def leaves(self, scope: Scope, node: Node, loop: int) -> bool:
        """Whether the loop ends after a call: `if better: evaluate(model); break`."""
        words = (word for _, word in scope.of_kind(Kind.WORD) if word.name in LEAVING and word.span > node.span)
        return any(
            word.region != loop and scope.within(node.region, word.region) and word.region > loop for word in words
        )

    def is_at_the_end(self, value: Value, scope: Scope, loop: int) -> bool:
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

    def looks(self, ref: Ref, scope: Scope) -> bool:
        """Whether a function runs a network without gradients."""
        if any(item.rpartition(".")[2] in ("no_grad", "inference_mode") for item in scope.decorators):
            return True
        return any(
            region.kind is RegionKind.WITH and scope.nodes[region.header].method in ("no_grad", "inference_mode")
            for region in scope.regions
        )


@functools.lru_cache(maxsize=4)
def evaluations_of(project: Project) -> Evaluations:
    """The one of a project, shared by the rules."""
    return Evaluations(project)
