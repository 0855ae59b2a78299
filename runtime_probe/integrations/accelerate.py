"""Hugging Face Accelerate: a probe around a loop over prepared objects."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from accelerate import Accelerator  # type: ignore[import-untyped]
from torch import nn

from runtime_probe.probe import Probe, probe_coords
from runtime_probe.scalars import scalars


@contextmanager
def probe_accelerated(accelerator: Accelerator, model: nn.Module, **options: Any) -> Iterator[Probe]:
    """`probe_coords` on what `accelerator.prepare` returned.

    Batches come from the prepared DataLoader. Every process compares its draws with the others' at the end;
    the main process prints the report, and the scalars go to the accelerator's trackers.
    """
    with probe_coords(model, **options) as probe:
        yield probe
    report = probe.report()
    values = {f"runtime_probe/{name}": value for name, value in scalars(report).items()}
    if values:
        accelerator.log(values)
    accelerator.print(report)
