"""The one grid convention of the experiments: cell-centred, on [0, 1], order (y, x)."""

from __future__ import annotations

import torch
from torch import Tensor


def pixel_grid(size: int, device: torch.device | str | None = None) -> Tensor:
    """The centres of the pixels of a size × size image, row after row.

    Returns float32 (size², 2) in the order (y, x): pixel i of `size` lies at (i + 0.5) / size, as in
    `torch.nn.functional.grid_sample(align_corners=False)` after scaling [0, 1] to [-1, 1].
    """
    centres = (torch.arange(size, device=device, dtype=torch.float32) + 0.5) / size
    return torch.stack(torch.meshgrid(centres, centres, indexing="ij"), dim=-1).reshape(-1, 2)


def pitch(size: int) -> float:
    """The distance of neighbouring pixels of a size × size image, in units of [0, 1]."""
    return 1.0 / size


def shifted(coords: Tensor, down: float, right: float, size: int) -> Tensor:
    """`coords` (..., 2) moved by (down, right) pixels of a size × size image; not clamped."""
    return coords + torch.tensor([down, right], dtype=coords.dtype, device=coords.device) * pitch(size)
