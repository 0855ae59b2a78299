"""Everything the report says, computed from the rows of a folder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

from reference_model.claims import Sight, Verdict, frozen, sight, verdicts
from reference_model.fitted import law as laws
from reference_model.fitted.arms import BANDS, DRAWS, SIGMA, STEPS, dose
from reference_model.fitted.law import Law, is_dose
from reference_model.fitted.results import Results
from reference_model.fitted.rows import Row, claims_hash, read
from reference_model.metrics import Interval, interval
from reference_model.prices import table as prices
from reference_model.store import Store

POINTS = sorted(DRAWS, key=lambda draws: math.inf if draws == "all" else int(draws))  # 0, 1, … all
METRIC = "psnr_shift_1_4"
NO_FORGETTING = 1e-6  # M of a law whose k' is proportional to k


@dataclass(frozen=True)
class Test:
    """The law on images it was not fitted on: predicted and measured PSNR of each row."""

    pairs: tuple[tuple[Row, float, float], ...]  # row, predicted, measured; dB

    @property
    def errors(self) -> list[float]:
        """Predicted minus measured, dB."""
        return [predicted - measured for _, predicted, measured in self.pairs]

    @property
    def median(self) -> float:
        """The median absolute error."""
        return median(map(abs, self.errors))

    @property
    def ninth(self) -> float:
        """Nine of ten absolute errors are below."""
        errors = sorted(map(abs, self.errors))
        return errors[min(len(errors) - 1, int(0.9 * len(errors)))]


@dataclass(frozen=True)
class Facts:
    """`results` of the fits with what follows from them; `prices` rows; `networks` rows of `run`, if any."""

    folder: Path
    results: Results
    prices: tuple[dict[str, Any], ...]
    networks: tuple[Any, ...]
    verdicts: tuple[Verdict, ...]
    sight: Sight | None
    law: Law | None
    plain: Test | None  # the law at STEPS and SIGMA: the frozen claim is about these
    second: Test | None  # other steps and other σ
    cycle: Test | None  # draws in a cycle, which no parameter was fitted to
    plain_unforgetting: Test | None  # `plain` and `cycle` by a law without forgetting: the average of k noisy images
    cycle_unforgetting: Test | None

    @property
    def is_for_other_claims(self) -> bool:
        """Whether rows were measured for claims that are no longer those of the file: then nothing is judged."""
        return any(row["claims"] != claims_hash() for row in self.results.rows)

    @property
    def is_smoke(self) -> bool:
        """Whether nothing here was trained long enough to mean anything."""
        fits = [row for row in self.results.rows if row["kind"] == "network"]
        return bool(fits) and all(row["steps"] < 100 for row in fits)

    def headline(self) -> list[tuple[int | str, str]]:
        """Draws and the PSNR at +1/4 px with its interval over images, in words."""
        found = [(draws, self.at(draws)) for draws in POINTS]
        return [
            (draws, f"{value.mean:.2f} ± {value.half:.2f} dB at +1/4 px, {value.count} images")
            for draws, value in found
            if value
        ]

    def at(self, draws: int | str, metric: str = METRIC, bands: str = "4x") -> Interval | None:
        """Mean and 95 % interval over images of an arm that is named by its number of draws."""
        return self.over_images(dose("", 0, draws, bands=bands).arm, metric)

    def over_images(self, arm: str, metric: str = METRIC) -> Interval | None:
        """Mean and 95 % interval over images; None when nothing was measured."""
        found = self.results.by_image(arm, metric)
        return interval(list(found.values())) if found else None


def gather(folder: Path) -> Facts:
    """The facts of a folder's rows."""
    results = Results(tuple(read(folder / "fitted.jsonl")))
    law = _law(results)
    networks = tuple(Store(folder).rows().values())
    priced = [row for row in prices.read(folder / "prices.json") if row["task"] != prices.JITTER_TASK]
    return Facts(
        folder, results, (*prices.jitter(results), *priced), networks,
        tuple(verdicts(results)) if results.rows else (), sight(results), law, *_tests(law, results),
    )  # fmt: skip


def _doses(results: Results, *, fitted_on: bool) -> list[Row]:
    """The law's rows on the frozen half of the images, or on the others."""
    half = set(frozen()["law"]["fitted-on"])
    return [row for row in results.rows if is_dose(row) and row["steps"] >= 100 and (row["image"] in half) == fitted_on]


def _law(results: Results, memory: float | None = None) -> Law | None:
    """Fitted on the frozen half of the images; None where there are too few rows for it and for its test."""
    rows = _doses(results, fitted_on=True)
    if len({row["draws"] for row in rows}) < 4 or not _doses(results, fitted_on=False):
        return None
    bands, powers = laws.fit(rows, memory)
    variance, bias, steps = laws.typical(results.rows)
    return Law(bands, powers, variance, bias, steps)


def _tests(law: Law | None, results: Results) -> tuple[Test | None, ...]:
    """The law on the other images, at other steps and σ, and on cycles; the first and the last without forgetting."""
    unforgetting = _law(results, memory=NO_FORGETTING)
    if law is None or unforgetting is None:
        return (None,) * 5
    tested = [row for row in _doses(results, fitted_on=False) if row["bands"] in law.bands]
    plain = [row for row in tested if (row["steps"], row["sigma"]) == (STEPS, SIGMA)]
    second = [row for row in tested if row not in plain]
    cycle = [row for row in results.rows if row["kind"] == "network" and row["schedule"] == "reseeded"]
    asked = [(law, plain), (law, second), (law, cycle), (unforgetting, plain), (unforgetting, cycle)]
    return tuple(_test(which, rows, results) for which, rows in asked)


def _test(law: Law, rows: Sequence[Row], results: Results) -> Test | None:
    pairs = []
    for row in rows:
        oracle = results.by_image(f"oracle {row['sigma']:g} px", METRIC)[row["image"]]
        pairs.append((row, laws.predicted_psnr(law, row, 10 ** (-oracle / 10)), row["metrics"][METRIC]))
    return Test(tuple(pairs)) if pairs else None


def mean_miss(test: Test) -> float:
    """Mean of predicted minus measured, dB."""
    return fmean(test.errors)


def mean_error(test: Test, draws: int, bands: str) -> float | None:
    """The law's mean error, dB, of one number of draws and one bandwidth."""
    errors = [p - m for row, p, m in test.pairs if (row["draws"], row["bands"]) == (draws, bands)]
    return fmean(errors) if errors else None


def bands_measured(facts: Facts) -> list[str]:
    """The bandwidths that have rows of correct jitter."""
    return [name for name in BANDS if facts.at("all", bands=name)]
