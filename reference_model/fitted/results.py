"""The rows of the fits, ordered for questions: by arm, metric and image."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean

from reference_model.fitted.rows import Row


@dataclass(frozen=True)
class Results:
    """All rows; `by_image` is the one way to a number."""

    rows: tuple[Row, ...]

    def arm(self, arm: str) -> list[Row]:
        """The rows of an arm or a reference."""
        return [row for row in self.rows if row["arm"] == arm]

    def by_image(self, arm: str, metric: str, seeds: Iterable[int] | None = None) -> dict[str, float]:
        """image -> metric, the mean over seeds (over those of `seeds`). `seed_spread` is computed here from samples."""
        found: dict[str, list[Row]] = defaultdict(list)
        for row in self.arm(arm):
            if seeds is None or row["seed"] in seeds or row["seed"] is None:
                found[row["image"]].append(row)
        if metric == "seed_spread":
            return {image: spread(rows) for image, rows in found.items() if len(rows) > 1}
        return {image: fmean(row["metrics"][metric] for row in rows) for image, rows in found.items()}


def spread(rows: Iterable[Row]) -> float:
    """Standard deviation over seeds of the prediction between pixels, root mean square over places, of 255."""
    at_place = zip(*(row["samples"] for row in rows), strict=True)
    variances = []
    for values in at_place:
        mean = fmean(values)
        variances.append(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
    return 255 * math.sqrt(fmean(variances))


def difference(first: Mapping[str, float], second: Mapping[str, float]) -> dict[str, float]:
    """first - second of the images that both have."""
    return {image: first[image] - second[image] for image in first if image in second}
