"""What the linter says: spans, evidence, candidates, fixes and diagnostics.

These frozen dataclasses are the contract between the stages. A rule yields a :class:`Candidate` in the
coordinates of the module model (`Span`); :mod:`jitlint.syntax` turns it into a :class:`Diagnostic` in the
coordinates a person sees (`Location`).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Confidence(enum.IntEnum):
    """How sure a rule is. The default run reports `MEDIUM` and `HIGH`."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3

    @property
    def label(self) -> str:
        """`"low"`, `"medium"` or `"high"`, as printed and as written in JSON."""
        return self.name.lower()


class Applicability(enum.Enum):
    """Whether a fix keeps the program's intent for certain (`SAFE`) or needs a reader (`UNSAFE`)."""

    SAFE = "safe"
    UNSAFE = "unsafe"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A range in the text of one source, in the coordinates of `ast`.

    Lines are 1-based lines of the source's text (for a notebook: of its joined code cells), columns are
    0-based UTF-8 byte offsets in the line, the end is exclusive.
    """

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A range as a person counts it: 1-based lines and 1-based character columns, the end exclusive.

    In a notebook, `cell` is the 1-based position of the cell among all cells of the document and the
    lines count from the top of that cell; elsewhere `cell` is None.
    """

    line: int
    column: int
    end_line: int
    end_column: int
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class Trace:
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


@dataclass(frozen=True, slots=True)
class Rename:
    """Give the moved value its own name, so that the clean one outside the loop stays clean."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class MoveIntoLoop:
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


@dataclass(frozen=True, slots=True)
class MoveAboveLoop:
    """Move whole statements out of `loop` to right above it (a seed that must run once)."""

    loop: Span
    statements: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class ExtractAboveLoop:
    """Bind `expression` to `name` right above `loop` and use the name in its place."""

    loop: Span
    expression: Span
    name: str


@dataclass(frozen=True, slots=True)
class Uncomment:
    """Turn comment lines back into code. `code` is their text without `#`, prose cut off, not indented.

    `first_line` to `last_line` (inclusive) are comment lines; the code is written with the indentation
    that the following (or else preceding) statement of the block has.
    """

    first_line: int
    last_line: int
    code: str


@dataclass(frozen=True, slots=True)
class Replace:
    """Replace the text of `span`; an empty span inserts."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class ReplaceMany:
    """Several replacements that belong together, all or none; spans must not overlap."""

    replacements: tuple[Replace, ...]


@dataclass(frozen=True, slots=True)
class InsertStatements:
    """Insert whole statements (one line each, not indented) right above the statement `before`.

    `imports` are import statements the new code needs; each is added once, after the existing imports,
    unless the module already has it.
    """

    before: Span
    statements: tuple[str, ...]
    imports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DefaultToNone:
    """Make a parameter's default None and compute the old default in the body, once per call."""

    function: Span
    parameter: str


@dataclass(frozen=True, slots=True)
class RenameInLoop:
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


@dataclass(frozen=True, slots=True)
class FixPlan:
    """How a candidate could be mended: a plan in the candidate's own source, and how safe it is."""

    applicability: Applicability
    message: str
    plan: Plan


# --------------------------------------------------------------------------------- candidate, diagnostic


@dataclass(frozen=True, slots=True)
class Candidate:
    """A rule's answer, before the text was looked at."""

    code: str
    path: str
    span: Span
    message: str
    confidence: Confidence
    evidence: tuple[Trace, ...] = ()
    fix: FixPlan | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """A :class:`Trace` in a person's coordinates."""

    role: str
    path: str
    location: Location
    message: str


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the text of `location` (in the diagnostic's own file) by `content`."""

    location: Location
    content: str


@dataclass(frozen=True, slots=True)
class Fix:
    """A proven change: the edits were applied once, the result parsed, and the finding was gone."""

    applicability: Applicability
    message: str
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding, ready to print. `path` is the source's key: as given by discovery, with `/`."""

    code: str
    name: str
    message: str
    path: str
    location: Location
    confidence: Confidence
    evidence: tuple[Evidence, ...] = ()
    fix: Fix | None = None

    @property
    def sort_key(self) -> tuple[str, int, Location, str]:
        """Sorts by path, then position in the document, then code."""
        return (self.path, self.location.cell or 0, self.location, self.code)
