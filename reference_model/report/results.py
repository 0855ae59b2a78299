"""The results folder as the report reads it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from reference_model.claims import Claim, Verdict, judge
from reference_model.evaluate import Curve
from reference_model.experiments import Experiment, experiments
from reference_model.metrics import Interval, interval
from reference_model.recipe import PRESETS, Recipe, preset
from reference_model.store import Row, Store, StoreError

Pictures = Mapping[str, npt.NDArray[np.uint8]]

METRIC_NAMES = {
    "psnr_clean": "clean grid, dB",
    "psnr_shift_1_8": "+1/8 px, dB",
    "psnr_shift_1_4": "+1/4 px, dB",
    "psnr_shift_3_8": "+3/8 px, dB",
    "psnr_shift_1_2": "+1/2 px, dB",
    "psnr_shift_random": "random shifts, dB",
    "psnr_64_sharp": "64 px, dB",
    "psnr_64_same": "64 px, same aperture, dB",
    "psnr_128_sharp": "128 px, dB",
    "psnr_128_same": "128 px, same aperture, dB",
    "oracle_distance": "to the oracle at 128 px, dB",
    "energy_above_nyquist": "energy above Nyquist, %",
    "ring_above_nyquist": "ring correlation above Nyquist",
    "robustness_drop": "drop under 0.32 px jitter, dB",
    "moire": "moiré, % of the grating",
}
BETWEEN = "psnr_shift_1_4"
BLIND = 3.0  # dB below bilinear interpolation at which a network is called too coarse to show an effect
PERCENT = ("energy_above_nyquist", "moire")


def scaled(metric: str, value: float) -> float:
    """A metric in the unit of METRIC_NAMES."""
    return value * 100 if metric in PERCENT else value


@dataclass(frozen=True)
class Arm:
    """The finished and failed runs of one arm of one experiment."""

    label: str
    recipe: Recipe | None  # None for a reference
    rows: tuple[Row, ...]
    failed: tuple[Row, ...]

    def values(self, metric: str) -> dict[int | None, float]:
        """The metric of each seed."""
        return {row.seed: row.metrics[metric] for row in self.rows if metric in row.metrics}

    def interval(self, metric: str) -> Interval | None:
        """Over the seeds, in the unit of METRIC_NAMES; None when it was not measured."""
        values = [scaled(metric, value) for value in self.values(metric).values()]
        return interval(values) if values else None

    def curve(self, name: str) -> Curve | None:
        """The mean of a curve over the seeds."""
        curves = [row.curves[name] for row in self.rows if name in row.curves]
        if not curves:
            return None
        return Curve(curves[0].x, [math.fsum(ys) / len(ys) for ys in zip(*(c.y for c in curves), strict=True)])

    @property
    def probe(self) -> str:
        """What runtime_probe said of the runs: one verdict with its flags, or all that were said."""
        said = sorted({" + ".join([_verdict(row), *row.probe.get("flags", [])]) for row in self.rows if row.probe})
        return ", ".join(said)


def _verdict(row: Row) -> str:
    period = row.probe.get("period")
    return f"{row.probe['verdict']}({period})" if period else str(row.probe["verdict"])


@dataclass(frozen=True)
class Results:
    """All rows of one preset in a folder; `others` are presets that are there too."""

    runs: Path
    preset: str
    rows: Mapping[tuple[str, str, int | None], Row]
    experiments: Mapping[str, Experiment]
    others: tuple[str, ...]

    def arms(self, name: str) -> list[Arm]:
        """The arms of an experiment in its order, also those without a row."""
        recipes = self.experiments[name].arms(preset(self.preset), self.preset)
        return [self._arm(label, recipe) for label, recipe in recipes.items()]

    def references(self, name: str) -> list[Arm]:
        """Interpolation and oracles on the data of the experiment."""
        data = self.data(name)
        rows = [row for row in self.rows.values() if row.kind == "reference" and row.recipe["data"] == data]
        return [Arm(row.label, None, (row,), ()) for row in rows]

    def reference(self, name: str, label: str) -> Arm | None:
        """One of `references`."""
        return next((arm for arm in self.references(name) if arm.label == label), None)

    def data(self, name: str) -> str:
        """The data set of an experiment."""
        return next(iter(self.experiments[name].arms(preset(self.preset), self.preset).values())).data

    def pictures(self, arm: str) -> Pictures | None:
        """The kept pictures of an arm or reference, by side."""
        path = Store(self.runs).pictures(arm)
        if not path.exists():
            return None
        try:
            with np.load(path) as arrays:
                return {key: arrays[key] for key in arrays.files}
        except (ValueError, EOFError, BadZipFile):
            raise StoreError(f"{path} is broken; remove it to do without these pictures") from None

    def verdicts(self, name: str) -> list[Verdict]:
        """The experiment's claims, judged."""
        arms = {arm.label: arm for arm in [*self.references(name), *self.arms(name)]}

        def values(label: str, metric: str) -> Mapping[int | None, float]:
            return arms[label].values(metric) if label in arms else {}

        return [judge(claim, values, blind=self._is_blind(arms, claim)) for claim in self.experiments[name].claims]

    def _is_blind(self, arms: Mapping[str, Arm], claim: Claim) -> bool:
        """Whether the better of a claim's networks is far worse between the pixels than bilinear interpolation."""
        found = [arms[label] for label in (claim.first, claim.second) if label is not None and label in arms]
        seen = [arm.interval(BETWEEN) for arm in found if arm.recipe is not None]
        known = arms["bilinear"].interval(BETWEEN) if "bilinear" in arms else None
        best = max((measured.mean for measured in seen if measured), default=None)
        return known is not None and best is not None and best < known.mean - BLIND

    def _arm(self, label: str, recipe: Recipe) -> Arm:
        digest = recipe.digest()
        rows = [row for (_, arm, _), row in self.rows.items() if arm == digest]
        rows.sort(key=lambda row: row.seed or 0)
        finished = tuple(row for row in rows if row.status == "finished")
        return Arm(label, recipe, finished, tuple(row for row in rows if row.status != "finished"))


def read(runs: Path) -> Results:
    """The results of the preset with most rows in `runs`; StoreError when there are none.

    Experiments share arms, so one that nobody asked for is shown when all of its arms happen to be there.
    """
    rows = Store(runs).rows()
    counts = Counter(key[0] for key in rows)
    if not counts:
        raise StoreError(f"no results in {runs}")
    ((most, _),) = counts.most_common(1)
    if most not in PRESETS:
        raise StoreError(f"the results in {runs} are of a preset {most!r} that this program does not know")
    chosen = {key: row for key, row in rows.items() if key[0] == most}
    models = [row for row in chosen.values() if row.kind == "model"]
    trained = {row.arm for row in models}
    asked = {row.label.partition(":")[0] for row in models}
    present = {
        item.name: item
        for item in experiments(optional=True)
        if item.name in asked or trained >= {recipe.digest() for recipe in item.arms(preset(most), most).values()}
    }
    return Results(runs, most, chosen, present, tuple(sorted(set(counts) - {most})))
