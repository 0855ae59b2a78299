"""The section on networks that serve many images: measurements, whether they see, and the claims on them."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from reference_model import networks
from reference_model.claims import Verdict
from reference_model.evaluate import LABELS
from reference_model.experiments import experiment, experiments
from reference_model.metrics import PERFECT, interval
from reference_model.recipe import preset
from reference_model.report.blocks import Block, Section, Table, Text
from reference_model.store import Row
from reference_model.targets import RESOLUTIONS, SIZE

SIGNS = {"more": "> ", "less": "< ", "equal": "within ±"}


def networks_section(rows: Sequence[Row]) -> Section | None:
    """A table for each experiment that has rows; None without any."""
    models = [row for row in rows if row.kind == "model"]
    if not models:
        return None
    allowed = networks.frozen()["eligibility"]["ring_below_bilinear"]
    parts: list[Block] = [Text((
        "Claims are decided, in either direction, only where the arm with correct jitter sees: its ring correlation "
        f"with the truth at 12 cycles/image has to be at most {allowed:g} below that of bilinear interpolation, and "
        "its clean PSNR above that of the image averaged to its grid of tokens. "
        "Where an arm has two seeds, both are shown.",))]  # fmt: skip
    smoke = all(row.preset == "smoke" for row in models)
    if smoke:
        parts.insert(0, Text(("!Smoke preset: these numbers mean nothing.",)))
    judged = networks.verdicts(rows)
    if judged:
        parts += [
            claim_table(judged, rows),
            *(
                Text((said,))
                for said in (_level(judged), *_split(judged, rows), _limits(rows), _jitters_share(rows), _training())
            ),
        ]
    shown: set[str] = set()  # arms; an experiment whose every arm is in a table before it has not been run
    for item in experiments(optional=True):
        own = _measured(item.name, rows)
        if len(own) > 1 and not own <= shown:
            parts += [Text((f"{item.name}: {item.question}",)), _table(item.name, item.metrics, rows)]
            shown |= own
    curves = learning_curves(rows)
    if curves:
        parts += [Text(("Mean training loss of each tenth of the steps (one seed of each arm):",)), curves]
    return Section("Networks that serve many images", tuple(parts))


def learning_curves(rows: Sequence[Row]) -> Table | None:
    """The training loss over the steps, for the first seed of each arm whose rows have it."""
    found = {row.arm: row for row in reversed(rows) if "loss" in row.curves}
    if not found:
        return None
    lines = tuple(
        (row.label, *(f"{1e3 * loss:.2f}" for loss in row.curves["loss"].y)) for row in reversed(found.values())
    )
    widest = max(map(len, lines))
    head = ("arm, loss × 1000", *(f"{10 * tenth} %" for tenth in range(1, widest)))
    return Table(head, tuple(line + ("–",) * (widest - len(line)) for line in lines))


def claim_table(judged: Sequence[Verdict], rows: Sequence[Row]) -> Table:
    """One row a claim, with the difference of each seed beside the interval over images."""
    found = []
    for verdict in judged:
        claim = verdict.claim
        said = "–" if verdict.measured is None else f"{verdict.measured.mean:+.2f} ± {verdict.measured.half:.2f} dB"
        quantity = f"{LABELS[claim.metric]}: {claim.first} − {claim.second} {SIGNS[claim.expects]}{claim.margin:g}"
        found.append((claim.text, claim.source, quantity, said, _each_seed(verdict, rows), verdict.word))
    return Table(("claim", "of", "as a quantity", "measured", "each seed", "verdict"), tuple(found))


def _each_seed(verdict: Verdict, rows: Sequence[Row]) -> str:
    return ", ".join(f"{difference:+.2f}" for difference in _differences(verdict, rows))


def _differences(verdict: Verdict, rows: Sequence[Row]) -> list[float]:
    """The claim's difference for each seed that both arms have, means over images."""
    first, second = (
        {row.seed: row.metrics[verdict.claim.metric] for row in networks.arm_rows(name, rows)}
        for name in (verdict.claim.first, verdict.claim.second)
    )
    return [first[seed] - second[seed] for seed in sorted(first.keys() & second.keys(), key=str)]


def _split(judged: Sequence[Verdict], rows: Sequence[Row]) -> list[str]:
    """A warning for each claim whose seeds lie on both sides of its margin."""
    found = []
    for verdict in judged:
        held = {verdict.claim.holds(difference) for difference in _differences(verdict, rows)}
        if len(held) > 1:
            found.append(
                f"The seeds disagree on “{verdict.claim.text}”: their differences lie on both sides of its margin, so "
                "the verdict is of these networks, not of the method."
            )
    return found


