"""The section on networks that serve many images: measurements, and whether they see; no verdicts."""

from __future__ import annotations

from collections.abc import Sequence

from reference_model.evaluate import LABELS
from reference_model.experiments import experiments
from reference_model.metrics import PERFECT, interval
from reference_model.recipe import preset
from reference_model.report.blocks import Block, Section, Table, Text
from reference_model.store import Row

ALLOWED = 0.10  # the ring correlation at 12 cycles may be this much below that of bilinear interpolation


def networks_section(rows: Sequence[Row]) -> Section | None:
    """A table for each experiment that has rows; None without any."""
    models = [row for row in rows if row.kind == "model"]
    if not models:
        return None
    parts: list[Block] = [Text((
        "An arm that does not see can decide nothing, in either direction: its ring correlation with the truth at 12 "
        f"cycles/image has to be at most {ALLOWED:g} below that of bilinear interpolation, and its clean PSNR above "
        "that of the image averaged to its grid of tokens.",))]  # fmt: skip
    smoke = all(row.preset == "smoke" for row in models)
    if smoke:
        parts.insert(0, Text(("!Smoke preset: these numbers mean nothing.",)))
    for experiment in experiments(optional=True):
        table = _table(experiment.name, experiment.metrics, rows)
        parts += [Text((f"{experiment.name}: {experiment.question}",)), table] if table else []
    return Section("Networks that serve many images", tuple(parts))


def _table(name: str, metrics: Sequence[str], rows: Sequence[Row]) -> Table | None:
    from reference_model.experiments import experiment

    found, data = [], set()
    for size in dict.fromkeys(row.preset for row in rows):
        for label, recipe in experiment(name).arms(preset(size), size).items():
            own = [row for row in rows if (row.preset, row.arm) == (size, recipe.digest())]
            good = [row for row in own if row.status == "finished"]
            data.add(recipe.data)
            if not own:
                continue
            numbers = [_number([row.metrics[m] for row in good if m in row.metrics], m) for m in metrics]
            failed = f" ({len(own) - len(good)} failed: {own[-1].message})" if len(good) < len(own) else ""
            probe = good[0].probe.get("verdict", "–") if good else "–"
            found.append((f"{label} ({size}){failed}", str(len(good)), probe, *numbers, sees(good, rows)))
    if len(found) < 2:  # one arm answers no question; it is here because another experiment has it too
        return None
    references = [row for row in rows if row.kind == "reference" and row.recipe["data"] in data]
    for row in references:
        if row.label in ("bilinear", "bicubic", "oracle 0.32 px"):
            numbers = [_number([row.metrics[m]] if m in row.metrics else [], m) for m in metrics]
            exact = [row.metrics.get(m, 0) >= PERFECT for m in metrics]
            cells = ["exact" if same else shown for same, shown in zip(exact, numbers, strict=True)]
            found.append((f"{row.label} ({row.recipe['data']})", "", "", *cells, "–"))
    return Table(("arm", "seeds", "probe", *(LABELS[metric] for metric in metrics), "sees"), tuple(found))


def _number(values: Sequence[float], metric: str) -> str:
    if not values:
        return "–"
    measured = interval(list(values))
    if metric == "final_loss":
        return f"{measured.mean:.2e}"
    if metric == "loss_change":
        return f"{100 * measured.mean:.1f} %"
    return f"{measured.mean:.2f}" + (f" ± {measured.half:.2f}" if measured.count > 1 else "")


def sees(rows: Sequence[Row], everything: Sequence[Row]) -> str:
    """Yes, or what is missing, of the seeds of one arm."""
    if not rows or "ring_12" not in rows[0].metrics:
        return "not testable"
    data = rows[0].recipe["data"]
    bilinear = next((row for row in everything if row.arm == f"{data} bilinear"), None)
    if bilinear is None:
        return "not testable"
    ring = sum(row.metrics["ring_12"] for row in rows) / len(rows)
    clean = sum(row.metrics["psnr_clean"] - row.metrics["psnr_thumbnail"] for row in rows) / len(rows)
    passes = bilinear.metrics["ring_12"] - ring <= ALLOWED and clean > 0
    return "yes" if passes else f"not testable (ring correlation {ring:.2f})"
