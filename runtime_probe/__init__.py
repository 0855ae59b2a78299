"""Proves on the running model that its coordinates change.

`with probe_coords(model) as probe:` around a training loop; `probe_loader(loader)` for augmented inputs.
"""

import runtime_probe.needs_torch  # noqa: F401  # isort: skip - before anything asks for torch
from runtime_probe.classify import classify
from runtime_probe.errors import (
    AbsentJitterError,
    CoordinateArgumentError,
    CoordinateViolation,
    MisplacedJitterError,
    ProbeError,
    RepeatedCoordinatesError,
    StaleCoordinatesError,
)
from runtime_probe.findings import Finding
from runtime_probe.fingerprint import fingerprint
from runtime_probe.grids import Grid, fit_grid
from runtime_probe.loaders import LoaderProbe, probe_loader
from runtime_probe.probe import Probe, ProbeWarning, probe_coords
from runtime_probe.report import Report
from runtime_probe.timeline import Timeline
from runtime_probe.verdict import Conclusion, Family, Flag, Verdict

__all__ = [
    "AbsentJitterError",
    "Conclusion",
    "CoordinateArgumentError",
    "CoordinateViolation",
    "Family",
    "Finding",
    "Flag",
    "Grid",
    "LoaderProbe",
    "MisplacedJitterError",
    "Probe",
    "ProbeError",
    "ProbeWarning",
    "RepeatedCoordinatesError",
    "Report",
    "StaleCoordinatesError",
    "Timeline",
    "Verdict",
    "classify",
    "fingerprint",
    "fit_grid",
    "probe_coords",
    "probe_loader",
]
