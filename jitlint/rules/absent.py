"""How the rules about absent augmentations say what is missing."""

from __future__ import annotations

from collections.abc import Sequence

from jitlint.diagnostic import Confidence
from jitlint.semantics.augmenters import How
from jitlint.semantics.commented import CommentedOut, only_call
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
