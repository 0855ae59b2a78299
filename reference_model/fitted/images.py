"""The images of the fits: 32 px, with the truth at any coordinates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from reference_model.grids import pixel_grid
from reference_model.images import FINE, SIZE, box_average, photograph
from reference_model.scenes import Scenes, natural

SCENES_SEED = 1125  # of the analytic images of the committed run; no earlier run used it


@dataclass(frozen=True)
class Picture:
    """`pixels` (1, 3, 32, 32) in [0, 1]; `truth(coords, aperture)` averages (1, Q, 3) over boxes of that side."""

    name: str
    pixels: Tensor
    truth: Callable[[Tensor, float], Tensor]


@cache
def picture(name: str) -> Picture:
    """`analytic-0` … or the name of a photograph: its central 128 px, averaged to 32 px."""
    if name.startswith("analytic-"):
        index = int(name.removeprefix("analytic-"))
        scenes = natural(index + 1, SCENES_SEED + index)
        scene = Scenes(*(value[-1:] for value in vars(scenes).values()))
        colours = scene.values(pixel_grid(SIZE), 1 / SIZE)
        return Picture(name, _image(colours), scene.values)
    fine = _centre(photograph(name))
    return Picture(name, functional.avg_pool2d(fine, FINE // SIZE), lambda at, box: box_average(fine, at, box))


def _centre(photo: Tensor) -> Tensor:
    """(3, height, width) -> (1, 3, 128, 128)."""
    top, left = ((side - FINE) // 2 for side in photo.shape[1:])
    return photo[None, :, top : top + FINE, left : left + FINE]


def _image(colours: Tensor) -> Tensor:
    image: Tensor = colours.transpose(1, 2).unflatten(-1, (SIZE, SIZE))
    return image.contiguous()


def stacked(names: list[str]) -> Tensor:
    """The pixels (N, 3, 32, 32) of several."""
    return torch.cat([picture(name).pixels for name in names])
