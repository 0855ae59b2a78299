"""What is measured on a trained network, and in the same way on interpolation and on the oracle."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from reference_model.grids import pixel_grid, shifted
from reference_model.images import Dataset
from reference_model.metrics import psnr
from reference_model.oracle import nadaraya_watson
from reference_model.spectrum import energy_above, radial_power, ring_correlation

Predict = Callable[[Tensor, Tensor], Tensor]  # images (M, C, n, n), coords (Q, 2) -> colours (M, Q, C)

SIZE, LARGE = 32, 128  # pixels a side of the input, and of the enlargement whose spectrum is taken
NYQUIST = SIZE // 2  # cycles/image
SHIFTS = {"1_8": 1 / 8, "1_4": 1 / 4, "3_8": 3 / 8, "1_2": 1 / 2}  # pixels, down and right
RANDOM_SHIFTS = 10
ROBUSTNESS = (0.0, 0.1, 0.2, 0.32, 0.5, 0.75)  # pixels, std of the jitter at test time
PICTURES = 2  # test images whose enlargements are kept
SIGHT = 12  # cycles/image at which the ring correlation says whether a network sees
LABELS = {
    "psnr_clean": "clean grid, dB",
    **{f"psnr_shift_{name}": f"+{name.replace('_', '/')} px, dB" for name in ("1_8", "1_4", "3_8", "1_2")},
    "psnr_shift_random": "random shifts, dB",
    "psnr_64_sharp": "64 px, dB",
    "psnr_128_sharp": "128 px, dB",
    "energy_above_nyquist": "energy above Nyquist",
    "ring_above_nyquist": "ring correlation above Nyquist",
    "oracle_distance": "from the oracle, dB",
    "moire": "moiré",
    "psnr_thumbnail": "thumbnail of the tokens, dB",
    "ring_8": "ring correlation at 8 cycles",
    "ring_12": "ring correlation at 12 cycles",
    "final_loss": "final loss",
    "loss_change": "loss still falling by",
}
AT_ONCE = 2**17  # queries computed at once


@dataclass(frozen=True)
class Curve:
    """y over x."""

    x: list[float]
    y: list[float]


@dataclass(frozen=True)
class Measured:
    """Scalars (means over the test images), curves, and pictures (uint8, (PICTURES, n, n, 3)) by side n.

    `by_image` has some of the scalars for each test image: the image is the unit of a verdict.
    """

    metrics: dict[str, float]
    curves: dict[str, Curve] = field(default_factory=dict)
    pictures: dict[str, Tensor] = field(default_factory=dict)
    by_image: dict[str, list[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Exam:
    """Test images with everything that predictions are compared with, computed once for all networks.

    `truth` maps names to (coords (Q, 2), true colours (M, Q, 3)); empty when there is no truth beyond the pixels.
    `sharp` are the true 128 px images (M, 3, 128, 128); `fast` the gratings' frequencies (M, 2), or None.
    """

    images: Tensor
    truth: dict[str, tuple[Tensor, Tensor]]
    sharp: Tensor | None
    fast: Tensor | None


def prepare(dataset: Dataset) -> Exam:
    """The exam on the test images of `dataset`."""
    if dataset.truth is None:
        return Exam(dataset.test, {}, None, None)
    clean = pixel_grid(SIZE)
    wanted = {f"shift_{name}": (shifted(clean, by, by, SIZE), SIZE) for name, by in SHIFTS.items()}
    wanted |= {f"random_{k}": (coords, SIZE) for k, coords in enumerate(_random_shifts())}
    wanted |= {f"robustness_{std}": (coords, SIZE) for std, coords in _jittered().items()}
    for size in (64, LARGE):
        wanted |= {f"{size}_sharp": (pixel_grid(size), size), f"{size}_same": (pixel_grid(size), SIZE)}
    truth = {name: (coords, dataset.truth(coords, 1 / aperture)) for name, (coords, aperture) in wanted.items()}
    return Exam(dataset.test, truth, _image(truth[f"{LARGE}_sharp"][1], LARGE), dataset.fast)


def evaluate(predict: Predict, exam: Exam, sigma: float = 0.32) -> Measured:
    """Measure `predict` on the images of `exam`.

    `sigma` is the jitter, in pixels, of the oracle that predictions are compared with. PSNR in dB with range 1:
    `psnr_clean`, `psnr_shift_*` and `psnr_shift_random` at shifted coordinates and `psnr_64_same`, `psnr_128_same`
    against the truth with the aperture of the input's pixels; `psnr_64_sharp`, `psnr_128_sharp` against the true
    pixels of that size. Without a truth there are `psnr_clean`, `oracle_distance` and `energy_above_nyquist` only.
    """
    query = _Query(predict, exam.images)
    large = query.picture(LARGE)
    oracle = nadaraya_watson(exam.images.cpu(), pixel_grid(LARGE), sigma)
    metrics = {
        "psnr_clean": _mean(psnr(query(pixel_grid(SIZE)), _colours(exam.images).cpu())),
        "oracle_distance": _mean(psnr(_colours(large), oracle)),
        "energy_above_nyquist": _mean(energy_above(large, NYQUIST)),
    }
    frequency, power = radial_power(large)
    curves = {"radial_power": _curve(frequency, power)}
    if exam.sharp is not None:
        metrics |= _against_truth(query, large, exam)
        curves |= _robustness(query, exam)
        curves["ring_correlation"] = _curve(*ring_correlation(large, exam.sharp))
        metrics["ring_above_nyquist"] = ring_above(curves["ring_correlation"])
        metrics |= {f"ring_{cycles}": curves["ring_correlation"].y[cycles - 1] for cycles in (8, SIGHT)}
        robust = curves["robustness"].y
        metrics["robustness_drop"] = robust[0] - robust[ROBUSTNESS.index(0.32)]
        if exam.fast is not None:
            metrics["moire"] = moire(large, exam.sharp, exam.fast)
    pictures = {str(LARGE): _bytes(large[:PICTURES]), str(SIZE): _bytes(query.picture(SIZE)[:PICTURES])}
    return Measured(metrics, curves, pictures, _each_image(query, large, exam))


class _Query:
    """The prediction at any coordinates, computed in pieces."""

    def __init__(self, predict: Predict, images: Tensor) -> None:
        self.predict, self.images = predict, images

    @torch.no_grad()
    def __call__(self, coords: Tensor) -> Tensor:
        """coords (Q, 2) -> colours (M, Q, 3) in [0, 1], on the CPU."""
        step = max(1, AT_ONCE // len(coords))
        parts = [self.predict(images, coords.to(images.device)) for images in self.images.split(step)]
        return torch.cat(parts).float().clamp(0, 1).cpu()

    def picture(self, size: int) -> Tensor:
        """(M, 3, size, size)."""
        return _image(self(pixel_grid(size)), size)


def _against_truth(query: _Query, large: Tensor, exam: Exam) -> dict[str, float]:
    def score(name: str) -> float:
        coords, truth = exam.truth[name]
        return _mean(psnr(_colours(large) if len(coords) == LARGE**2 else query(coords), truth))

    names = [f"shift_{name}" for name in SHIFTS] + [
        f"{size}_{kind}" for size in (64, LARGE) for kind in ("sharp", "same")
    ]
    anywhere = [score(f"random_{k}") for k in range(RANDOM_SHIFTS)]
    return {**{f"psnr_{name}": score(name) for name in names}, "psnr_shift_random": math.fsum(anywhere) / len(anywhere)}


def _each_image(query: _Query, large: Tensor, exam: Exam) -> dict[str, list[float]]:
    """PSNR of each test image on its grid and, where there is a truth, between the pixels and at 128 px."""
    asked = {"psnr_clean": (query(pixel_grid(SIZE)), _colours(exam.images).cpu())}
    if exam.sharp is not None:
        coords, truth = exam.truth["shift_1_4"]
        asked["psnr_shift_1_4"] = (query(coords), truth)
        asked["psnr_128_sharp"] = (_colours(large), exam.truth[f"{LARGE}_sharp"][1])
    return {name: psnr(predicted, truth).tolist() for name, (predicted, truth) in asked.items()}


def _robustness(query: _Query, exam: Exam) -> dict[str, Curve]:
    """PSNR under jitter at test time: against the clean pixels, as the seed's notebook has it, and the truth there."""
    pixels = _colours(exam.images).cpu()
    against_pixels, against_truth = [], []
    for std in ROBUSTNESS:
        coords, truth = exam.truth[f"robustness_{std}"]
        prediction = query(coords)
        against_pixels.append(_mean(psnr(prediction, pixels)))
        against_truth.append(_mean(psnr(prediction, truth)))
    x = list(ROBUSTNESS)
    return {"robustness": Curve(x, against_pixels), "robustness_truth": Curve(x, against_truth)}


