"""The table of prices: one row for each dose of each task, as JSON that the rules' pages can quote."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from reference_model.fitted.arms import EPOCHS, STEPS, Fit, dose
from reference_model.fitted.results import Results
from reference_model.fitted.rows import claims_hash
from reference_model.metrics import Interval, interval, paired
from reference_model.prices import diffusion, digits, text
from reference_model.prices.stack import Outcome
from reference_model.store import StoreError, commit, rounded

SCHEMA = 1
JITTER_TASK = "coordinate jitter"
SEEDS = range(10)
TASKS: dict[str, Callable[[Sequence[int]], Outcome]] = {
    "crop": digits.crops,
    "evaluation": digits.evaluation,
    "mixup": digits.mixup,
    "dropout": digits.dropout,
    "order": digits.order,
    "diffusion": diffusion.diffusion,
    "token masks": text.masks,
}
JITTER = {  # arm of the fitted images -> the rules whose bug it is, and the dose in words
    dose("", 0, 0).arm: (("JIT201", "JIT202", "JIT204", "JIT205"), "no jitter, or its call commented out"),
    dose("", 0, 1).arm: (("JIT101", "JIT103", "JIT104"), "one draw for the whole run"),
    dose("", 0, 20).arm: (("JIT101",), "one draw an epoch, 20 epochs"),
    Fit("", 0, "reseeded", STEPS // EPOCHS).arm: (("JIT301", "JIT302"), "seeded in every epoch of 20 batches"),
    Fit("", 0, "accumulating", EPOCHS).arm: (("JIT402",), "added up from batch to batch"),
    Fit("", 0, "clamped", EPOCHS).arm: (("JIT405",), "clamped to [0, 1]"),
    dose("", 0, "all", sigma=0.64).arm: (("JIT403",), "twice as strong: 0.64 px"),
}  # fmt: skip
Row = dict[str, Any]


def measure(names: Sequence[str] = tuple(TASKS), seeds: Sequence[int] = SEEDS) -> Iterator[Row]:
    """The rows of the tasks."""
    torch.set_num_threads(1)
    for name in names:
        outcome = TASKS[name](seeds)
        right = next(values for dose, values in outcome.values.items() if dose.name.endswith("(right)"))
        for given, values in outcome.values.items():
            yield _row(
                outcome.task, given.name, given.rules, outcome.metric, outcome.unit, outcome.measured_on,
                f"{len(values)} seeds", right, values, paired(values, right), commit(),
            )  # fmt: skip


def jitter(results: Results) -> Iterator[Row]:
    """The rows of coordinate jitter, from the fitted images: what each arm loses in PSNR at +1/4 px."""
    metric, best = "psnr_shift_1_4", dose("", 0, "all").arm
    for arm, (rules, words) in JITTER.items():
        found, right = results.by_image(arm, metric), results.by_image(best, metric)
        images = [image for image in found if image in right]
        if len(images) < 2:
            continue
        yield _row(
            JITTER_TASK, words, rules, "PSNR a quarter of a pixel off the grid", "dB",
            f"coordinate networks fitted to one image of 32 × 32 px each, {STEPS} steps", f"{len(images)} images",
            [right[image] for image in images], [found[image] for image in images],
            paired([right[image] for image in images], [found[image] for image in images]),
            ", ".join(sorted({row["commit"] for row in results.arm(arm)})),
        )  # fmt: skip


def _row(
    task: str, words: str, rules: Sequence[str], metric: str, unit: str, measured_on: str, over: str,
    right: Sequence[float], given: Sequence[float], price: Interval, made_by: str,
) -> Row:  # fmt: skip
    return {
        "task": task, "dose": words, "rules": list(rules), "metric": metric, "unit": unit,
        "right": interval(right).mean, "measured": interval(given).mean,
        "price": price.mean, "low": price.low, "high": price.high, "reading": reading(price),
        "interval_over": over, "measured_on": measured_on, "claims": claims_hash(), "commit": made_by,
    }  # fmt: skip


def reading(price: Interval) -> str:
    """What the interval says."""
    if price.mean == price.half == 0:
        return "the right way"
    if price.low > 0:
        return "cost"
    return "gain" if price.high < 0 else "no measurable cost"


def write(rows: Sequence[Row], path: Path) -> None:
    """`prices.json`: the rows that rules' pages quote."""
    contents = {"schema": SCHEMA, "rows": rows}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rounded(contents), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read(path: Path) -> list[Row]:
    """The rows of `prices.json`; none when it does not exist; StoreError when it is something else."""
    if not path.exists():
        return []
    try:
        rows: list[Row] = json.loads(path.read_text(encoding="utf-8"))["rows"]
        return rows
    except (ValueError, KeyError, TypeError):
        raise StoreError(f"{path} is not a table of prices; move the file away to start again") from None
