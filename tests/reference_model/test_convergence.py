"""Training with correct jitter leads to the minimiser that is known in closed form."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from reference_model.fitted.network import Fitters
from reference_model.grids import pixel_grid, shifted
from reference_model.images import load
from reference_model.jitter import Jitter
from reference_model.oracle import nadaraya_watson

SIZE, SIGMA, STEPS, SAMPLES = 8, 0.5, 2400, 16  # pixels a side, pixels, steps, draws a step


def psnr(a: Tensor, b: Tensor) -> float:
    return float(-10 * (a - b).square().mean().log10())


def fitted(image: Tensor) -> Fitters:
    """A network of hundreds of parameters a pixel, trained on one image with SAMPLES new draws in every step."""
    network = Fitters((24, 12), 128, [0])
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3, betas=(0.9, 0.99))
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    jitter = Jitter([0], SIGMA, SIZE, scope="per_sample", batch=SAMPLES)
    colours = image.flatten(2).transpose(1, 2).repeat(1, SAMPLES, 1)
    for _ in range(STEPS):
        coords = jitter(pixel_grid(SIZE)[None]).reshape(1, -1, 2)
        optimizer.zero_grad()
        (network(network.encode(coords)) - colours).square().mean().backward()
        optimizer.step()
        decay.step()
    return network


def test_an_overparameterised_fit_converges_to_the_oracle() -> None:
    image = functional.avg_pool2d(load("analytic", 1, test_images=1).train, 4)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    network = fitted(image)
    torch.set_num_threads(threads)
    grid, pixels = pixel_grid(SIZE), image.flatten(2).transpose(1, 2)

    def predicted(coords: Tensor) -> Tensor:
        colours: Tensor = network(network.encode(coords[None]))
        return colours

    with torch.no_grad():
        # It smooths the image as much as the oracle, neither more nor less ...
        assert psnr(predicted(grid), pixels) == pytest.approx(
            psnr(nadaraya_watson(image, grid, SIGMA), pixels), abs=0.5
        )
        # ... and is the same function, between the pixels too. The pixels themselves are farther from it.
        assert psnr(pixels, nadaraya_watson(image, grid, SIGMA)) < 36
        for down, right in ((0.0, 0.0), (0.25, 0.25), (0.5, 0.5), (0.125, -0.375)):
            coords = shifted(grid, down, right, SIZE)
            assert psnr(predicted(coords), nadaraya_watson(image, coords, SIGMA)) > 42