def _level(judged: Sequence[Verdict]) -> str:
    count = len(judged)
    images = max((verdict.measured.count for verdict in judged if verdict.measured), default=0)
    return (
        f"Means over {images} test images with an interval over them at the level 1 − 0.05/{count}, so that all "
        "hold together. An interval over images says nothing about seeds that were not trained: see each seed's own "
        "difference. Claims, margins and eligibility were frozen before the run "
        f"(reference_model/claims_networks.toml, SHA-256 {networks.claims_hash()})."
    )


def _limits(rows: Sequence[Row]) -> str:
    """What the verdicts do not say: how many draws the hoisted arm had, and what interpolation of the pixels does."""
    recipes, data = networks.arms(), networks.arms()["inside"].data
    bicubic = next(row for row in rows if row.arm == f"{data} bicubic")
    measured = [networks.arm_rows(name, rows) for name in recipes]
    best = max(fmean(row.metrics["psnr_128_sharp"] for row in own) for own in measured if own)
    return (
        f"The hoisted arm had {recipes['outside'].epochs} draws, one an epoch: what it costs depends on their number "
        "(see the law). At 128 px bicubic interpolation of the 32 px pixels has "
        f"{bicubic.metrics['psnr_128_sharp']:.2f} dB, the best of these arms {best:.2f}: a gain over another arm is "
        "not yet super-resolution."
    )


def _jitters_share(rows: Sequence[Row]) -> str:
    """Which gains over `inside` are due to larger training images, and what jitter adds to the same images."""
    added = []
    for name in ("multi-scale", "patches"):
        without, jittered = (networks.arm_rows(label, rows) for label in (name, f"{name} + jitter"))
        if without and jittered:
            gain, loss = (fmean(row.metrics["psnr_128_sharp"] for row in own) for own in (jittered, without))
            added.append(f"{gain - loss:+.2f} dB to {name}")
    share = f" Jitter alone adds {' and '.join(added)} at 128 px." if added else ""
    return (
        f"Multi-scale and patches are trained on true images of up to {RESOLUTIONS[-1]} px, inside on those of "
        f"{SIZE} px: what they gain over inside is the gain of larger images and of jitter together.{share}"
    )


def _training() -> str:
    """How the networks of the claims were trained, in a sentence."""
    recipe = networks.arms()[networks.frozen()["eligibility"]["arm"]]
    model = recipe.model
    taught = {"adam": "Adam", "muon": "Muon for the weight matrices and Adam for the rest"}[recipe.optimizer]
    return (
        f"Networks of the claims: {recipe.epochs * recipe.batches:,} steps of {recipe.batch} out of {recipe.images:,} "
        f"images, {taught}, learning rate {recipe.learning_rate:g} with a cosine to 0 after {recipe.warmup} of "
        f"{recipe.epochs} epochs of warm-up, jitter of {recipe.sigma:g} px; patches of {model.patch} px, "
        f"{model.lp_tokens} tokens, {model.layers} encoder layer(s) of {model.width} features."
    )


def _measured(name: str, rows: Sequence[Row]) -> set[str]:
    """The arms of an experiment that have rows."""
    return {
        row.arm
        for row in rows
        if row.kind == "model"
        and row.arm in {recipe.digest() for recipe in experiment(name).arms(preset(row.preset), row.preset).values()}
    }


def _table(name: str, metrics: Sequence[str], rows: Sequence[Row]) -> Table:
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
            found.append((f"{label} ({size}){failed}", str(len(good)), probe, *numbers, _sees(good, rows)))
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
    if len(values) == 2 and metric not in ("final_loss", "loss_change"):  # no interval says more than both
        return f"{values[0]:.2f}, {values[1]:.2f}"
    measured = interval(list(values))
    if metric == "final_loss":
        return f"{measured.mean:.2e}"
    if metric == "loss_change":
        return f"{100 * measured.mean:.1f} %"
    return f"{measured.mean:.2f}" + (f" ± {measured.half:.2f}" if measured.count > 1 else "")


def _sees(rows: Sequence[Row], everything: Sequence[Row]) -> str:
    """Yes, or what is missing, of the seeds of one arm."""
    missing = networks.misses(rows, everything)
    return "yes" if missing is None else f"no ({missing})"
