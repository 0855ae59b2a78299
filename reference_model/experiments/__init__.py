"""The experiments, one file for each question of the seed document."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reference_model.claims import Claim
from reference_model.recipe import Recipe

NAMES = (
    "single_image", "position", "spectrum", "subpixel", "robustness", "dose", "bugs", "photographs", "antialiasing",
    "multiscale", "progressive", "patches", "adversarial", "bottleneck", "cifar10",
)  # fmt: skip
OPTIONAL = frozenset({"cifar10"})  # needs files that are not part of a package: `all` leaves it out


@dataclass(frozen=True)
class Experiment:
    """A question, the arms that answer it (label -> recipe), the claims they test, and what its figures show.

    Arms of different experiments with equal recipes are trained once. `metrics` are the columns of its table,
    `figure` names the kind of its figure: "bars", "pictures", "spectrum", "shifts", "robustness" or "dose".
    """

    name: str
    question: str
    arms: Callable[[Recipe, str], dict[str, Recipe]]
    claims: Sequence[Claim]
    metrics: Sequence[str]
    figure: str


def experiment(name: str) -> Experiment:
    """The experiment of that name; KeyError when there is none."""
    if name not in NAMES:
        raise KeyError(name)
    module = importlib.import_module(f"{__name__}.{name}")
    return Experiment(name, module.QUESTION, module.arms, module.CLAIMS, module.METRICS, module.FIGURE)


def experiments(*, optional: bool = False) -> list[Experiment]:
    """Those of `all`, in the order of the report; with `optional`, every one."""
    return [experiment(name) for name in NAMES if optional or name not in OPTIONAL]
