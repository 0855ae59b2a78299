"""How the rules about repeated randomness tell their story."""

from __future__ import annotations

import re

from jitlint import catalogue
from jitlint.diagnostic import Span, Trace
from jitlint.semantics.graph import LOOPS
from jitlint.semantics.loops import loops_of
from jitlint.semantics.project import Project, Value
from jitlint.semantics.seeding import Restart

_HELD_OUT = re.compile(
    r"(?:^|_)(?:eval|evaluate|evaluation|evaluator|val|valid|validate|validation|test|tests|testing|tester|infer|inference|"
    r"predict|prediction|plot|visuali[sz]e|visuali[sz]ation|vis|preview|demo|benchmark|profile|debug)(?:_|$)"
)
_FIGURE = re.compile(
    r"^(?:self\.)?(?:plt|axe?s?|axs?|fig\w*)(?:\[.*\])?\.(?:scatter|plot|bar\w*|hist\w*|imshow|fill_between)$"
)
WHERE = {
    "loop": "pass of the loop",
    "step": "step",
    "sample": "sample",
    "augmentation": "call",
}


def repeats_on_purpose(project: Project, restart: Restart) -> bool:
    """Whether the code around a restart evaluates, tests, prepares or draws a figure."""
    scope = project.scope(restart.call.scope)
    names = [*scope.qualname.split("."), scope.name]
    if any(_HELD_OUT.search(catalogue.snake(name)) for name in names):
        return True
    if any(_FIGURE.match(node.text) and scope.within(node.region, restart.region) for _, node in scope.calls()):
        return not loops_of(project).trains(restart.call.scope)
    return (
        restart.call.scope.path.rpartition("/")[2].startswith(("test_", "conftest"))
        or "/tests/" in f"/{restart.call.scope.path}"
    )


def outermost_loop(project: Project, restart: Restart) -> Span:
    """The outermost loop of the function around what repeats: only there does it happen once."""
    scope = project.scope(restart.call.scope)
    loops = [region for region in scope.region_chain(restart.region) if scope.regions[region].kind in LOOPS]
    return scope.statements[scope.regions[loops[-1] if loops else restart.region].statement].span


def is_per_epoch(project: Project, restart: Restart) -> bool:
    """Whether the function itself repeats: it says so, or its callers call it in a loop."""
    ref = restart.call.scope
    if re.search(r"(?:^|_)epoch(?:_|$)", catalogue.snake(project.scope(ref).name)):
        return True
    for site in project.callers(ref):
        scope = project.scope(site.scope)
        if any(scope.regions[region].kind in LOOPS for region in scope.region_chain(scope.nodes[site.node].region)):
            return True
    return False


def seeded_again(project: Project, restart: Restart) -> str:
    """The consequence, then the cause."""
    node = project.node(restart.call)
    where = WHERE[restart.role]
    if restart.seed == "index":
        return f"the same random numbers come back in every epoch: `{node.text}` is called with the sample's index"
    return f"the same random numbers are drawn in every {where}: `{node.text}` starts over from the same seed each time"


def restart_traces(project: Project, restart: Restart, drawn: Value | None) -> tuple[Trace, ...]:
    """Seed, what repeats it, and a draw that it repeats."""
    ref = restart.call.scope
    scope = project.scope(ref)
    header = scope.regions[restart.region].header_span if restart.region else None
    loop = header or scope.name_span
    traces = [
        Trace("seed", ref.path, scope.nodes[restart.call.node].span, "the generator starts over here"),
        Trace("loop", ref.path, loop, f"this repeats for every {WHERE[restart.role]}"),
    ]
    if drawn is not None:
        traces.append(Trace("draw", ref.path, project.node(drawn).span, "so this draws the same every time"))
    return tuple(traces)
