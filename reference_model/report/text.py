"""Words and numbers that the page and the Markdown share."""

from __future__ import annotations

import math
from collections.abc import Sequence

from reference_model.claims import Verdict
from reference_model.metrics import PERFECT, Interval
from reference_model.report.results import METRIC_NAMES, Arm, Results, scaled
from reference_model.store import Row


def number(measured: Interval | None, digits: int = 2) -> str:
    """Mean ± half width of the 95 % interval; the mean alone for one seed or a reference."""
    if measured is None:
        return "–"
    mean = f"{round(measured.mean, digits) + 0.0:.{digits}f}"  # + 0.0: no -0.00
    return mean if math.isnan(measured.half) else f"{mean} ± {measured.half:.{digits}f}"


def table(results: Results, name: str) -> tuple[list[str], list[list[str]]]:
    """Headings and rows: every arm with its seeds, the probe's verdict, its metrics; then the references."""
    metrics = results.experiments[name].metrics
    head = ["arm", "seeds", "probe", *(METRIC_NAMES[metric] for metric in metrics)]
    arms = [[arm.label, _seeds(arm), arm.probe or "–", *_numbers(arm, metrics)] for arm in results.arms(name)]
    wanted = ("bilinear", "bicubic", *_oracles(results, name))
    found = [arm for label in wanted if (arm := results.reference(name, label))]
    return head, arms + [[arm.label, "", "", *_known(arm, metrics)] for arm in found]


def _known(arm: Arm, metrics: Sequence[str]) -> list[str]:
    """The numbers of a reference; what it gives back exactly has no PSNR, and no drop from there."""
    exact = {metric for metric in metrics if (measured := arm.interval(metric)) and measured.mean >= PERFECT}
    hidden = {"robustness_drop"} if arm.values("psnr_clean").get(None, 0.0) >= PERFECT else set()
    numbers = dict(zip(metrics, _numbers(arm, metrics), strict=True))
    return ["exact" if metric in exact else "–" if metric in hidden else numbers[metric] for metric in metrics]


def _oracles(results: Results, name: str) -> list[str]:
    """The oracles of the strengths that the experiment uses."""
    sigmas = sorted({arm.recipe.sigma for arm in results.arms(name) if arm.recipe})
    return [f"oracle {sigma:g} px" for sigma in sigmas]


def _seeds(arm: Arm) -> str:
    if arm.failed:
        return f"{len(arm.rows)} ({len(arm.failed)} failed)"
    return str(len(arm.rows)) if arm.rows else "not run"


def _numbers(arm: Arm, metrics: Sequence[str]) -> list[str]:
    return [number(arm.interval(metric), 3 if metric == "ring_above_nyquist" else 2) for metric in metrics]


def claim_row(verdict: Verdict) -> list[str]:
    """The claim, the quantity, the margin, what was measured, the verdict."""
    claim = verdict.claim
    quantity = f"{METRIC_NAMES[claim.metric].rsplit(',', 1)[0]}: {claim.first}"
    quantity += f" − {claim.second}" if claim.second else ""
    percent = "%" if scaled(claim.metric, 1.0) == 100 else ""
    unit = f"% {claim.unit}" if percent else claim.unit
    margin = scaled(claim.metric, claim.margin)
    sign = {"more": f"> {margin:g}", "less": f"< {0 - margin:g}", "equal": f"within ±{margin:g}"}[claim.expects]
    measured = verdict.measured
    if measured is None:
        said = "not measured"
    else:
        factor = scaled(claim.metric, 1.0)
        shown = Interval(measured.mean * factor, measured.half * factor, measured.count)
        said = f"{number(shown, 3 if claim.unit == 'ring correlation' else 2)} {unit}".replace("  ", " ")
    text = f"{claim.text} ({claim.note})" if claim.note else claim.text
    return [text, f"{quantity} {sign}", said, verdict.word]


CLAIM_HEAD = ["claim", "as a quantity with its margin", "measured", "verdict"]
CLAIM_PARTS = (
    (False, "The claims of the seed document"),
    (True, "What it leaves open"),
)  # of Claim.own, and the heading


def failures(results: Results) -> list[str]:
    """One line for each seed that failed and each experiment with arms that were not run."""
    lines = []
    for name in results.experiments:
        for arm in results.arms(name):
            lines += [f"{name}: {arm.label}, seed {row.seed}: {row.message}" for row in arm.failed]
        if missing := [arm.label for arm in results.arms(name) if not arm.rows and not arm.failed]:
            lines.append(f"{name}: not run: {'; '.join(missing)}. To run them: {command(results, name)}")
    return lines


def methods(results: Results) -> list[tuple[str, str]]:
    """How and on what the results were made."""
    rows = [row for row in results.rows.values() if row.kind == "model"]

    def all_of(values: list[str]) -> str:
        return ", ".join(sorted(set(values)))

    hours = sum(row.seconds for row in rows) / 3600
    found = [
        ("preset", results.preset),
        ("runs", f"{len(rows)} trained networks of {len({row.arm for row in rows})} arms"),
        ("parameters", all_of([f"{row.parameters:,}" for row in rows])),
        ("training time", f"{hours:.1f} process-hours"),
        ("processor", all_of([_processor(row) for row in rows])),
        ("versions", all_of([", ".join(f"{k} {v}" for k, v in row.versions.items()) for row in rows])),
        ("commit", all_of([row.commit for row in rows])),
        ("finished", max(row.time for row in rows)),
    ]
    if results.others:
        found.append(("also in this folder", ", ".join(results.others)))
    return found


def _processor(row: Row) -> str:
    kind = "gpu" if str(row.computed.get("device", "cpu")).startswith("cuda") else "cpu"
    return row.hardware.get(kind, "")


def command(results: Results, name: str) -> str:
    """How to make these results again."""
    seeds = max((row.seed + 1 for row in results.rows.values() if row.seed is not None), default=1)
    return f"python -m reference_model run {name} --preset {results.preset} --seeds {seeds}"


INTRODUCTION = (
    "The encoder sees clean images of 32 × 32 pixels; only the coordinates of the decoder are jittered. PSNR is on "
    "[0, 1], averaged over test images that no network was trained on; ± is the 95 % interval over seeds. "
    "Differences are paired: equal seeds start from equal weights and see equal batches in every arm. The oracle is "
    "the Nadaraya-Watson smoother, to which training with correct jitter on 32 px targets converges. Each training "
    "run was watched by runtime_probe, whose verdict is in the table: the arm “outside” really drew once an epoch. "
    "A network that is far from the oracle is limited by its size and its steps, and the arms differ less than they "
    "would; in “single image” one network has all steps for one image, and comes closest. Where the networks of a "
    "claim are more than 3 dB worse between the pixels than bilinear interpolation, an effect that is seen counts, "
    "but that none is seen is called not testable. Margins: 0.25 dB, 1 % of the energy, 5 % of the grating, 0.05 of "
    "ring correlation."
)
