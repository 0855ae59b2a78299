"""A rule's answer before the text was looked at: candidates, their evidence as spans, and plans for fixes.

Named tuples, since every start defines all of them: that takes a tenth of the time of frozen dataclasses.
"""

from __future__ import annotations

from typing import NamedTuple

from jitlint.diagnostic import Applicability, Confidence, Span


class Trace(NamedTuple):
    """One step of the evidence behind a candidate: where, and one sentence on what happens there.

    `role` is `"draw"`, `"loop"`, `"consumer"`, or another single word (`"definition"`, `"comment"`, …).
    `path` is the key of the source the span lies in (`Source.path`).
    """

    role: str
    path: str
    span: Span
    message: str


# --------------------------------------------------------------------------------------------- fix plans
# A plan says *what* to change in terms of spans; `jitlint.syntax` knows how to change the text.


class Rename(NamedTuple):
    """Give the moved value its own name, so that the clean one outside the loop stays clean."""

    old: str
    new: str


class MoveIntoLoop(NamedTuple):
    """Move whole statements from above `loop` into its body, right before the statement `before`.

    `statements` are spans of statements (simple or compound), in source order; `before` is the span of a
    statement in the loop's body (directly in it, or nested: then the enclosing direct child counts).
    With `rename`, the moved statements bind `rename.new` instead of `rename.old` and every read of
    `rename.old` in the loop's body after them becomes `rename.new`; reads of `rename.old` inside the moved
    statements keep the old name up to the first binding.
    """

    loop: Span
    statements: tuple[Span, ...]
    before: Span
    rename: Rename | None = None


class MoveAboveLoop(NamedTuple):
    """Move whole statements out of `loop` to right above it (a seed that must run once)."""

    loop: Span
    statements: tuple[Span, ...]


class ExtractAboveLoop(NamedTuple):
    """Bind `expression` to `name` right above `loop` and use the name in its place."""

    loop: Span
    expression: Span
    name: str


class Uncomment(NamedTuple):
    """Turn comment lines back into code. `code` is their text without `#`, prose cut off, not indented.

    `first_line` to `last_line` (inclusive) are comment lines; the code is written with the indentation
    that the following (or else preceding) statement of the block has.
    """

    first_line: int
    last_line: int
    code: str


class Replace(NamedTuple):
    """Replace the text of `span`; an empty span inserts."""

    span: Span
    text: str


class ReplaceMany(NamedTuple):
    """Several replacements that belong together, all or none; spans must not overlap."""

    replacements: tuple[Replace, ...]


class InsertStatements(NamedTuple):
    """Insert whole statements (one line each, not indented) right above the statement `before`.

    `imports` are import statements the new code needs; each is added once, after the existing imports,
    unless the module already has it.
    """

    before: Span
    statements: tuple[str, ...]
    imports: tuple[str, ...] = ()


class DefaultToNone(NamedTuple):
    """Make a parameter's default None and compute the old default in the body, once per call."""

    function: Span
    parameter: str


class RenameInLoop(NamedTuple):
    """From the statement `statement` (which binds `rename.old`) to the end of the loop body, use `rename.new`.

    The right-hand side of `statement` itself keeps reading `rename.old`. An augmented assignment or an
    in-place call `old.add_(x)` becomes `new = old + x`.
    """

    loop: Span
    statement: Span
    rename: Rename


Plan = (
    MoveIntoLoop
    | MoveAboveLoop
    | ExtractAboveLoop
    | Uncomment
    | Replace
    | ReplaceMany
    | InsertStatements
    | DefaultToNone
    | RenameInLoop
)


class FixPlan(NamedTuple):
    """How a candidate could be mended: a plan in the candidate's own source, and how safe it is."""

    applicability: Applicability
    message: str
    plan: Plan


class Candidate(NamedTuple):
    """A rule's answer, before the text was looked at."""

    code: str
    path: str
    span: Span
    message: str
    confidence: Confidence
    evidence: tuple[Trace, ...] = ()
    fix: FixPlan | None = None
