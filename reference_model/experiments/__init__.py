"""The experiments on networks that serve many images, one file for each question."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reference_model.recipe import Recipe

NAMES = ("sight", "position", "antialiasing", "multiscale", "patches", "bottleneck", "cifar10")
OPTIONAL = frozenset({"cifar10"})  # needs files that are not part of a package: `all` leaves it out


@dataclass(frozen=True)
class Experiment:
    """A question and the arms that answer it (label -> recipe); `metrics` are the columns of its table.

    Arms of different experiments with equal recipes are trained once.
    """

    name: str
    question: str
    arms: Callable[[Recipe, str], dict[str, Recipe]]
    metrics: Sequence[str]


def experiment(name: str) -> Experiment:
    """The experiment of that name; KeyError when there is none."""
    if name not in NAMES:
        raise KeyError(name)
    module = importlib.import_module(f"{__name__}.{name}")
    return Experiment(name, module.QUESTION, module.arms, module.METRICS)


def experiments(*, optional: bool = False) -> list[Experiment]:
    """Those of `all`, in the order of the report; with `optional`, every one."""
    return [experiment(name) for name in NAMES if optional or name not in OPTIONAL]
