"""The words and tables of the report, from the facts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from reference_model.claims import Verdict, claims, frozen
from reference_model.fitted.arms import BANDS, IMAGES, SIGMA, STEPS, WIDTH, committed, dose
from reference_model.fitted.measure import LARGE, SIZE
from reference_model.metrics import Interval
from reference_model.report import plots
from reference_model.report.blocks import Block, Code, Picture, Points, Section, Strip, Table, Text
from reference_model.report.facts import POINTS, Facts, bands_measured, mean_error, mean_miss
from reference_model.report.networks import networks_section

TITLE = "What missing jitter costs"
BANNER = "!Smoke preset: a check that the program runs. Its numbers mean nothing, and no claim is judged."
CHANGED = "!claims.toml was changed after these rows were measured: no claim is judged. Fit again into a new folder."
METRICS = {
    "psnr_shift_1_4": ("PSNR at +1/4 px", "dB"),
    "psnr_shift_1_2": ("PSNR at +1/2 px", "dB"),
    "psnr_jitter_0.32": ("PSNR at coordinates off by 0.32 px", "dB"),
    "psnr_64_sharp": ("PSNR at 64 px", "dB"),
    "psnr_128_sharp": ("PSNR at 128 px", "dB"),
    "rmse_clean": ("error on the grid", "grey levels"),
    "overshoot": ("overshoot", "grey levels"),
    "seed_spread": ("spread over seeds", "grey levels"),
    "energy_above": ("energy above Nyquist", "%"),
    "ring_above": ("ring correlation above Nyquist", ""),
    "ring_sight": ("ring correlation at 12 cycles", ""),
}
LEARNED = ("psnr_shift_1_4", "psnr_128_sharp", "rmse_clean", "overshoot", "energy_above", "ring_above", "ring_sight")


def blocks(facts: Facts) -> list[Block]:
    """The whole report: one picture, five sentences, the claims; the rest is folded."""
    found: list[Block] = []
    if facts.is_smoke:
        found.append(Text((BANNER,)))
    elif facts.is_for_other_claims:
        found.append(Text((CHANGED,)))
    if facts.at("all") and not facts.is_smoke:
        found.append(plots.headline(facts))
        found.append(Strip(tuple(plots.crops(facts))))
    found.append(Points(tuple(sentences(facts))))
    if facts.verdicts and not facts.is_smoke and not facts.is_for_other_claims:
        found.append(Section("Claims", (claim_table(facts), Text((_level(facts),))), folded=False))
    sections = [
        _prices(facts), _law(facts), _arms(facts), _views(facts), _eligibility(facts), networks_section(facts.networks),
        _methods(facts),
    ]  # fmt: skip
    return [block for block in found if block not in (Strip(()), Points(()))] + [part for part in sections if part]


def number(measured: Interval | None, metric: str = "") -> str:
    """Mean ± half of the 95 % interval, in the unit of the metric."""
    if measured is None:
        return "–"
    factor, digits = (100.0 if metric == "energy_above" else 1.0), 3 if metric.startswith("ring") else 2
    mean = f"{factor * measured.mean + 0.0:.{digits}f}"
    return mean if math.isnan(measured.half) else f"{mean} ± {factor * measured.half:.{digits}f}"


def sentences(facts: Facts) -> list[str]:
    """At most five, each only if its rows are there."""
    right, hoisted, once, none = (facts.at(draws) for draws in ("all", 20, 1, 0))
    oracle, bicubic = facts.over_images("oracle 0.32 px"), facts.over_images("bicubic")
    if facts.is_smoke or not (right and hoisted and once and none and oracle and bicubic):
        return []
    rmse_none, rmse_right = facts.at(0, "rmse_clean"), facts.at("all", "rmse_clean")
    ring, cubic = facts.at("all", "ring_above"), facts.over_images("bicubic", "ring_above")
    assert rmse_none and rmse_right and ring and cubic
    found = [
        f"Jitter drawn in every step brings coordinate networks fitted to {right.count} images to {right.mean:.1f} dB "
        f"a quarter pixel off the grid; the exact minimiser of that training has {oracle.mean:.1f}, bicubic "
        f"interpolation {bicubic.mean:.1f}.",
        f"The same line above the batch loop, one draw an epoch for 20 epochs, costs {right.mean - hoisted.mean:.1f} "
        f"dB; one draw for the whole run {right.mean - once.mean:.1f}; a commented-out call "
        f"{right.mean - none.mean:.1f}.",
        f"The loss does not show it: on its own grid the network without jitter errs by {_small(rmse_none.mean)} grey "
        f"levels of 255, the one with jitter by {rmse_right.mean:.2f}.",
    ]
    if facts.plain:
        found.append(
            "It is a dose: a formula of draws, bandwidth and the image, whose three constants a bandwidth were fitted "
            f"on {len(frozen()['law']['fitted-on'])} images, predicts the PSNR of "
            f"{len({row['image'] for row, _, _ in facts.plain.pairs})} others within {facts.plain.median:.1f} dB "
            f"(median; nine of ten within {facts.plain.ninth:.1f})."
        )
    found.append(
        f"Jitter is no super-resolution: above Nyquist its enlargement agrees with the truth by a ring correlation of "
        f"{ring.mean:.2f}, bicubic interpolation by {cubic.mean:.2f}." + _price_sentence(facts)
    )
    return found


def _small(value: float) -> str:
    return f"{value:.2f}" if value >= 0.01 else "less than 0.01"


def _price_sentence(facts: Facts) -> str:
    other = [row for row in facts.prices if row["rules"] and row["task"] != "coordinate jitter"]
    if not other:
        return ""
    dear = sum(row["reading"] == "cost" for row in other)
    return f" Of {len(other)} doses of other bugs, {dear} cost measurably in a small real task."


def claim_table(facts: Facts) -> Table:
    """One row a claim, and one for the law."""
    rows = [_claim_row(verdict) for verdict in facts.verdicts]
    if facts.plain and not facts.is_smoke:
        limit = frozen()["law"]["error-below"]
        few = len({row["image"] for row, _, _ in facts.plain.pairs}) < len(IMAGES) // 2
        sees = facts.sight is not None and facts.sight.passes
        word = "supported" if facts.plain.median < limit else "refuted"
        rows.append((
            "The law predicts the images it was not fitted on", "own", f"median error < {limit:g} dB",
            f"{facts.plain.median:.2f} dB", "not testable" if few or not sees else word,
        ))  # fmt: skip
    return Table(("claim", "of", "as a quantity", "measured", "verdict"), tuple(rows))


def _claim_row(verdict: Verdict) -> tuple[str, ...]:
    claim = verdict.claim
    name, unit = METRICS[claim.metric]
    factor = 100 if claim.metric == "energy_above" else 1
    sign = {"more": ">", "less": "<", "equal": "within ±"}[claim.expects]
    margin = f"{sign}{'' if claim.expects == 'equal' else ' '}{factor * claim.margin:g} {unit}".strip()
    of = "seed" if claim.source == "seed" else "own, seen before" if claim.seen else "own"
    said = f"{number(verdict.measured, claim.metric)} {unit}".strip()
    return claim.text, of, f"{name}: {claim.first} − {claim.second} {margin}", said, verdict.word


def _level(facts: Facts) -> str:
    count = len(claims())
    return (
        f"Mean over images with an interval at the level 1 − 0.05/{count}, so that the {count} hold together; a "
        "verdict needs the whole interval on one side of the margin. The law's claim has its own limit and no "
        "interval. Right: drawn in every step; hoisted: 20 draws, each held for a twentieth of the run; cycle: the "
        "same number in turn; once: one draw; walk: added up from batch to batch; none-low: no jitter at the lowest "
        "bandwidth. Claims, margins and eligibility were frozen "
        f"before the run (reference_model/claims.toml, {_hashes(facts)}). “Seed” is the document that this project "
        "started from; “seen before” marks hypotheses that an earlier run on other images suggested. Equal by "
        "construction, and so tests instead of claims: a commented-out call and no jitter."
    )


def _hashes(facts: Facts) -> str:
    return "SHA-256 " + ", ".join(sorted({row["claims"] for row in facts.results.rows}))


def _prices(facts: Facts) -> Section | None:
    if not facts.prices:
        return None
    rows = []
    for row in facts.prices:
        price = Interval(row["price"], (row["high"] - row["low"]) / 2, 2)
        said = "–" if row["reading"] == "the right way" else f"{number(price)} {row['unit']}"
        rows.append((row["dose"], row["task"], ", ".join(row["rules"]) or "–", f"{row['measured']:.2f}", said,
                     row["reading"]))  # fmt: skip
    about = {}
    for row in facts.prices:
        same = [other["interval_over"] for other in facts.prices if other["task"] == row["task"]]
        about[row["task"]] = (
            f"{row['task']}: {row['metric']}, {row['unit']}; {row['measured_on']}; interval over "
            f"{' or '.join(dict.fromkeys(same))}."
        )
    table = Table(("dose", "task", "rules", "measured", "price", "reading"), tuple(rows))
    note = "The price is how much worse than the right way a dose is, with its 95 % interval, paired; each row alone."
    return Section("A price for every rule", (Text((note,)), table, Points(tuple(about.values()))))


def _law(facts: Facts) -> Section | None:
    if facts.law is None or facts.plain is None:
        return None
    formula = "D = V (c / k' + r)      PSNR = -10 log10(B + D)      k' = (Σ w)² / Σ w²\n"
    formula += "w_j = S(v_j) - S(u_j)      S(u) = exp(-M (1 - u - sin(πu)/π))"
    parameters = Table(
        ("bandwidth", "amplification c", "memory M", "rest r"),
        tuple((plots.BAND_NAMES[name], f"{p.amplification:.2f}", f"{p.memory:.1f}", f"{p.rest:.3f}")
              for name, p in facts.law.bands.items()),
    )  # fmt: skip
    errors = Table(
        ("draws", *(plots.BAND_NAMES[band] for band in facts.law.bands)),
        tuple((_draws(draws), *(_signed(mean_error(facts.plain, _count(draws), band)) for band in facts.law.bands))
              for draws in POINTS if draws != 0),
    )  # fmt: skip
    said = [f"Fitted on {len(frozen()['law']['fitted-on'])} images, tested on the others: median absolute error "
            f"{facts.plain.median:.2f} dB, nine of ten within {facts.plain.ninth:.2f} dB ({len(facts.plain.pairs)} "
            "networks)."]  # fmt: skip
    if facts.cycle and facts.plain_unforgetting and facts.cycle_unforgetting:
        said.append(
            "Draws in a cycle are not forgotten: with k' = k and the same parameters, to which no cycle was fitted, "
            f"the median absolute error on {len(facts.cycle.pairs)} of them is {facts.cycle.median:.2f} dB. A law "
            f"without forgetting (M = 0, 10 dB for every tenfold) misses them by {facts.cycle_unforgetting.median:.2f} "
            f"dB; held draws alone hardly tell the two apart ({facts.plain_unforgetting.median:.2f} dB). This was "
            "thought of after the run had begun."
        )
    if facts.second:
        said.append(
            f"At other numbers of steps and other σ: median {facts.second.median:.2f} dB, nine of ten within "
            f"{facts.second.ninth:.2f} dB ({len(facts.second.pairs)} networks)."
        )
    if facts.law.powers.memory_steps:
        said.append(
            f"The fitted memory grows with the number of steps to the power {facts.law.powers.memory_steps:.2f}; "
            "theory says 1."
        )
    said.append(
        f"Predicted minus measured is {mean_miss(facts.plain):+.2f} dB in the mean: B and D are added as if "
        "uncorrelated, and a network that smooths less than the oracle is nearer to the truth than that."
    )
    picture = plots.law(facts)
    parts: list[Block] = [
        Text(tuple(said)),
        Code(formula),
        parameters,
        Text(("Predicted minus measured, mean over images in dB:",)),
    ]
    parts += [errors, Code("python -m reference_model predict --sigma 0.32 --draws 20 --steps 1200 --bandwidth 4")]
    return Section("The law", (*([picture] if picture else []), *parts))


def _count(draws: int | str) -> int:
    return STEPS if draws == "all" else int(draws)


def _draws(draws: int | str) -> str:
    return "one a step" if draws == "all" else str(draws)


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.2f}"


def _arms(facts: Facts) -> Section | None:
    rows = [row for row in facts.results.rows if row["kind"] == "network"]
    if not rows or facts.is_smoke:
        return None
    arms = list(dict.fromkeys(row["arm"] for row in rows))
    table = tuple(_arm_row(facts, arm) for arm in [*arms, "oracle 0.32 px", "bicubic", "bilinear"])
    head = ("arm", "images", *(f"{METRICS[m][0]}{', ' + METRICS[m][1] if METRICS[m][1] else ''}" for m in LEARNED))
    flat = f"{100 * frozen()['eligibility']['flat']:.0f} %"
    note = (
        "Arm: how the jitter is drawn · its strength σ · the highest Fourier band in multiples of Nyquist · steps. “k "
        "draws” are held one after another, “in a cycle” used in turn, “inside” is a draw in every step. PSNR at 128 "
        "px is against the true pixels of that size. “Not flattened”: networks whose loss still changed by more than "
        f"{flat} over the last tenth of the steps; without jitter it falls towards 0 for ever."
    )
    return Section("All arms", (Text((note,)), Table((*head, "not flattened"), table)))


def _arm_row(facts: Facts, arm: str) -> tuple[str, ...]:
    rows = facts.results.arm(arm)
    limit = frozen()["eligibility"]["flat"]
    steep = [row for row in rows if abs(row.get("loss_change", 0.0)) > limit]
    trained = rows and rows[0]["kind"] == "network"
    values = (number(facts.over_images(arm, metric), metric) for metric in LEARNED)
    return (
        _named(arm),
        str(len({row["image"] for row in rows})),
        *values,
        f"{len(steep)} of {len(rows)}" if trained else "–",
    )


def _named(arm: str) -> str:
    """The label of an arm, with its name in the claims in front."""
    names = {label: name for name, label in frozen()["arms"].items() if name != label}
    label = arm.replace("1 draws", "1 draw", 1) if arm.startswith("1 draws") else arm
    return f"{names[arm]}: {label}" if arm in names else label


def _views(facts: Facts) -> Section | None:
    if facts.is_smoke:
        return None
    drawn = [plots.bandwidths(facts), plots.shifts(facts), plots.robustness(facts)]
    pictures: Sequence[Picture] = [picture for picture in drawn if picture]
    return Section("Bandwidth, shifts, robustness", tuple(pictures)) if pictures else None


def _eligibility(facts: Facts) -> Section | None:
    if facts.sight is None or facts.is_smoke:
        return None
    seen = facts.sight
    rule = frozen()["eligibility"]
    side, frequency = rule["thumbnail"], rule["ring_frequency"]
    word = "passes" if seen.passes else "does not pass: every verdict reads “not testable”"
    return Section("Can these networks see?", (Text((
        f"The setting {word}. With correct jitter, the ring correlation with the truth at {frequency} cycles/image is "
        f"{seen.ring:.3f}, that of bilinear interpolation {seen.bilinear:.3f}; at most {seen.allowed:g} less was "
        f"allowed. On its grid every network is at least {seen.above_thumbnail:.1f} dB above the image averaged to "
        f"{side} × {side} pixels and enlarged again.",)),))  # fmt: skip


def _methods(facts: Facts) -> Section | None:
    rows: list[dict[str, Any]] = [row for row in facts.results.rows if row["kind"] == "network"]
    if not rows:
        return None

    def every(key: str) -> str:
        return ", ".join(sorted({str(row[key]) for row in rows}))

    found = (
        ("networks", f"{len(rows)}, one for each image and arm: Fourier bands of 4, 2 or 1 times Nyquist "
         f"({', '.join(f'{name} σ_l {bands}' for name, bands in BANDS.items() if name in bands_measured(facts))}), "
         f"{WIDTH} features, no encoder and no tokens"),
        ("steps", every("steps")),
        ("batch", f"all {every('pixels_a_step')} pixels in every step"),
        ("learning rate", f"{every('learning_rate')}, 5 % warm-up, cosine to 0; Adam (0.9, 0.99)"),
        ("images", _images(rows)),
        ("jitter", f"Gaussian, σ {SIGMA} px unless said; drawn where fitted/training.py calls `next(schedule)`"),
        ("final loss", f"with correct jitter {_mean_loss(rows):.2e}"),
        ("of the committed run not finished", _unfinished(rows)),
        ("hardware", ", ".join(sorted({f"{row['hardware']['cpu']}, one thread a process" for row in rows}))),
        ("time", f"{sum(row['seconds'] for row in rows) / 60:.0f} process-minutes on a shared machine"),
        ("versions", ", ".join(sorted({f"torch {row['versions']['torch']}" for row in rows}))),
        ("commit", every("commit")), ("claims", _hashes(facts)),
    )  # fmt: skip
    return Section("Methods", (Table(("", "how"), found), Text((_history(facts),))))


CREDITS = {
    "astronaut": "NASA, public domain, in scikit-image",
    "chelsea": "S. van der Walt, CC0, in scikit-image",
    "coffee": "R. Michetti, CC0, in scikit-image",
    "rocket": "SpaceX, CC0, in scikit-image",
    "motorcycle": "Middlebury, CC0, in scikit-image",
    "china": "danielbuechele, CC BY 2.0, in scikit-learn",
    "flower": "vultilion, CC BY 2.0, in scikit-learn",
    "grace_hopper": "US Navy, public domain, in matplotlib",
}


def _images(rows: Sequence[dict[str, Any]]) -> str:
    """The images that were fitted, with the credits of the photographs."""
    names = list(dict.fromkeys(row["image"] for row in rows))
    shown = [f"{name} ({CREDITS[name]})" for name in names if name in CREDITS]
    return (
        f"{len(names) - len(shown)} analytic scenes with exact values anywhere; {len(shown)} photographs, central "
        f"{LARGE} px averaged to {SIZE}: {'; '.join(shown)}"
    )


def _unfinished(rows: Sequence[dict[str, Any]]) -> str:
    """The arms of the committed run that lack rows, with how many."""
    done = {row["key"] for row in rows}
    missing = Counter(fit.arm for fit in committed() if fit.key() not in done)
    return "; ".join(f"{arm}: {count}" for arm, count in missing.items()) or "none"


def _mean_loss(rows: Sequence[dict[str, Any]]) -> float:
    arm = dose("", 0, "all").arm
    losses = [row["final_loss"] for row in rows if row["arm"] == arm]
    return fmean(losses) if losses else math.nan


def _history(facts: Facts) -> str:
    text = (
        "Revision history: the first version of this report judged 65 claims. Most stood on networks that serve many "
        "images and that an 8 × 8 thumbnail beat, or on a single image. Those claims, experiments and results were "
        "deleted; this one replaces them. The law's V was redefined after errors on its test images had been seen, at "
        "other σ than that of the claim. The tasks on handwritten digits were changed after a pilot on other seeds."
    )
    run = {row["interval_over"] for row in facts.prices if "seeds" in row["interval_over"]}
    asked = f"{frozen()['prices']['seeds']} seeds"
    return text + (f" The frozen file asks for {asked} of each price; {', '.join(sorted(run))} were run." * bool(run))
