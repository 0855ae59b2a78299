"""PSNR, and intervals over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

PERFECT = 100.0  # dB that stand for an error of 0, so that means stay finite


def psnr(prediction: Tensor, truth: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB of each image, (M, ...) -> (M,): -10 log10 of the mean squared error.

    The data range is 1. At most PERFECT dB.
    """
    error = (prediction.double() - truth.double()).square().flatten(1).mean(1)
    return (-10 * error.clamp_min(10 ** (-PERFECT / 10)).log10()).float()


@dataclass(frozen=True)
class Interval:
    """A mean of `count` values with the half width of its interval; NaN half width for a single value."""

    mean: float
    half: float
    count: int

    @property
    def low(self) -> float:
        """The lower end."""
        return self.mean - self.half

    @property
    def high(self) -> float:
        """The upper end."""
        return self.mean + self.half


def interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """The mean and its interval: half = t s / sqrt(n) (Student 1908), s with n - 1, t two-sided at `level`."""
    count = len(values)
    if count == 0:
        raise ValueError("an interval needs at least one value")
    mean = math.fsum(values) / count
    if count == 1:
        return Interval(mean, math.nan, 1)
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (count - 1))
    return Interval(mean, student_quantile(count - 1, level) * spread / math.sqrt(count), count)


def paired(first: Sequence[float], second: Sequence[float]) -> Interval:
    """The 95 % interval of first - second, seed by seed: what equal seeds share (data order, start) cancels."""
    if len(first) != len(second):
        raise ValueError(f"paired values need equal numbers of seeds, not {len(first)} and {len(second)}")
    return interval([a - b for a, b in zip(first, second, strict=True)])


def student_quantile(freedom: int, level: float = 0.95) -> float:
    """Student's t with `freedom` >= 1 degrees of freedom, two-sided at `level`, by bisection of its integral.

    The density is integrated after t = sqrt(freedom) tan(a), which makes it cos(a)^(freedom - 1) on a finite range.
    """
    angles = torch.linspace(0, math.pi / 2, 20_001, dtype=torch.float64)
    area = torch.cumulative_trapezoid(angles.cos() ** (freedom - 1), angles)
    index = int(torch.searchsorted(area, level * area[-1]))
    before = float(area[index - 1])
    share = (level * float(area[-1]) - before) / (float(area[index]) - before)
    return math.sqrt(freedom) * math.tan(float(angles[index]) + share * float(angles[1]))
