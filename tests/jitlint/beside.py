"""A bug beside its near miss: what a rule says of the one, and that it says nothing of the other."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from jitlint.diagnostic import Candidate, Confidence
from jitlint.rules import find_rule
from tests.jitlint.cases import project_of
from tests.jitlint.fixing import carry_out


class Beside(NamedTuple):
    """A program with `BUG` where the bug is put in and `MEND` where the mend is, and what is said of the bug.

    `at` is a piece of the line that the finding stands on; `fixed` says that the fix gives the mended program.
    """

    code: str
    program: str
    bug: str
    mend: str
    at: str
    message: str
    confidence: Confidence = Confidence.HIGH
    fixed: bool = False


def found(code: str, text: str, root: Path) -> list[Candidate]:
    """Everything that a rule says of a program, at any confidence."""
    rule = find_rule(code)
    assert rule is not None
    return list(rule().check(project_of(text, root)))


def check(case: Beside, root: Path) -> None:
    """Assert what a pair says."""
    bad, good = case.program.replace("HERE", case.bug), case.program.replace("HERE", case.mend)
    assert found(case.code, good, root / "good") == []
    (candidate,) = found(case.code, bad, root / "bad")
    text = Path(candidate.path).read_text()
    assert case.at in text.split("\n")[candidate.span.line - 1]
    assert candidate.message == case.message
    assert candidate.confidence is case.confidence
    if case.fixed:
        assert candidate.fix is not None
        assert carry_out(text, candidate.fix.plan).split() == good.split()