def _jittered() -> dict[float, Tensor]:
    """The clean grid under one fixed draw of each strength."""
    noise = torch.randn(SIZE**2, 2, generator=torch.Generator().manual_seed(15)) / SIZE
    return {std: pixel_grid(SIZE) + noise * std for std in ROBUSTNESS}


def ring_above(curve: Curve) -> float:
    """The mean ring correlation above the Nyquist frequency of the input, up to twice of it."""
    above = [y for x, y in zip(curve.x, curve.y, strict=True) if NYQUIST < x <= 2 * NYQUIST]
    return math.fsum(above) / len(above)


def _random_shifts() -> list[Tensor]:
    """The grid moved by RANDOM_SHIFTS fixed shifts of up to half a pixel."""
    generator = torch.Generator().manual_seed(10)
    moves = (torch.rand(RANDOM_SHIFTS, 2, generator=generator) - 0.5).tolist()
    return [shifted(pixel_grid(SIZE), down, right, SIZE) for down, right in moves]


def moire(large: Tensor, sharp: Tensor, fast: Tensor) -> float:
    """How much of each fast grating appears as moiré, relative to its true amplitude; 0 is none, 1 all of it.

    A grating of f > 16 cycles/image along an axis, point-sampled at 32 px, becomes one of f - 32. The error of the
    enlargement `large` against the truth `sharp` (both (M, 3, 128, 128)) is projected on that wave, the truth on the
    wave of the grating itself; `fast` (M, 2) are the gratings' frequencies in cycles/image.
    """
    alias = torch.where(fast.abs() > NYQUIST, fast - SIZE * fast.sign(), fast)
    return _mean(_amplitude(large - sharp, alias) / _amplitude(sharp, fast))


