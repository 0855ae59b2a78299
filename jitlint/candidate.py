"""A rule's answer before the text was looked at: candidates, their evidence as spans, and plans for fixes.

Named tuples, since every start defines all of them: that takes a tenth of the time of frozen dataclasses.
"""

from __future__ import annotations

from typing import NamedTuple

from jitlint.diagnostic import Applicability, Confidence, Span
from jitlint.fixes.plans import (
    AddArgument,
    BindResult,
    ChangeComment,
    CopyStatement,
    DefaultToNone,
    ExtractAboveLoop,
    InsertFunction,
    InsertStatement,
    InsertStatements,
    IterateAgain,
    MoveAboveLoop,
    MoveIntoLoop,
    Plan,
    RemoveStatement,
    Rename,
    RenameInLoop,
    ReplaceArgument,
    ReplaceExpression,
    Several,
    SwapCalls,
    Uncomment,
)

__all__ = [
    "AddArgument",
    "BindResult",
    "Candidate",
    "ChangeComment",
    "CopyStatement",
    "DefaultToNone",
    "ExtractAboveLoop",
    "FixPlan",
    "InsertFunction",
    "InsertStatement",
    "InsertStatements",
    "IterateAgain",
    "MoveAboveLoop",
    "MoveIntoLoop",
    "Plan",
    "RemoveStatement",
    "Rename",
    "RenameInLoop",
    "ReplaceArgument",
    "ReplaceExpression",
    "Several",
    "SwapCalls",
    "Trace",
    "Uncomment",
]


class Trace(NamedTuple):
    """One step of the evidence behind a candidate: where, and one sentence on what happens there.

    `role` is `"draw"`, `"loop"`, `"consumer"`, or another single word (`"definition"`, `"comment"`, …).
    `path` is the key of the source the span lies in (`Source.path`).
    """

    role: str
    path: str
    span: Span
    message: str


class FixPlan(NamedTuple):
    """How a candidate could be mended: a plan in the candidate's own source, and how safe it is.

    `leaves` says in a sentence what the fix does not mend, if it mends only a part: `train still starts over from the
    same seed in every call`. A run that applied such a fix says it and does not call the file clean.
    """

    applicability: Applicability
    message: str
    plan: Plan
    leaves: str = ""


class Candidate(NamedTuple):
    """A rule's answer, before the text was looked at."""

    code: str
    path: str
    span: Span
    message: str
    confidence: Confidence
    evidence: tuple[Trace, ...] = ()
    fix: FixPlan | None = None
