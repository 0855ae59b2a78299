"""The frozen claims (claims.toml) against the rows of the fits: supported, refuted, undecided or not testable."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from reference_model.fitted.measure import decibels
from reference_model.fitted.results import Results, difference
from reference_model.metrics import Interval, interval

FILE = Path(__file__).with_name("claims.toml")
FEWEST = 8  # images of a verdict: the image is the unit


@dataclass(frozen=True)
class Claim:
    """A sentence as a comparison: `metric` of the arm `first` minus that of `second`, against `margin`.

    `expects` "more" claims a quantity above the margin, "less" one below it, "equal" one within ±margin. `source`
    is "seed" for a sentence of the seed document, else "own"; `seen` marks one that was formed after earlier runs.
    """

    text: str
    source: str
    metric: str
    first: str
    second: str
    expects: str
    margin: float
    seen: bool = False

    def holds(self, difference: float) -> bool:
        """Whether a single difference, in the unit of the metric, is on the claimed side of the margin."""
        if self.expects == "equal":
            return abs(difference) < self.margin
        return difference > self.margin if self.expects == "more" else difference < self.margin


@dataclass(frozen=True)
class Verdict:
    """`word` is supported, refuted, undecided, "not testable" where the networks do not see, "too few images",
    "too few seeds" or "not measured"."""

    claim: Claim
    word: str
    measured: Interval | None


@dataclass(frozen=True)
class Sight:
    """Whether the setting may decide a claim, and the three numbers that say so.

    `ring` and `bilinear`: mean ring correlation with the truth of the arm with correct jitter and of bilinear
    interpolation; `above_thumbnail`: the smallest difference, in dB, of its PSNR on the grid to the thumbnail's.
    """

    ring: float
    bilinear: float
    above_thumbnail: float
    allowed: float

    @property
    def passes(self) -> bool:
        """Both conditions of the frozen file."""
        return self.bilinear - self.ring <= self.allowed and self.above_thumbnail > 0


@cache
def frozen() -> dict[str, Any]:
    """claims.toml as it is."""
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def claims() -> list[Claim]:
    """All claims, in the order of the file."""
    return [Claim(**values) for values in frozen()["claim"]]


def verdicts(results: Results) -> list[Verdict]:
    """A verdict on every claim, at a level that holds for all of them together (Bonferroni)."""
    asked, names = claims(), frozen()["arms"]
    level = 1 - 0.05 / len(asked)
    seen = sight(results)
    return [
        judge(
            claim, results.by_image(names[claim.first], claim.metric),
            results.by_image(names[claim.second], claim.metric), level, sees=seen is not None and seen.passes,
        )
        for claim in asked
    ]  # fmt: skip


def judge(
    claim: Claim, first: Mapping[str, float], second: Mapping[str, float], level: float, *, sees: bool
) -> Verdict:
    """The verdict from the interval, at `level`, of the difference of two arms (image -> metric) over images."""
    values = difference(first, second)
    if not values:
        return Verdict(claim, "not measured", None)
    measured = interval(list(values.values()), level)
    if len(values) < FEWEST:
        return Verdict(claim, "too few images", measured)
    return Verdict(claim, _word(claim, measured) if sees else "not testable", measured)


def _word(claim: Claim, measured: Interval) -> str:
    held = claim.holds(measured.low), claim.holds(measured.high)
    if all(held):
        return "supported"
    across = claim.expects == "equal" and measured.low < 0 < measured.high  # neither end holds, what is between does
    return "undecided" if any(held) or across else "refuted"


def sight(results: Results) -> Sight | None:
    """The eligibility of the setting; None without rows to tell."""
    rule, names = frozen()["eligibility"], frozen()["arms"]
    right = names[rule["arm"]]
    ring, bilinear = results.by_image(right, "ring_sight"), results.by_image("bilinear", "ring_sight")
    clean = results.by_image(right, "mse_clean")
    small = results.by_image(f"thumbnail {rule['thumbnail']}", "mse_clean")
    if not ring or not set(ring) <= set(bilinear) & set(small):
        return None
    above = min(decibels(clean[image]) - decibels(small[image]) for image in ring)
    bilinear_mean = sum(bilinear[image] for image in ring) / len(ring)
    return Sight(sum(ring.values()) / len(ring), bilinear_mean, above, rule["ring_below_bilinear"])
