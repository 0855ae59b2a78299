"""What is measured on a fitted image, and in the same way on interpolation and on the oracle."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from reference_model.fitted.images import Picture, picture
from reference_model.grids import pixel_grid, shifted
from reference_model.oracle import interpolate, nadaraya_watson
from reference_model.spectrum import energy_above, ring_correlation

Predict = Callable[[Tensor], Tensor]  # coords (Q, 2) -> colours (1, Q, 3)
SIZE, LARGE, NYQUIST = 32, 128, 16
SHIFTS = {"1_8": 1 / 8, "1_4": 1 / 4, "3_8": 3 / 8, "1_2": 1 / 2}  # pixels, down and right
ROBUSTNESS = (0.1, 0.2, 0.32, 0.5, 0.75)  # pixels, std of the jitter at test time
SIGHT = 12  # cycles/image at which the ring correlation says whether a network sees
SAMPLES = 96  # predictions at +1/4 px that a row keeps: between seeds they give the spread
VARIANCE_DRAWS = 32


@dataclass(frozen=True)
class Exam:
    """Everything that predictions of one image are compared with: name -> (coords (Q, 2), truth (1, Q, 3))."""

    shown: Picture
    truth: dict[str, tuple[Tensor, Tensor]]
    low: Tensor  # the smallest pixel near each point of the 128 px grid, (1, Q, 3)
    high: Tensor  # the largest


@cache
def exam(name: str) -> Exam:
    """The exam on an image."""
    shown, clean = picture(name), pixel_grid(SIZE)
    wanted = {"clean": (clean, SIZE)} | {f"shift_{k}": (shifted(clean, by, by, SIZE), SIZE) for k, by in SHIFTS.items()}
    noise = torch.randn(SIZE**2, 2, generator=torch.Generator().manual_seed(15)) / SIZE
    wanted |= {f"jitter_{std:g}": (clean + noise * std, SIZE) for std in ROBUSTNESS}
    wanted |= {f"{size}_sharp": (pixel_grid(size), size) for size in (64, LARGE)}
    truth = {key: (coords, shown.truth(coords, 1 / box)) for key, (coords, box) in wanted.items()}
    return Exam(shown, truth, -_largest_near(-shown.pixels), _largest_near(shown.pixels))


def _largest_near(pixels: Tensor) -> Tensor:
    """The maximum of the 3 × 3 pixels around the pixel that holds each point of the 128 px grid: (1, 128², 3)."""
    padded = functional.pad(pixels, [1] * 4, mode="replicate")
    near = functional.max_pool2d(padded, 3, 1).repeat_interleave(LARGE // SIZE, -1).repeat_interleave(LARGE // SIZE, -2)
    return near.flatten(2).transpose(1, 2)


@torch.no_grad()
def measure(predict: Predict, name: str, sigma: float) -> dict[str, float]:
    """The metrics of one prediction; `sigma` in pixels is that of the oracle it is compared with.

    `psnr_*` in dB with range 1, not capped, against the truth averaged over pixels of the input ("clean", shifts,
    jitter at test time), or the true pixels of 64 and 128 px ("sharp"). `rmse_clean` in grey levels of 255.
    `oracle_mse`: mean squared distance from the oracle on the 128 px grid; `oracle_mse_1_4` at +1/4 px.
    `overshoot`: how far the 128 px enlargement leaves the range of the 3 × 3 pixels around, on average, in grey levels
    of 255. `ring_above`: ring correlation with the truth above Nyquist, mean of 17 to 32 cycles/image; `ring_sight`
    at 12 cycles/image. `energy_above`: share of the energy above Nyquist.
    """
    asked = exam(name)
    found = {key: predict(coords).float().clamp(0, 1) for key, (coords, _) in asked.truth.items()}
    errors = {key: float((found[key].double() - asked.truth[key][1].double()).square().mean()) for key in found}
    metrics = {f"psnr_{key}": decibels(error) for key, error in errors.items() if key != "clean"}
    large, sharp = _image(found[f"{LARGE}_sharp"]), _image(asked.truth[f"{LARGE}_sharp"][1])
    ring = ring_correlation(large, sharp)[1]
    outside = (found[f"{LARGE}_sharp"] - asked.high).relu() + (asked.low - found[f"{LARGE}_sharp"]).relu()
    return metrics | {
        "mse_clean": errors["clean"],
        "rmse_clean": 255 * math.sqrt(errors["clean"]),
        "oracle_mse": _distance(found[f"{LARGE}_sharp"], asked, f"{LARGE}_sharp", sigma),
        "oracle_mse_1_4": _distance(found["shift_1_4"], asked, "shift_1_4", sigma),
        "overshoot": 255 * float(outside.mean()),
        "ring_sight": float(ring[SIGHT - 1]),
        "ring_above": float(ring[NYQUIST : 2 * NYQUIST].mean()),
        "energy_above": float(energy_above(large, NYQUIST)),
    }


@torch.no_grad()
def samples(predict: Predict) -> list[float]:
    """The prediction at SAMPLES places of the grid at +1/4 px, all the same for every network."""
    coords = shifted(pixel_grid(SIZE), 1 / 4, 1 / 4, SIZE)[:: SIZE**2 // SAMPLES][:SAMPLES]
    return [round(float(value), 5) for value in predict(coords).mean(-1).flatten()]


def decibels(error: float) -> float:
    """PSNR of a mean squared error, range 1."""
    return -10 * math.log10(error) if error > 0 else math.inf


def _distance(colours: Tensor, asked: Exam, key: str, sigma: float) -> float:
    oracle = nadaraya_watson(asked.shown.pixels, asked.truth[key][0], sigma)
    return float((colours.double() - oracle.double()).square().mean())


@cache
def label_variance(name: str, sigma: float) -> float:
    """E_i E_ε |y_i - b(x_i + ε)|², b the bilinear interpolation: how wrong the labels of one draw are.

    Known before any training; the mean over VARIANCE_DRAWS fixed draws of the whole grid. Bilinear and not the oracle,
    which becomes a staircase for small `sigma` and would call the labels right.
    """
    shown, generator = picture(name), torch.Generator().manual_seed(32)
    labels = shown.pixels.flatten(2).transpose(1, 2)
    errors = []
    for _ in range(VARIANCE_DRAWS):
        coords = pixel_grid(SIZE) + torch.randn(SIZE**2, 2, generator=generator) * sigma / SIZE
        errors.append(float((interpolate(shown.pixels, coords, "bilinear") - labels).square().mean()))
    return math.fsum(errors) / len(errors)


def thumbnail(name: str, side: int) -> Predict:
    """Bicubic enlargement of the image averaged to `side` × `side`: what that many colours can say."""
    small = functional.avg_pool2d(picture(name).pixels, SIZE // side)
    return lambda coords: interpolate(small, coords, "bicubic")


def _image(colours: Tensor) -> Tensor:
    image: Tensor = colours.transpose(1, 2).unflatten(-1, (LARGE, LARGE))
    return image
