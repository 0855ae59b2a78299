"""Which regular lattice, if any, coordinates come from: `fit_grid`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

EXACT_TOLERANCE = 0.01  # pitches
JITTERED_TOLERANCE = 0.25  # pitches by which the averaged lattice may be off and still be recognised
LARGEST_TOLERANCE = 0.5  # pitches; beyond it neighbours cannot be told apart
STANDARD_ERRORS = 5.0  # of an average by which it may be off besides: a single draw of a small lattice averages little
LARGEST_JITTER = 3.0  # pitches of root-mean-square deviation above which index and position are unrelated
MAX_FACTORISATIONS = 200


@dataclass(frozen=True)
class Grid:
    """A regular lattice that coordinates were fitted to.

    `sizes` are the numbers of nodes along the tensor's grid dimensions; `order` says which component of a
    coordinate varies along them: "yx" (component k along dimension k) or "xy" (reversed). `convention` is
    "cell" (i + 0.5)/n, "corner" i/(n - 1), "left" i/n, or "regular" for any other equidistant nodes;
    `domain` is (0, 1), (-1, 1), (0, n) for pixel units, or the outer nodes of a "regular" lattice.
    `pitch` and `origin` (first node) are in coordinate units, one per grid dimension. `std` is the
    root-mean-square deviation of the coordinates from the nodes in units, `std_pixels` in pitches, and
    `largest` the largest deviation in pitches.
    """

    sizes: tuple[int, ...]
    order: str
    convention: str
    domain: tuple[float, float]
    pitch: tuple[float, ...]
    origin: tuple[float, ...]
    std: float
    std_pixels: float
    largest: float
    exact: bool

    def nodes(self) -> Tensor:
        """The clean lattice, float64 of shape (*sizes, dimensions), components in the order of the tensor."""
        axes = [
            origin + pitch * torch.arange(size, dtype=torch.float64, device="cpu")
            for size, pitch, origin in zip(self.sizes, self.pitch, self.origin, strict=True)
        ]
        mesh = torch.meshgrid(*axes, indexing="ij")
        return torch.stack(mesh if self.order == "yx" else mesh[::-1], dim=-1)

    def arrange(self, coords: Tensor) -> Tensor:
        """Coordinates of the fitted tensor's layout as float64 of shape (samples, *sizes, dimensions)."""
        dimensions = len(self.sizes)
        if coords.shape[-1] != dimensions:
            coords = coords.movedim(-dimensions - 1, -1)
        return coords.reshape(-1, *self.sizes, dimensions).double()

    def __str__(self) -> str:
        low, high = self.domain
        size = "×".join(map(str, self.sizes))
        place = {"cell": "cell-centred", "corner": "corner-aligned", "left": "left-aligned", "regular": "regular"}
        return f"{size} {place[self.convention]} in [{low:g}, {high:g}], order {self.order}"


@dataclass(frozen=True)
class _Line:
    """A least-squares line through the averages along one grid dimension."""

    pitch: float
    origin: float
    residual: float  # largest distance of an average from the line, in pitches


def fit_grid(coords: Tensor) -> Grid | None:
    """The regular lattice of 1 to 3 dimensions that `coords` lie on or were jittered around, or None.

    `coords` is a real tensor with coordinates in the last dimension, (..., n1, ..., nD, D) or flattened
    (..., n1*...*nD, D), or channels first, (..., D, n1, ..., nD). All leading dimensions are samples and
    are averaged. Conventions tried: cell, corner and left-aligned nodes on [0, 1], [-1, 1] and pixel units,
    both orders of components. Jitter up to about 3 pitches is tolerated when enough coordinates average it.
    """
    if coords.numel() == 0 or coords.is_complex():
        return None
    fits = [fit for layout in _layouts(coords.cpu().double()) if (fit := _fit(layout, coords.dtype)) is not None]
    return min(fits, key=lambda fit: fit.std_pixels, default=None)


def _layouts(coords: Tensor) -> Iterator[Tensor]:
    """Every way to read the tensor as (samples, n1, ..., nD, D)."""
    if coords.ndim >= 2 and 1 <= coords.shape[-1] <= 3:
        yield from _channels_last(coords)
    for dimensions in (2, 3):
        if coords.ndim > dimensions and coords.shape[-dimensions - 1] == dimensions:
            moved = coords.movedim(-dimensions - 1, -1)
            yield moved.reshape(-1, *moved.shape[-dimensions - 1 :])


