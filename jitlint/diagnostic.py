"""What the linter says: spans, evidence, candidates, fixes and diagnostics.

These frozen dataclasses are the contract between the stages. A rule yields a :class:`Candidate` in the
coordinates of the module model (`Span`); :mod:`jitlint.fixes` turns it into a :class:`Diagnostic` in the
coordinates a person sees (`Location`). Candidates, their traces and the plans of their fixes live in
:mod:`jitlint.candidate`; they can be imported from here as well, and are loaded only then: most runs have no
candidate, and making those classes takes as long as linting a small file.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from jitlint.candidate import (
        AddArgument,
        BindResult,
        Candidate,
        ChangeComment,
        CopyStatement,
        DefaultToNone,
        ExtractAboveLoop,
        FixPlan,
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
        Trace,
        Uncomment,
    )

__all__ = [
    "AddArgument",
    "Applicability",
    "BindResult",
    "Candidate",
    "ChangeComment",
    "Confidence",
    "CopyStatement",
    "DefaultToNone",
    "Diagnostic",
    "Edit",
    "Evidence",
    "ExtractAboveLoop",
    "Fix",
    "FixPlan",
    "InsertFunction",
    "InsertStatement",
    "InsertStatements",
    "IterateAgain",
    "Location",
    "MoveAboveLoop",
    "MoveIntoLoop",
    "Plan",
    "RemoveStatement",
    "Rename",
    "RenameInLoop",
    "ReplaceArgument",
    "ReplaceExpression",
    "Several",
    "Span",
    "SwapCalls",
    "Trace",
    "Uncomment",
]


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


class Span(NamedTuple):
    """A range in the text of one source, in the coordinates of `ast`.

    Lines are 1-based lines of the source's text (for a notebook: of its joined code cells), columns are
    0-based UTF-8 byte offsets in the line, the end is exclusive.
    """

    line: int
    column: int
    end_line: int
    end_column: int

    def moved(self, down: int) -> Span:
        """The same range so many lines further down."""
        return Span(self.line + down, self.column, self.end_line + down, self.end_column)


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
    """A proven change: the edits were applied once, the result parsed, and the finding was gone.

    `leaves` says what it does not mend, if it mends only a part.
    """

    applicability: Applicability
    message: str
    edits: tuple[Edit, ...]
    leaves: str = ""


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


def __getattr__(name: str) -> object:
    """What candidates are made of."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from jitlint import candidate

    return getattr(candidate, name)
