"""How the rules about absent augmentations say what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from jitlint.diagnostic import Confidence, Span, Trace
from jitlint.semantics.augmenters import How
from jitlint.semantics.commented import CommentedOut
from jitlint.semantics.mentions import mentions_of
from jitlint.semantics.project import Project
from jitlint.semantics.purpose import Purpose


def listed(names: Sequence[str]) -> str:
    """`a`, `b` and 3 more."""
    shown = [f"`{name}`" for name in names[:2]]
    if len(names) > 3:
        return f"{', '.join(shown)} and {len(names) - 2} more"
    shown = [f"`{name}`" for name in names]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def comment_confidence(project: Project, item: CommentedOut) -> Confidence:
    """How sure it is that a commented-out augmentation is missed and not given up."""
    if item.decided or item.purpose is not Purpose.TRAIN or (item.others and not item.guarded):
        return Confidence.LOW
    named = all(call.how is How.SURE for call in item.calls)
    known = all(call.how is How.SURE or call.definition for call in item.calls)
    if item.in_network and not known and not item.guarded:
        return Confidence.LOW
    return Confidence.HIGH if (known and item.emptied) or (named and only_call(project, item)) else Confidence.MEDIUM


def comment_trace(item: CommentedOut) -> Trace:
    """Where the comment stands."""
    return Trace("comment", item.scope.path, item.span, "the call is commented out here")


def definition_span(project: Project, path: str, qualname: str) -> Span | None:
    """The name of a function or class of the project."""
    module = project.modules[path]
    if qualname in module.scopes:
        return module.scopes[qualname].name_span
    return module.classes[qualname].name_span if qualname in module.classes else None


def definition_traces(project: Project, item: CommentedOut) -> Iterator[Trace]:
    """Where the project defines what the comment would call."""
    for path, qualname in dict.fromkeys(call.definition for call in item.calls if call.definition):
        span = definition_span(project, path, qualname)
        if span is not None:
            yield Trace("definition", path, span, f"`{qualname.rpartition('.')[2]}` is defined here")


def only_call(project: Project, item: CommentedOut) -> bool:
    """Whether the project defines all that the comment would call, and nothing else mentions it."""
    if not all(call.definition for call in item.calls):
        return False
    return not any(mentions_of(project).of(name.rpartition(".")[2]) for name in item.names)


def consumer_trace(project: Project, item: CommentedOut) -> Trace | None:
    """The first call after the comment that gets the clean value."""
    scope = project.scope(item.scope)
    for name in item.targets:
        values = set(scope.variables.get(name, ()))
        for _, node in scope.calls():
            if node.span.line > item.piece.last_line and values & set(node.arguments):
                return Trace("consumer", item.scope.path, node.span, f"{node.text} gets `{name}` without it")
    return None
