"""The jitter as curves, for TensorBoard or anything else with `add_scalar`."""

from __future__ import annotations

from typing import Protocol

from runtime_probe.findings import Judged


class ScalarWriter(Protocol):
    """What is needed of a `torch.utils.tensorboard.SummaryWriter`."""

    def add_scalar(self, tag: str, scalar_value: float, global_step: int) -> object:
        """Record one value."""


def scalars(report: Judged) -> dict[str, float]:
    """`jitter_std_px` (pixels) and `fresh_fraction` (share of batches with values not seen before, 0 to 1)."""
    if report.main is None or report.main.conclusion.batches == 0:
        return {}
    counters = report.main.timeline.counters
    values = {"fresh_fraction": 1 - counters.repeated_batches / counters.batches}
    geometry = report.main.geometry
    if geometry is not None and geometry.std_pixels is not None:
        values["jitter_std_px"] = geometry.std_pixels
    return values


def write_scalars(writer: ScalarWriter, report: Judged, step: int) -> None:
    """Write the scalars under `runtime_probe/`."""
    for name, value in scalars(report).items():
        writer.add_scalar(f"runtime_probe/{name}", value, step)
