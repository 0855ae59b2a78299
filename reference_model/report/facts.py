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
from reference_model.fitted.arms import BANDS, DRAWS, STEPS, dose
from reference_model.fitted.law import Law, is_dose
from reference_model.fitted.results import Results
from reference_model.fitted.rows import Row, read
from reference_model.metrics import Interval, interval
from reference_model.prices import table as prices
from reference_model.store import Store

POINTS = sorted(DRAWS, key=lambda draws: math.inf if draws == "all" else int(draws))  # 0, 1, … all
METRIC = "psnr_shift_1_4"


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
    law, plain, second = _law(results)
    networks = tuple(Store(folder).rows().values())
    priced = [row for row in prices.read(folder / "prices.json") if row["task"] != prices.JITTER_TASK]
    return Facts(
        folder, results, (*prices.jitter(results), *priced), networks,
        tuple(verdicts(results)) if results.rows else (), sight(results), law, plain, second,
    )  # fmt: skip


def _law(results: Results) -> tuple[Law | None, Test | None, Test | None]:
    """Fitted on the frozen half of the images, tested on the others."""
    half = set(frozen()["law"]["fitted-on"])
    doses = [row for row in results.rows if is_dose(row) and row["steps"] >= 100]
    fitted_on = [row for row in doses if row["image"] in half]
    others = [row for row in doses if row["image"] not in half]
    if len({row["draws"] for row in fitted_on}) < 4 or not others:
        return None, None, None
    bands, powers = laws.fit(fitted_on)
    law = Law(bands, powers, *laws.typical(results.rows))
    tested = [row for row in others if row["bands"] in bands]
    plain = [row for row in tested if (row["steps"], row["sigma"]) == (STEPS, 0.32)]
    return law, _test(law, plain, results), _test(law, [row for row in tested if row not in plain], results)


def _test(law: Law, rows: Sequence[Row], results: Results) -> Test | None:
    pairs = []
    for row in rows:
        oracle = results.by_image(f"oracle {row['sigma']:g} px", METRIC)[row["image"]]
        pairs.append((row, laws.predicted_psnr(law, row, 10 ** (-oracle / 10)), row["metrics"][METRIC]))
    return Test(tuple(pairs)) if pairs else None


def mean_error(test: Test, draws: int, bands: str) -> float | None:
    """The law's mean error, dB, of one number of draws and one bandwidth."""
    errors = [p - m for row, p, m in test.pairs if (row["draws"], row["bands"]) == (draws, bands)]
    return fmean(errors) if errors else None


def bands_measured(facts: Facts) -> list[str]:
    """The bandwidths that have rows of correct jitter."""
    return [name for name in BANDS if facts.at("all", bands=name)]
