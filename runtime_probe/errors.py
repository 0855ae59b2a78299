"""What the probe raises. Every message says what, which argument, the values seen, and what to do."""

from __future__ import annotations

from runtime_probe.verdict import Family


class ProbeError(Exception):
    """Base class of all errors of this package."""


class CoordinateArgumentError(ProbeError, TypeError):
    """The model was called without an argument that the probe can watch."""


class CoordinateViolation(ProbeError, AssertionError):  # noqa: N818
    """The randomness that should be happening is not. One subclass a family.

    An `AssertionError`, so that a test that trains under `on_violation="raise"` fails rather than errs.
    """


class StaleCoordinatesError(CoordinateViolation):
    """Coordinates were drawn once and used for many batches."""


class AbsentJitterError(CoordinateViolation):
    """The coordinates were never jittered."""


class RepeatedCoordinatesError(CoordinateViolation):
    """Coordinates were drawn again, but they are the same numbers as before."""


class MisplacedJitterError(CoordinateViolation):
    """The jitter is applied where it should not be, or only in part, or it accumulates."""


BY_FAMILY: dict[Family, type[CoordinateViolation]] = {
    Family.STALE: StaleCoordinatesError,
    Family.ABSENT: AbsentJitterError,
    Family.REPEATED: RepeatedCoordinatesError,
    Family.MISPLACED: MisplacedJitterError,
}
