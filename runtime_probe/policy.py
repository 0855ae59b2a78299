"""What happens when a violation is certain: report, warn, raise, or call the user's function."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TypeAlias

from runtime_probe.errors import BY_FAMILY
from runtime_probe.findings import Finding

OnViolation: TypeAlias = "str | Callable[[Finding], object]"


class CoordinateWarning(UserWarning):
    """The randomness that should be happening is not (policy `"warn"`)."""


class Policy:
    """Acts once on each verdict and flag of each argument."""

    def __init__(self, on_violation: OnViolation) -> None:
        if not callable(on_violation) and on_violation not in ("report", "warn", "raise"):
            raise ValueError(f'on_violation must be "report", "warn", "raise" or a callable, not {on_violation!r}')
        self._on_violation = on_violation
        self._told: set[tuple[str, str]] = set()

    @property
    def immediate(self) -> bool:
        """Whether findings must be looked for while the program runs."""
        return self._on_violation != "report"

    def act(self, findings: tuple[Finding, ...]) -> None:
        """Act on the findings that are violations and were not acted on before."""
        for finding in findings:
            if finding.family is None or (finding.argument, finding.word.value) in self._told:
                continue
            self._told.add((finding.argument, finding.word.value))
            self._act_on(finding)

    def _act_on(self, finding: Finding) -> None:
        if callable(self._on_violation):
            self._on_violation(finding)
        elif self._on_violation == "warn":
            warnings.warn(finding.message, CoordinateWarning, stacklevel=2)
        elif self._on_violation == "raise":
            assert finding.family is not None
            raise BY_FAMILY[finding.family](finding.message)
