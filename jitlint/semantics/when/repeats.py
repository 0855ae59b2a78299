"""What repeats a piece of code: the loops around it, the calls of its function, the epochs of a data set."""

from __future__ import annotations

from jitlint.semantics.clocks import CALL, EPOCH, Clock, Clocks
from jitlint.semantics.graph import LOOPS, RegionKind
from jitlint.semantics.memo import remembered
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.provenance import Provenance, provenance_of
from jitlint.semantics.staleness import SETUP_METHODS

_REPEATING = LOOPS | {RegionKind.COMPREHENSION}


class Repeats:
    """Answers for the code of one project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.what: Provenance = provenance_of(project)

    def clocks(self, ref: Ref, region: int) -> Clocks:
        """Everything that repeats the code of a region."""
        scope = self.project.scope(ref)
        found = [Clock(ref, inner) for inner in scope.region_chain(region) if scope.regions[inner].kind in _REPEATING]
        if ref.qualname:
            found.append(Clock(ref, CALL))
        if scope.name == "__getitem__":
            found.append(Clock(ref, EPOCH))
        return frozenset(found)

    def _innermost(self, value: Value) -> Clock:
        """What repeats the code of a value most often."""
        scope = self.project.scope(value.scope)
        chain = scope.region_chain(self.project.node(value).region)
        loop = next((region for region in chain if scope.regions[region].kind in _REPEATING), CALL)
        return Clock(value.scope, loop)

    def here(self, value: Value) -> Clocks:
        """Everything that repeats the code of a value."""
        return self.clocks(value.scope, self.project.node(value).region)

    @remembered(True)
    def is_setup(self, ref: Ref) -> bool:
        """Whether a method runs only while its object is made: `__init__`, or one that only such methods call."""
        scope = self.project.scope(ref)
        if scope.name in SETUP_METHODS:
            return True
        callers = self.project.callers(ref)
        return bool(callers) and all(
            self.project.scope(site.scope).owner and self.is_setup(site.scope) for site in callers
        )
