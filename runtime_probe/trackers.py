"""A report in the tracker of an experiment: TensorBoard, Weights & Biases or MLflow, told apart by what they offer."""

from __future__ import annotations

import importlib
from typing import Any

from runtime_probe.report import Report
from runtime_probe.report.text import headline
from runtime_probe.scalars import scalars


def log_report(report: Report, tracker: Any) -> None:
    """Log the numbers, the headline and the report itself.

    `tracker` is a `SummaryWriter`, what `wandb.init` returned, the module `mlflow` or an active-run client of it.
    Raises TypeError for anything else.
    """
    values = {f"runtime_probe/{name}": value for name, value in scalars(report).items()}
    values["runtime_probe/violations"] = float(len(report.violations))
    step = report.conclusion.batches
    if hasattr(tracker, "add_scalar"):
        for name, value in values.items():
            tracker.add_scalar(name, value, step)
        tracker.add_text("runtime_probe/report", "    " + str(report).replace("\n", "\n    "), step)
    elif hasattr(tracker, "log_metrics") and hasattr(tracker, "log_text"):
        tracker.log_metrics(values, step=step)
        tracker.log_text(report.to_html(), "runtime_probe.html")
        tracker.log_dict(report.to_dict(), "runtime_probe.json")
    elif hasattr(tracker, "log") and hasattr(tracker, "summary"):
        page = importlib.import_module("wandb").Html(report.to_html())
        tracker.log({**values, "runtime_probe/report": page})
        tracker.summary["runtime_probe/headline"] = headline(report)
    else:
        raise TypeError(f"log_to needs a SummaryWriter, a wandb run or mlflow, not {type(tracker).__name__}")
