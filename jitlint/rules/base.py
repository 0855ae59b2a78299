"""What every rule is: a code, a name, a docstring, cases, and one question to the project."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from jitlint.diagnostic import Candidate
    from jitlint.semantics.project import Project


class Rule:
    """Base of all rules.

    The docstring has the sections *What it finds*, *Why it matters*, *Example*, *Use instead*, *Fix* and
    *Known limits*, in this order; `jitlint rule CODE` and `docs/rules/` are made from it. `VALID` and
    `INVALID` are programs that must stay silent and that must be found; in a case, a line
    `# file: NAME` begins another file of the same project.
    """

    code: ClassVar[str]
    name: ClassVar[str]
    default: ClassVar[bool] = True
    url: ClassVar[str] = ""  # the page of a plugin's rule, if it has one
    VALID: ClassVar[tuple[str, ...]]
    INVALID: ClassVar[tuple[str, ...]]

    def check(self, project: Project) -> Iterator[Candidate]:
        """Yield one candidate a finding, over all modules of the project."""
        raise NotImplementedError