def _channels_last(coords: Tensor) -> Iterator[Tensor]:
    dimensions = coords.shape[-1]
    if coords.ndim > dimensions:
        yield coords.reshape(-1, *coords.shape[-dimensions - 1 :])
    if dimensions > 1:
        for sizes in _factorisations(coords.shape[-2], dimensions):
            yield coords.reshape(-1, *sizes, dimensions)


def _factorisations(count: int, dimensions: int) -> list[tuple[int, ...]]:
    """Ways to write `count` as a product of `dimensions` factors of at least 2, the squarest first."""
    divisors = [d for d in range(2, math.isqrt(count) + 1) if count % d == 0]
    divisors += [count // d for d in divisors]
    found = {
        (*sizes, last)
        for sizes in itertools.product(set(divisors), repeat=dimensions - 1)
        if (last := count // math.prod(sizes)) >= 2 and math.prod(sizes) * last == count
    }
    return sorted(found, key=lambda sizes: max(sizes) / min(sizes))[:MAX_FACTORISATIONS]


def _fit(layout: Tensor, dtype: torch.dtype) -> Grid | None:
    sizes, dimensions = tuple(layout.shape[1:-1]), layout.shape[-1]
    if min(sizes) < 2 or len(sizes) != dimensions:
        return None
    points = layout
    average = points.mean(0)
    fits = [_fit_order(points, average, order, dtype) for order in (("yx", "xy") if dimensions > 1 else ("yx",))]
    return min((fit for fit in fits if fit is not None), key=lambda fit: fit.std_pixels, default=None)


def _fit_order(points: Tensor, average: Tensor, order: str, dtype: torch.dtype) -> Grid | None:
    dimensions = average.shape[-1]
    lines = []
    for axis in range(dimensions):
        values = average[..., axis if order == "yx" else dimensions - 1 - axis]
        line = _fit_line(_along(values, axis))
        if line is None:
            return None
        noise = STANDARD_ERRORS * _standard_error(values, axis) / abs(line.pitch)
        tolerance = min(JITTERED_TOLERANCE + noise, LARGEST_TOLERANCE) + _rounding(values, dtype) / abs(line.pitch)
        if line.residual > tolerance or _crosswise(values, axis) > tolerance * abs(line.pitch):
            return None
        lines.append(line)
    return _choose(points, lines, order, dtype)


def _choose(points: Tensor, lines: list[_Line], order: str, dtype: torch.dtype) -> Grid | None:
    """Exact lattices get a name only if it fits exactly; jittered ones the nearest name."""
    sizes = tuple(points.shape[1:-1])
    plain = _measure(points, _regular(lines, sizes, order), dtype)
    if plain is None:
        return None
    named = _snap(lines, sizes, order, EXACT_TOLERANCE if plain.exact else JITTERED_TOLERANCE)
    return plain if named is None else _measure(points, named, dtype)


def _along(values: Tensor, axis: int) -> Tensor:
    """The averages over all grid dimensions but one."""
    others = [dim for dim in range(values.ndim) if dim != axis]
    return values.mean(others) if others else values


def _standard_error(values: Tensor, axis: int) -> float:
    """The standard error of the averages `_along(values, axis)`, from the spread of the averaged values."""
    rows = values.movedim(axis, 0).flatten(1) if values.ndim > 1 else values.unsqueeze(1)
    return float((rows - rows.mean(1, keepdim=True)).square().mean().sqrt()) / math.sqrt(rows.shape[1])


def _crosswise(values: Tensor, axis: int) -> float:
    """How far a component moves along the dimensions that it should not depend on."""
    rows = [_along(values, dim) for dim in range(values.ndim) if dim != axis]
    return max((float((row - row.mean()).abs().max()) for row in rows), default=0.0)


def _fit_line(averages: Tensor) -> _Line | None:
    n = averages.numel()
    index = torch.arange(n, dtype=torch.float64, device="cpu") - (n - 1) / 2
    pitch = float((index * averages).sum() / (index * index).sum())
    if not math.isfinite(pitch) or abs(pitch) < 1e-9:
        return None
    middle = float(averages.mean())
    residual = float((averages - middle - pitch * index).abs().max()) / abs(pitch)
    return _Line(pitch, middle - pitch * (n - 1) / 2, residual)


def _conventions(n: int) -> Iterator[tuple[str, tuple[float, float], float, float]]:
    """(convention, domain, pitch, origin) of every named lattice of n nodes."""
    for low, high in ((0.0, 1.0), (-1.0, 1.0), (0.0, float(n))):
        span = high - low
        yield "cell", (low, high), span / n, low + span / n / 2
        yield "corner", (low, high), span / (n - 1), low
        yield "left", (low, high), span / n, low


def _grid(
    sizes: tuple[int, ...], order: str, convention: str, domain: tuple[float, float],
    pitch: tuple[float, ...], origin: tuple[float, ...],
) -> Grid:  # fmt: skip
    return Grid(sizes, order, convention, domain, pitch, origin, 0.0, 0.0, 0.0, False)


def _regular(lines: list[_Line], sizes: tuple[int, ...], order: str) -> Grid:
    """The lattice of the fitted lines themselves."""
    pitch, origin = tuple(line.pitch for line in lines), tuple(line.origin for line in lines)
    ends = [o + p * (n - 1) for o, p, n in zip(origin, pitch, sizes, strict=True)]
    return _grid(sizes, order, "regular", (min(*origin, *ends), max(*origin, *ends)), pitch, origin)


def _snap(lines: list[_Line], sizes: tuple[int, ...], order: str, tolerance: float) -> Grid | None:
    """The lattice of one named convention within `tolerance` pitches of all lines, if there is one."""
    choices = [_named(line, n, tolerance) for line, n in zip(lines, sizes, strict=True)]
    named = [choice for choice in choices if choice is not None]
    if len(named) < len(lines):
        return None
    kinds = {(c[0], None if c[1] == (0.0, float(n)) else c[1]) for c, n in zip(named, sizes, strict=True)}
    if len(kinds) > 1:
        return None
    convention, domain = named[0][0], max(choice[1] for choice in named)
    return _grid(sizes, order, convention, domain, tuple(c[2] for c in named), tuple(c[3] for c in named))


def _named(line: _Line, n: int, tolerance: float) -> tuple[str, tuple[float, float], float, float] | None:
    def distance(choice: tuple[str, tuple[float, float], float, float]) -> float:
        _, _, pitch, origin = choice
        last = origin + pitch * (n - 1) - line.origin - line.pitch * (n - 1)
        return max(abs(origin - line.origin), abs(last)) / pitch

    best = min(_conventions(n), key=distance)
    return best if distance(best) <= tolerance else None


def _measure(points: Tensor, grid: Grid, dtype: torch.dtype) -> Grid | None:
    """Fill in the deviations; None when index and position turn out to be unrelated."""
    deviation = points - grid.nodes()
    pitches = torch.tensor(
        grid.pitch if grid.order == "yx" else grid.pitch[::-1], dtype=torch.float64, device="cpu"
    ).abs()
    pixels = deviation / pitches
    std_pixels = float(pixels.square().mean().sqrt())
    if not std_pixels <= LARGEST_JITTER:
        return None
    exact = float(deviation.abs().max()) <= rounding_error(dtype, grid.domain) + 1e-6 * float(pitches.min())
    std = float(deviation.square().mean().sqrt())
    return Grid(
        grid.sizes, grid.order, grid.convention, grid.domain, grid.pitch, grid.origin,
        std, std_pixels, float(pixels.abs().max()), exact,
    )  # fmt: skip


def _rounding(values: Tensor, dtype: torch.dtype) -> float:
    return rounding_error(dtype, (float(values.min()), float(values.max())))


def rounding_error(dtype: torch.dtype, domain: tuple[float, float]) -> float:
    """How far a computed lattice node may be from its true place: one rounding, or a few in float32 and 64."""
    if not dtype.is_floating_point:
        return 0.0
    roundings = 0.75 if dtype.itemsize <= 2 else 8.0
    return roundings * torch.finfo(dtype).eps * max(map(abs, domain))