def _amplitude(images: Tensor, frequency: Tensor) -> Tensor:
    """The amplitude (M,) of one wave, frequency (M, 2) in cycles/image, in each image under a Hann window."""
    window = torch.hann_window(LARGE, periodic=False)
    weights = (window[:, None] * window).flatten()
    grey = images.mean(1).flatten(1)
    grey = grey - (grey * weights).sum(1, keepdim=True) / weights.sum()
    angles = 2 * math.pi * frequency @ pixel_grid(LARGE).T  # (M, 128²)
    wave = torch.complex(angles.cos(), -angles.sin())
    return ((grey * weights) * wave).sum(1).abs()


def _colours(images: Tensor) -> Tensor:
    """(M, 3, n, n) -> (M, n², 3)."""
    return images.flatten(2).transpose(1, 2)


def _image(colours: Tensor, size: int) -> Tensor:
    images: Tensor = colours.transpose(1, 2).unflatten(-1, (size, size))
    return images


def _bytes(images: Tensor) -> Tensor:
    return (images.permute(0, 2, 3, 1) * 255).round().to(torch.uint8)


def _curve(x: Tensor, y: Tensor) -> Curve:
    return Curve([float(value) for value in x], [float(value) for value in y])


def _mean(values: Tensor) -> float:
    return float(values.double().mean())
