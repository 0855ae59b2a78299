"""What is fitted: images × number of distinct draws × bandwidth, and the second factors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

ANALYTIC = tuple(f"analytic-{index}" for index in range(8))
PHOTOGRAPHS = (
    "astronaut", "chelsea", "coffee", "rocket", "motorcycle", "china", "flower", "grace_hopper",
)  # fmt: skip
IMAGES = ANALYTIC + PHOTOGRAPHS
SUBSET = ANALYTIC[:4] + PHOTOGRAPHS[:4]  # of the second factors
DRAWS: tuple[int | str, ...] = (0, 1, 20, "all", 3, 10, 100)  # the headline first
BANDS = {"4x": (128, 32), "2x": (64, 24), "1x": (24, 12)}  # name -> σ_l; 4x reaches 4 times the Nyquist of 32 px
STEPS, SIGMA, WIDTH, LEARNING_RATE = 1200, 0.32, 128, 1e-2
EPOCHS = 20  # of the arms that are named after loops: hoisted above the batch loop means one draw an epoch


@dataclass(frozen=True)
class Fit:
    """One network: `schedule` (a name of jitter.SCHEDULES) over `epochs` epochs of `steps` / `epochs` steps each.

    `sigma` in pixels of the image, `bands` a key of BANDS. Equal (image, seed) start from equal weights and see the
    same stream of random numbers in every arm.
    """

    image: str
    seed: int
    schedule: str
    epochs: int
    sigma: float = SIGMA
    bands: str = "4x"
    steps: int = STEPS
    width: int = WIDTH
    learning_rate: float = LEARNING_RATE

    @property
    def batches(self) -> int:
        """Steps of an epoch."""
        return self.steps // self.epochs

    @property
    def draws(self) -> int:
        """Distinct draws in the whole run."""
        return {"none": 0, "outside": self.epochs, "reseeded": self.batches}.get(self.schedule, self.steps)

    @property
    def arm(self) -> str:
        """Everything but image and seed, as a short name that a reader can decode."""
        name = {"none": "none", "outside": f"{self.draws} draws", "reseeded": f"{self.draws} draws in a cycle"}
        short = name.get(self.schedule, self.schedule)
        return f"{short} · {self.sigma:g} px · {self.bands} · {self.steps} steps"

    def key(self) -> str:
        """Equal for equal fits, in every process and version of Python."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]


def dose(image: str, seed: int, draws: int | str, **factors: Any) -> Fit:
    """The fit with that number of distinct draws, each held for an equal share of the steps; "all": one a step."""
    steps = int(factors.get("steps", STEPS))
    if draws == 0:
        return Fit(image, seed, "none", EPOCHS, **factors)
    if draws == "all":
        return Fit(image, seed, "inside", EPOCHS, **factors)
    if steps % int(draws):
        raise ValueError(f"{steps} steps cannot be shared equally by {draws} draws")
    return Fit(image, seed, "outside", int(draws), **factors)


def committed() -> Iterator[Fit]:
    """The committed run, most important first."""
    for bands in BANDS:
        for draws in DRAWS:
            yield from (dose(image, 0, draws, bands=bands) for image in IMAGES)
    yield from (Fit(image, 0, "reseeded", STEPS // EPOCHS) for image in IMAGES)
    yield from (Fit(image, 0, "accumulating", EPOCHS) for image in IMAGES)
    yield from (Fit(image, 0, "clamped", EPOCHS) for image in SUBSET)
    for seed in (1, 2):  # the spread over seeds
        for draws in (0, "all"):
            yield from (dose(image, seed, draws) for image in SUBSET)
    for sigma in (0.16, 0.64):
        for draws in (1, 10, 100, "all"):
            yield from (dose(image, 0, draws, sigma=sigma) for image in SUBSET)
    for steps in (400, 3600):
        for draws in (1, 10, 100, "all"):
            yield from (dose(image, 0, draws, steps=steps) for image in SUBSET)
    for draws in (3, 10, 100):
        yield from (Fit(image, 0, "reseeded", STEPS // draws) for image in SUBSET)


def quick() -> Iterator[Fit]:
    """The headline in three minutes on two cores: all numbers of draws on four images."""
    for image in ("analytic-0", "analytic-1", "astronaut", "chelsea"):
        yield from (dose(image, 0, draws) for draws in DRAWS)


def smoke() -> Iterator[Fit]:
    """Seconds, for tests: its numbers mean nothing."""
    for image in ("analytic-0", "chelsea"):
        yield from (dose(image, 0, draws, steps=20, width=16) for draws in (0, 1, 10, "all"))


PRESETS = {"committed": committed, "quick": quick, "smoke": smoke}
