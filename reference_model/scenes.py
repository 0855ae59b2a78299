"""Analytic images: exact values of points and of box pixels at any coordinates.

A scene is a constant plus a sum of parts, each with one colour: cosines with amplitudes 1/f^p (the spectrum of
natural images), discs and edges (which have energy at every frequency). A *box pixel* is the average over a
square, which is what an area sensor and an area down-sampling record. All formulas are exact:

* cosine of frequency f over a box of side s: the cosine at the centre times sinc(f_y s) sinc(f_x s);
* edge n·x <= c: the area of a half-plane in a square, the second difference of (.)²₊ / (2 n_y n_x);
* disc: inclusion and exclusion of quadrant areas, each an integral of sqrt(r² - x²).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from reference_model.grids import pixel_grid

COSINES, DISCS, EDGES = 24, 3, 2
HIGHEST = 60.0  # cycles/image of the fastest cosine; 128 px hold 64
CHUNK = 2**24  # numbers computed at once


@dataclass(frozen=True)
class Scenes:
    """M scenes, float64. Frequencies are in cycles/image, order (y, x); colours are RGB.

    `base` (M, 3); cosines: `frequency` (M, K, 2), `phase` (M, K), `wave` (M, K, 3); discs: `centre` (M, D, 2),
    `radius` (M, D), `fill` (M, D, 3); edges: `normal` (M, E, 2), `offset` (M, E), `side` (M, E, 3).
    """

    base: Tensor
    frequency: Tensor
    phase: Tensor
    wave: Tensor
    centre: Tensor
    radius: Tensor
    fill: Tensor
    normal: Tensor
    offset: Tensor
    side: Tensor

    def values(self, coords: Tensor, aperture: float) -> Tensor:
        """Averages over boxes of side `aperture` (in [0, 1]; 0: point values) around coords (Q, 2): (M, Q, 3)."""
        rows = []
        step = max(1, CHUNK // max(1, len(coords) * (self.frequency.shape[1] + 8)))
        for start in range(0, len(self.base), step):
            part = Scenes(*(value[start : start + step] for value in vars(self).values()))
            rows.append(part._values(coords.double().to(self.base.device), aperture).float())
        return torch.cat(rows)

    def _values(self, coords: Tensor, aperture: float) -> Tensor:
        angles = 2 * math.pi * (coords @ self.frequency.transpose(1, 2)) + self.phase.unsqueeze(1)  # (M, Q, K)
        wave = self.wave * torch.sinc(self.frequency * aperture).prod(-1, keepdim=True)
        values = self.base.unsqueeze(1) + angles.cos() @ wave
        relative = coords[None, :, None] - self.centre.unsqueeze(1)  # (M, Q, D, 2)
        values = values + disc_share(relative, self.radius.unsqueeze(1), aperture) @ self.fill
        distance = self.offset.unsqueeze(1) - coords @ self.normal.transpose(1, 2)  # (M, Q, E)
        return values + edge_share(distance, self.normal.unsqueeze(1), aperture) @ self.side


def edge_share(distance: Tensor, normal: Tensor, aperture: float) -> Tensor:
    """The share of a box of side `aperture` that lies in a half-plane.

    `distance` (...) from the box centre to the border, positive inside; `normal` (..., 2) of unit length with no
    component near 0. The area of {n·u <= t} in the square |u_y|, |u_x| <= h is the mixed second difference of
    (t)²₊ / (2 |n_y| |n_x|), since that is the twofold integral of a step along the axes.
    """
    if aperture == 0:
        return (distance >= 0).to(distance.dtype)
    half = normal.abs() * (aperture / 2)
    a, b = half[..., 0], half[..., 1]

    def squared(t: Tensor) -> Tensor:
        return t.clamp_min(0).square()

    area = squared(distance + a + b) - squared(distance + a - b) - squared(distance - a + b) + squared(distance - a - b)
    return (area / (8 * a * b)).clamp(0, 1)


def disc_share(relative: Tensor, radius: Tensor, aperture: float) -> Tensor:
    """The share of a box of side `aperture` that lies in a disc; `relative` (..., 2) is box centre - disc centre."""
    if aperture == 0:
        return (relative.square().sum(-1) <= radius.square()).to(relative.dtype)
    low, high = relative - aperture / 2, relative + aperture / 2
    area = (
        _quadrant(high[..., 0], high[..., 1], radius)
        - _quadrant(low[..., 0], high[..., 1], radius)
        - _quadrant(high[..., 0], low[..., 1], radius)
        + _quadrant(low[..., 0], low[..., 1], radius)
    )
    return (area / aperture**2).clamp(0, 1)


def _quadrant(y: Tensor, x: Tensor, radius: Tensor) -> Tensor:
    """The area of {Y <= y, X <= x} within a disc of `radius` around 0.

    A column at X holds the chord from -h to h, h = sqrt(r² - X²); the part below y is 0 or 2h where h <= |y|
    (|X| beyond a = sqrt(r² - y²)) and y + h elsewhere.
    """
    y, x = torch.minimum(torch.maximum(y, -radius), radius), torch.minimum(torch.maximum(x, -radius), radius)
    a = (radius.square() - y.square()).clamp_min(0).sqrt()
    middle = torch.minimum(torch.maximum(x, -a), a)  # where the columns from -a to x end
    inner = y * (middle + a) + _under_arc(middle, radius) - _under_arc(-a, radius)
    outer = _under_arc(torch.minimum(x, -a), radius) - _under_arc(-radius, radius)
    outer = outer + _under_arc(torch.maximum(x, a), radius) - _under_arc(a, radius)
    return inner + torch.where(y > 0, 2 * outer, torch.zeros_like(outer))


def _under_arc(x: Tensor, radius: Tensor) -> Tensor:
    """The integral of sqrt(r² - x²) from 0 to x: (x sqrt(r² - x²) + r² asin(x/r)) / 2."""
    root = (radius.square() - x.square()).clamp_min(0).sqrt()
    return (x * root + radius.square() * torch.asin((x / radius).clamp(-1, 1))) / 2


def natural(count: int, seed: int, device: torch.device | str = "cpu") -> Scenes:
    """Scenes with the spectrum and the edges of natural images: values in [0, 1], from `seed` alone.

    What is drawn is the same on every `device`; it is where the scenes are computed (a GPU renders 50,000 in seconds).
    """
    generator = torch.Generator().manual_seed(seed)

    def uniform(*shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        return low + (high - low) * torch.rand(*shape, generator=generator, dtype=torch.float64)

    frequency = HIGHEST ** uniform(count, COSINES)
    # Frequencies are drawn evenly by octave; the 1/f² power of natural images has equal energy in each octave, so
    # p = 0 would be that, and a little more makes bicubic interpolation as good as it is on photographs.
    power = uniform(count, 1, low=0.1, high=0.5)
    direction = uniform(count, COSINES, high=2 * math.pi)
    slope = uniform(count, EDGES, low=0.15, high=math.pi / 2 - 0.15) + math.pi / 2 * torch.randint(
        4, (count, EDGES), generator=generator
    )  # never along an axis, where the formula of an edge divides by 0
    through = uniform(count, EDGES, 2, low=0.2, high=0.8)
    normal = torch.stack([slope.sin(), slope.cos()], -1)
    colour = _colours(generator, count, COSINES + DISCS + EDGES)
    scenes = Scenes(
        base=torch.zeros(count, 3, dtype=torch.float64),
        frequency=frequency.unsqueeze(-1) * torch.stack([direction.sin(), direction.cos()], -1),
        phase=uniform(count, COSINES, high=2 * math.pi),
        wave=colour[:, :COSINES] * (frequency**-power).unsqueeze(-1),
        centre=uniform(count, DISCS, 2),
        radius=uniform(count, DISCS, low=0.05, high=0.3),
        fill=colour[:, COSINES : COSINES + DISCS] * uniform(count, DISCS, 1, low=0.2, high=0.8),
        normal=normal,
        offset=(normal * through).sum(-1),
        side=colour[:, COSINES + DISCS :] * uniform(count, EDGES, 1, low=0.2, high=0.8),
    )
    return _within_unit_range(Scenes(**{name: value.to(device) for name, value in vars(scenes).items()}))


def gratings(count: int, seed: int) -> Scenes:
    """Smooth scenes under one fast grating each, 18 to 28 cycles/image: above the Nyquist (16) of 32 px.

    The grating is the last cosine. Point samples at 32 px turn it into a moiré of 4 to 14 cycles/image.
    """
    generator = torch.Generator().manual_seed(seed)
    smooth = natural(count, seed + 1)
    slow = smooth.frequency.norm(dim=-1) <= 8
    cycles = 18 + 10 * torch.rand(count, generator=generator, dtype=torch.float64)
    horizontal = torch.rand(count, generator=generator) < 0.5
    along, across = cycles, 3 * torch.rand(count, generator=generator, dtype=torch.float64)
    fast = torch.where(horizontal.unsqueeze(-1), torch.stack([across, along], -1), torch.stack([along, across], -1))
    phase = 2 * math.pi * torch.rand(count, 1, generator=generator, dtype=torch.float64)
    scenes = Scenes(
        base=smooth.base,
        frequency=torch.cat([smooth.frequency, fast.unsqueeze(1)], 1),
        phase=torch.cat([smooth.phase, phase], 1),
        wave=torch.cat([smooth.wave * slow.unsqueeze(-1), 0.2 * torch.ones(count, 1, 3, dtype=torch.float64)], 1),
        centre=smooth.centre,
        radius=smooth.radius,
        fill=smooth.fill * 0,
        normal=smooth.normal,
        offset=smooth.offset,
        side=smooth.side * 0,
    )
    return _within_unit_range(scenes)


def _colours(generator: torch.Generator, count: int, parts: int) -> Tensor:
    """Mostly grey, signed colours (count, parts, 3): the channels of natural images go together."""
    grey = torch.randn(count, parts, 1, generator=generator, dtype=torch.float64)
    return grey + 0.3 * torch.randn(count, parts, 3, generator=generator, dtype=torch.float64)


def _within_unit_range(scenes: Scenes) -> Scenes:
    """Scaled to [0.05, 0.95] on a 128 px lattice of points, so that no value in between leaves [0, 1]."""
    points = scenes.values(pixel_grid(128), 0.0).double()
    low, high = points.amin((1, 2)), points.amax((1, 2))
    scale = (0.9 / (high - low)).reshape(-1, 1, 1)
    scaled = {name: getattr(scenes, name) * scale for name in ("wave", "fill", "side")}
    base = (scenes.base - low.unsqueeze(-1)) * scale.squeeze(-1) + 0.05
    return Scenes(**{**vars(scenes), **scaled, "base": base})
