"""How the rules about stale draws tell their story: draw, loop, consumer."""

from __future__ import annotations

import re

from jitlint import catalogue
from jitlint.diagnostic import Span, Trace
from jitlint.semantics.contents import contents_of
from jitlint.semantics.graph import RegionKind
from jitlint.semantics.loops import loops_of
from jitlint.semantics.moves import value_name
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.staleness import HIDDEN, Stale, staleness_of
from jitlint.semantics.when import variance_of

_KEPT_ON_PURPOSE = re.compile(
    r"(?:^|_)(?:fixed|fix|const|constant|static|preview|demo|vis|viz|plot|show|test|val|valid|eval|sample|samples|example|"
    r"init|initial|dummy|anchor|trigger|backdoor|watermark|pattern|prior|basis|matrix|proj|projection|freq|freqs|frequency|frequencies|fourier|"
    r"weight|weights|bias|theta|param|params|embedding|embeddings|codebook|gt|target|targets|label|labels|seed|seeds)(?:_|\d|$)"
)


# Functions that train on one batch again and again, to see whether or how fast it goes.
_ONE_BATCH = re.compile(r"overfit|(?:^|_)(?:sanity|smoke|bench|benchmark|profile|warmup|warm_up)(?:_|$)")


def kept_on_purpose(name: str) -> bool:
    """Whether a variable's name says that it is meant to stay the same, or is no augmentation at all."""
    return bool(_KEPT_ON_PURPOSE.search(catalogue.snake(name.rpartition(".")[2])))


def stale_names(project: Project, stale: Stale) -> set[str]:
    """Every name that the stale value has on its way from the draw into the loop."""
    names = {value_name(project, stale.entry), value_name(project, stale.origin)}
    variance, ref = variance_of(project), stale.origin.scope
    chain = [
        index
        for index in staleness_of(project).chain(stale.origin)
        if any(drawn.site == stale.drawn.site for drawn in variance.when(Value(ref, index)).draws)
    ]
    names |= {name for index in chain for name in contents_of(project, ref).names(index)}
    return names - {""}


def is_evaluation_name(project: Project, stale: Stale) -> bool:
    """Whether the names around a stale value say that it is kept on purpose."""
    function = catalogue.snake(project.scope(stale.loop.scope).name)
    return bool(_ONE_BATCH.search(function)) or any(kept_on_purpose(name) for name in stale_names(project, stale))


def draw_trace(project: Project, stale: Stale, message: str) -> Trace:
    """Where the stale draw happens."""
    draw = stale.made.draw
    assert draw is not None
    return Trace("draw", draw.path, draw_span(project, draw.path, draw.scope, draw.node), message)


def draw_span(project: Project, path: str, scope: str, node: int) -> Span:
    """The span of a draw's call."""
    return project.node(Value(Ref(path, scope), node)).span


def stale_traces(project: Project, stale: Stale, draw: Trace) -> tuple[Trace, ...]:
    """Draw, loop and consumer of a stale value."""
    path = stale.loop.scope.path
    consumer = project.node(stale.consumer)
    return (
        draw,
        Trace("loop", path, loop_span(project, stale), f"this runs for every {batch_word(stale)}"),
        Trace("consumer", path, consumer.span, f"{consumer.text or 'the caller'} gets the same draw every time"),
    )


def batch_word(stale: Stale) -> str:
    """What one pass of the loop is."""
    return "batch" if stale.loop.loader else "training step"


def loop_span(project: Project, stale: Stale) -> Span:
    """The loop's header line, or the name of the step function."""
    scope = project.scope(stale.loop.scope)
    if stale.loop.region == HIDDEN:
        return project.node(stale.consumer).span
    header = scope.regions[stale.loop.region].header_span
    return header if header is not None and stale.loop.region else scope.name_span


def subject(project: Project, stale: Stale) -> str:
    """The stale value's name in backquotes, or words for it."""
    name = value_name(project, stale.entry) or value_name(project, stale.origin)
    return f"`{name}`" if name else "its input"


def describe_loop(project: Project, stale: Stale) -> str:
    """`batch of the epoch`, or `batch of the whole training` when the draw is outside the epoch loop too."""
    word = batch_word(stale)
    if stale.loop.region == HIDDEN:
        return "epoch of the training"
    if stale.loop.region == 0:
        return f"{word} of the whole training"
    scope = project.scope(stale.loop.scope)
    epoch = loops_of(project).epoch_loop(stale.loop.scope, stale.loop.region)
    if stale.origin.scope == stale.loop.scope:
        drawn = scope.nodes[stale.origin.node].region
        if epoch is not None and not scope.within(drawn, epoch):
            return f"{word} of the whole training"
        if epoch is None and not stale.loop.loader:
            return f"{word} of the whole training"
    elif not scope.name or "epoch" not in scope.name:
        return f"{word} of the loop"
    return f"{word} of the epoch" if stale.loop.loader else f"{word} of the loop"


def is_loop(kind: RegionKind) -> bool:
    """Whether a region repeats."""
    return kind in (RegionKind.FOR, RegionKind.WHILE)
