"""The frozen claims on networks that serve many images (claims_networks.toml) against the rows of `run`."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from reference_model.claims import Claim, Verdict, judge
from reference_model.experiments import experiment
from reference_model.recipe import Recipe, preset
from reference_model.store import Row

FILE = Path(__file__).with_name("claims_networks.toml")


@cache
def frozen() -> dict[str, Any]:
    """claims_networks.toml as it is."""
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def claims_hash() -> str:
    """SHA-256 of the frozen claims, 12 digits: what a row was measured for."""
    return hashlib.sha256(FILE.read_bytes()).hexdigest()[:12]


@cache
def arms() -> dict[str, Recipe]:
    """Label -> recipe of every arm of the claims' experiments."""
    size = frozen()["preset"]
    found = [experiment(name).arms(preset(size), size) for name in frozen()["experiments"]]
    return {label: recipe for own in found for label, recipe in own.items()}


def arm_rows(name: str, rows: Sequence[Row]) -> list[Row]:
    """The finished rows of an arm of the claims' experiments, measured for these claims."""
    size, arm = frozen()["preset"], arms()[name].digest()
    return [
        row
        for row in rows
        if (row.preset, row.arm, row.status) == (size, arm, "finished") and row.claims == claims_hash()
    ]


def misses(rows: Sequence[Row], everything: Sequence[Row]) -> str | None:
    """What the seeds of one arm lack to see, in words; None when they see."""
    rule = frozen()["eligibility"]
    bilinear = next((row for row in everything if rows and row.arm == f"{rows[0].recipe['data']} bilinear"), None)
    if bilinear is None or "ring_12" not in rows[0].metrics:
        return "nothing to compare with"
    ring = fmean(row.metrics["ring_12"] for row in rows)
    above = fmean(row.metrics["psnr_clean"] - row.metrics["psnr_thumbnail"] for row in rows)
    if bilinear.metrics["ring_12"] - ring > rule["ring_below_bilinear"]:
        return f"ring correlation {ring:.2f}"
    return None if above > 0 else f"{-above:.1f} dB below the thumbnail"


def claims() -> list[Claim]:
    """All claims, in the order of the file."""
    return [Claim(**values) for values in frozen()["claim"]]


def verdicts(rows: Sequence[Row]) -> list[Verdict]:
    """A verdict on every claim, at a level that holds for all of them together (Bonferroni); none without rows."""
    right = arm_rows(frozen()["eligibility"]["arm"], rows)
    sees = misses(right, rows) is None
    return [_verdict(claim, rows, sees=sees) for claim in claims()] if right else []


def _verdict(claim: Claim, rows: Sequence[Row], *, sees: bool) -> Verdict:
    first, second = arm_rows(claim.first, rows), arm_rows(claim.second, rows)
    level = 1 - 0.05 / len(claims())
    judged = judge(claim, by_image(first, claim.metric), by_image(second, claim.metric), level, sees=sees)
    decided = judged.word in ("supported", "refuted", "undecided")
    few = min(len(first), len(second)) < frozen()["eligibility"]["seeds"]
    return replace(judged, word="too few seeds") if decided and few else judged


def by_image(rows: Sequence[Row], metric: str) -> dict[str, float]:
    """Test image -> metric, mean over seeds."""
    columns = zip(*(row.by_image[metric] for row in rows), strict=True)
    return {str(image): fmean(values) for image, values in enumerate(columns)}
