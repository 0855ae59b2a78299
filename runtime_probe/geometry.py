"""What the coordinates look like: lattice, jitter size, and the properties behind the flags."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from runtime_probe.grids import Grid, fit_grid, rounding_error
from runtime_probe.verdict import Flag

FAR = 2.0  # pitches outside the domain: beyond what a sub-pixel jitter of border nodes does
FAR_SHARE = 1e-3
ANOTHER_DOMAIN = 0.6  # share outside [-1, 1] from which on that was never the domain
MEASURED = 12  # different snapshots that are enough to measure a jitter
FIRST = 8  # batches from the start that are all copied: enough for a walk to show
INDEPENDENT = 0.25  # of the squared distance of independent draws; a jitter of a tenth of the domain reaches 0.12
BY_CHANCE = 0.01  # of the drawn points may be where they were in the batch before: a corner, or a coarse format
MOST_COMPONENTS = 4  # of a point: x, y, z, t
LARGEST_LATTICE = 8192  # nodes per axis up to which unordered values are recognised as lattice points


@dataclass(frozen=True)
class Snapshot:
    """A copy of the coordinates of one batch. `batch` counts from 0 in the series, `epoch` in the run."""

    batch: int
    epoch: int
    coords: Tensor
    shared: bool = False  # the batch dimension was expanded: one set of coordinates for all samples


@dataclass(frozen=True)
class Geometry:
    """Measured on snapshots of one series.

    `std` is the jitter's root-mean-square in coordinate units, `std_pixels` in pitches; both None when the
    lattice under the jitter could not be recognised. `change_rate` is the share of coordinate values that
    differ between consecutive batches, and `full_change` what a full fresh draw reaches in this number
    format; `fixed_points` of the points are the same in every batch beside others that are drawn over the whole
    domain, and do not count in it. `clean`: the coordinates are a regular lattice. `on_lattice`: all are points of
    one lattice. `scatter` are up to 256 deviations in pixels (component 0, component 1) for drawing.
    """

    grid: Grid | None
    clean: bool
    on_lattice: bool
    std: float | None
    std_pixels: float | None
    change_rate: float | None
    full_change: float
    flags: frozenset[Flag]
    low: float
    high: float
    dtype: str
    scatter: tuple[tuple[float, float], ...] = ()
    fixed_points: int = 0


def measure(snapshots: Sequence[Snapshot]) -> Geometry | None:
    """Measure a series; None when there is nothing to measure (no snapshots, or empty or complex ones)."""
    usable = [snapshot for snapshot in snapshots if snapshot.coords.numel() and not snapshot.coords.is_complex()]
    if not usable:
        return None
    usable = [replace(snapshot, coords=snapshot.coords.cpu()) for snapshot in usable]
    tensors = _different([snapshot.coords for snapshot in usable])[:MEASURED]
    values = torch.stack([tensor.double() for tensor in tensors])
    finite = bool(values.isfinite().all())
    dtype = usable[0].coords.dtype
    grid = fit_grid(values.to(dtype)) if finite else None
    clean = grid is not None and grid.exact
    std = grid.std if grid is not None else None
    components = _components(values, grid) if finite else []
    fixed = _fixed_points(usable) if finite and grid is None else None
    flags = _flags(usable, values, grid, dtype, finite)
    return Geometry(
        grid=grid,
        clean=clean,
        on_lattice=clean or (bool(components) and all(_is_lattice(c, dtype) for c in components)),
        std=std,
        std_pixels=grid.std_pixels if grid is not None else None,
        change_rate=_change_rate(usable, fixed),
        full_change=_full_change(values, std, dtype),
        flags=frozenset(flags),
        low=float(values[values.isfinite()].min()) if bool(values.isfinite().any()) else math.nan,
        high=float(values[values.isfinite()].max()) if bool(values.isfinite().any()) else math.nan,
        dtype=str(dtype).removeprefix("torch."),
        scatter=_scatter(values, grid),
        fixed_points=0 if fixed is None else int(fixed.sum()),
    )


def _different(tensors: list[Tensor]) -> list[Tensor]:
    """The tensors without the equal ones, so that a value held for long does not outweigh the others."""
    kept: list[Tensor] = []
    for tensor in tensors:
        if not any(torch.equal(tensor, other) for other in kept[-8:]):
            kept.append(tensor)
    return kept


def _components(values: Tensor, grid: Grid | None) -> list[Tensor]:
    """The values of each coordinate component, flat."""
    if grid is not None:
        values = grid.arrange(values)
    if values.shape[-1] > 3:
        return [values.reshape(-1)]
    return [values[..., k].reshape(-1) for k in range(values.shape[-1])]


def _is_lattice(values: Tensor, dtype: torch.dtype) -> bool:
    """True when the values are all points of one coarse one-dimensional lattice."""
    nodes = values.unique()
    gap = rounding_error(dtype, (float(nodes[0]), float(nodes[-1]))) * 2
    steps = nodes.diff()
    steps = steps[steps > max(gap, 1e-7 * float(nodes[-1] - nodes[0]))]
    if values.numel() < 16 or steps.numel() < 3:
        return False
    multiples = (nodes - nodes[0]) / steps.min()
    resolvable = 1 / (2 * torch.finfo(dtype).eps) if dtype.is_floating_point else math.inf
    if float(multiples[-1]) > min(LARGEST_LATTICE, resolvable):
        return False
    off = float((multiples - multiples.round()).abs().max()) * float(steps.min())
    return off <= max(gap * 2, 0.01 * float(steps.min()))


def _pairs(snapshots: Sequence[Snapshot]) -> list[tuple[Tensor, Tensor]]:
    """Snapshots of consecutive batches; equal ones are two forwards of one batch."""
    return [
        (a.coords, b.coords)
        for a, b in itertools.pairwise(snapshots)
        if b.batch == a.batch + 1 and a.coords.shape == b.coords.shape and not torch.equal(a.coords, b.coords)
    ]


def _fixed_points(snapshots: Sequence[Snapshot]) -> Tensor | None:
    """Which points (N,) of (..., N, d) coordinates are fixed ones put beside others that are drawn over the domain.

    A boundary, or places where data was measured, are whole points that never move, at the same positions of the
    tensor in every sample. The others are independent from batch to batch, E|a - b|² = 2 Var(a); jitter, which stays
    near its place, is far below that. None when the points are not of these two kinds.
    """
    pairs = [pair for pair in _pairs(snapshots) if pair[0].shape == snapshots[0].coords.shape]
    if not pairs or snapshots[0].coords.ndim < 2:
        return None
    stays = torch.stack([(a == b).all(-1) for a, b in pairs]).flatten(0, -2)
    fixed = stays.all(0)
    if not bool(fixed.any()) or bool(fixed.all()) or float(stays[:, ~fixed].double().mean()) > BY_CHANCE:
        return None
    before, after = (torch.stack(side)[..., ~fixed, :].double().flatten(0, -2) for side in zip(*pairs, strict=True))
    wander = (after - before).square().mean(0)
    independent = 2 * torch.cat([before, after]).var(0)
    return fixed if bool((wander >= INDEPENDENT * independent).all()) else None


def _change_rate(snapshots: Sequence[Snapshot], fixed: Tensor | None) -> float | None:
    """The share of values that change. `fixed` points do not count, nor what stays on an edge of the domain or of the
    box of all points: a clamp holds values there, and points drawn on a boundary move along it."""
    pairs = _pairs(snapshots)
    edges = _edges([coords for pair in pairs for coords in pair])
    changed = counted = 0
    for before, after in pairs:
        different = before != after
        on_edge = (before == 0) | (before.abs() == 1) | (before == edges[0]) | (before == edges[1])
        held = ~different & on_edge
        if fixed is not None:
            held |= fixed[:, None]
        changed += int(different.sum())
        counted += before.numel() - int(held.sum())
    return changed / counted if counted else None


def _edges(tensors: Sequence[Tensor]) -> Tensor:
    """The least and the greatest value of each component, (2, d); nan, which equals nothing, where they are one."""
    if not tensors:
        return torch.empty(2, 0)
    width = tensors[0].shape[-1] if tensors[0].ndim > 1 and tensors[0].shape[-1] <= MOST_COMPONENTS else 1
    values = torch.cat([tensor.reshape(-1, width) for tensor in tensors])
    found = torch.stack([values.amin(0), values.amax(0)])
    return torch.where(found[0] < found[1], found.double(), math.nan)


def _full_change(values: Tensor, std: float | None, dtype: torch.dtype) -> float:
    """The change rate of a full fresh draw: in a coarse format some draws land on the same number."""
    if std is None or std == 0 or not dtype.is_floating_point:
        return 0.99
    quantum = _coarseness(values, dtype) * float(values.abs().max())
    return max(0.0, 0.99 - quantum / (2 * std))


def _coarseness(values: Tensor, dtype: torch.dtype) -> float:
    """The machine epsilon of the coarsest format that holds all the values exactly."""
    formats = [torch.bfloat16, torch.float16, torch.float32]
    fitting = [torch.finfo(f).eps for f in formats if torch.equal(values.to(f).double(), values)]
    return max([torch.finfo(dtype).eps, *fitting])


def _flags(
    snapshots: Sequence[Snapshot], values: Tensor, grid: Grid | None, dtype: torch.dtype, finite: bool
) -> set[Flag]:
    flags = set()
    if not finite:
        flags.add(Flag.NON_FINITE)
    if _shared(snapshots, grid) and not (grid is not None and grid.exact):
        flags.add(Flag.SHARED_IN_BATCH)
    if finite and _far_outside(values, grid):
        flags.add(Flag.OUT_OF_DOMAIN)
    if finite and grid is not None and not grid.exact and _clamped(values, grid):
        flags.add(Flag.CLAMPED)
    if finite and grid is not None and dtype.is_floating_point and _quantised(values, grid, dtype):
        flags.add(Flag.QUANTISED)
    if drifts(snapshots):
        flags.add(Flag.DRIFT)
    return flags


def _shared(snapshots: Sequence[Snapshot], grid: Grid | None) -> bool:
    if all(snapshot.shared for snapshot in snapshots):
        return True
    samples = [grid.arrange(s.coords) if grid else s.coords for s in snapshots if s.coords.ndim > 2]
    return bool(samples) and all(len(s) > 1 and bool((s == s[:1]).all()) for s in samples)


def _far_outside(values: Tensor, grid: Grid | None) -> bool:
    """More than a few coordinates farther outside than jittered border nodes go."""
    low, high = grid.domain if grid is not None else (-1.0, 1.0)
    margin = FAR * max(map(abs, grid.pitch)) if grid is not None else 0.1
    outside = float(((values < low - margin) | (values > high + margin)).double().mean())
    if grid is None and outside > ANOTHER_DOMAIN:
        return False
    return outside > FAR_SHARE


def _clamped(values: Tensor, grid: Grid) -> bool:
    """Border nodes that sit exactly on the edge now and then, and never beyond it."""
    points = grid.arrange(values)
    for axis in range(len(grid.sizes)):
        component = axis if grid.order == "yx" else len(grid.sizes) - 1 - axis
        along = points[..., component].movedim(axis + 1, 0)
        for border, edge in ((along[0], grid.domain[0]), (along[-1], grid.domain[1])):
            on_edge = border == edge
            beyond = border < edge if edge == grid.domain[0] else border > edge
            if int(on_edge.sum()) >= 3 and 0.005 < float(on_edge.double().mean()) < 0.98 and not bool(beyond.any()):
                return True
    return False


def _quantised(values: Tensor, grid: Grid, dtype: torch.dtype) -> bool:
    """The format merges lattice nodes, or its steps are coarse against the jitter."""
    epsilon = _coarseness(values, dtype)
    if epsilon <= torch.finfo(torch.float32).eps:
        return False
    half = torch.bfloat16 if epsilon == torch.finfo(torch.bfloat16).eps else torch.float16
    if _merged_nodes(grid, half):
        return True
    quantum = epsilon / 2 * max(map(abs, grid.domain))
    return not grid.exact and grid.std < 8 * quantum


def _merged_nodes(grid: Grid, half: torch.dtype) -> bool:
    for size, pitch, origin in zip(grid.sizes, grid.pitch, grid.origin, strict=True):
        nodes = (origin + pitch * torch.arange(size, dtype=torch.float64, device="cpu")).to(half)
        if nodes.unique().numel() < size:
            return True
    return False


def drifts(snapshots: Sequence[Snapshot]) -> bool:
    """True for a random walk: the distance to the first batch grows like sqrt(t), the steps do not grow.

    Looked for in the whole run, in its first batches (it may start anew in epochs whose borders nobody sees), and
    in single epochs.
    """
    epochs = {snapshot.epoch for snapshot in snapshots}
    groups = [
        list(snapshots),
        list(snapshots[:FIRST]),
        *([s for s in snapshots if s.epoch == e] for e in sorted(epochs)[:16]),
    ]
    return any(_is_walk(group) for group in groups)


def _is_walk(snapshots: Sequence[Snapshot]) -> bool:
    first = snapshots[0]
    distances = [
        (s.batch - first.batch, _distance(s.coords, first.coords))
        for s in snapshots[1:]
        if s.coords.shape == first.coords.shape
    ]
    steps = [
        (b.batch - first.batch, _distance(a.coords, b.coords))
        for a, b in itertools.pairwise(snapshots)
        if b.batch == a.batch + 1 and a.coords.shape == b.coords.shape
    ]
    if len(distances) < 3 or any(d <= 0 or not math.isfinite(d) for _, d in distances + steps):
        return False
    growth = _log_slope(distances)
    return 0.3 < growth < 0.75 and growth - _log_slope(steps) > 0.3


def _distance(a: Tensor, b: Tensor) -> float:
    return float((a.double() - b.double()).square().mean().sqrt())


def _log_slope(points: Sequence[tuple[int, float]]) -> float:
    """The least-squares exponent k of value ~ time**k."""
    if len(points) < 2:
        return 0.0
    x = torch.tensor([time for time, _ in points], dtype=torch.float64, device="cpu").log()
    y = torch.tensor([value for _, value in points], dtype=torch.float64, device="cpu").log()
    x = x - x.mean()
    return float((x * y).sum() / (x * x).sum())


def _scatter(values: Tensor, grid: Grid | None) -> tuple[tuple[float, float], ...]:
    """Up to 256 deviations from the lattice in pitches, evenly picked, as (horizontal, vertical)."""
    if grid is None:
        return ()
    pitches = grid.pitch if grid.order == "yx" else grid.pitch[::-1]
    pixels = (grid.arrange(values) - grid.nodes()) / torch.tensor(pitches, dtype=torch.float64, device="cpu")
    flat = pixels.reshape(-1, len(pitches))
    picked = flat[:: max(1, len(flat) // 256)][:256]
    if grid.order == "yx":
        picked = picked.flip(-1)
    return tuple((float(p[0]), float(p[1]) if len(p) > 1 else 0.0) for p in picked)
