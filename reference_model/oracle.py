"""What is known before any training: the minimiser of jittered regression, and plain interpolation."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from reference_model.grids import pixel_grid

MODES = ("nearest", "bilinear", "bicubic")


def nadaraya_watson(images: Tensor, coords: Tensor, sigma: float) -> Tensor:
    """The function that training with Gaussian jitter of std `sigma` pixels converges to.

    The loss E_i E_ε (f(x_i + ε) - y_i)² over pixels i and jitter ε is smallest for the conditional mean
    f*(x) = Σ K_σ(x - x_i) y_i / Σ K_σ(x - x_i) with the Gaussian kernel K_σ: the estimator of Nadaraya (1964) and
    Watson (1964). The kernel is separable, so the sums are taken along rows and then along columns.

    images (M, C, n, n), coords (Q, 2) in [0, 1] -> (M, Q, C). `sigma` > 0. Computed in float64, so that the
    weights of far pixels do not vanish for small `sigma`.
    """
    if sigma <= 0:
        raise ValueError(f"sigma must be positive, not {sigma}")
    size = images.shape[-1]
    centres = pixel_grid(size, images.device)[:size, 1].double()
    logits = -0.5 * ((coords.double().unsqueeze(-1) - centres) * (size / sigma)).square()  # (Q, 2, n)
    rows, columns = logits.softmax(-1).unbind(1)
    across = torch.einsum("mcij,qj->mcqi", images.double(), columns)
    return torch.einsum("mcqi,qi->mqc", across, rows).to(images.dtype)


def interpolate(images: Tensor, coords: Tensor, mode: str) -> Tensor:
    """`mode` nearest, bilinear or bicubic (Keys 1981, a = -0.75, as in torch): (M, C, n, n), (Q, 2) -> (M, Q, C)."""
    if mode not in MODES:
        raise ValueError(f"mode must be one of {', '.join(MODES)}, not {mode!r}")
    places = (coords.flip(-1) * 2 - 1).to(images.dtype).expand(len(images), 1, -1, -1)  # (M, 1, Q, 2), order (x, y)
    sampled = functional.grid_sample(images, places, mode=mode, padding_mode="border", align_corners=False)
    return sampled.squeeze(2).transpose(1, 2)
