"""Spectra of images: radial power, Fourier ring correlation, the transfer function of Gaussian jitter."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def _spectra(images: Tensor) -> Tensor:
    """Fourier transforms (M, C, n, n) of mean-free images under a Hann window, which hides the jump at the border."""
    size = images.shape[-1]
    window = torch.hann_window(size, periodic=False, dtype=torch.float64, device=images.device)
    centred = images.double() - images.double().mean((-2, -1), keepdim=True)
    spectra: Tensor = torch.fft.fft2(centred * window[:, None] * window)
    return spectra


def _rings(size: int, device: torch.device) -> Tensor:
    """The ring of each frequency, flat (n²,): its radius in cycles/image, rounded; the corners share one last ring."""
    cycles = torch.fft.fftfreq(size, 1 / size, device=device)
    radius = (cycles[:, None].square() + cycles.square()).sqrt().round().long()
    rings: Tensor = radius.clamp_max(size // 2 + 1).flatten()
    return rings


def _ring_sums(values: Tensor) -> Tensor:
    """Sums over rings 1 … n/2 of (M, n, n): (M, n/2)."""
    size = values.shape[-1]
    sums = values.new_zeros(len(values), size // 2 + 2)
    sums.index_add_(1, _rings(size, values.device), values.flatten(1))
    return sums[:, 1 : size // 2 + 1]


def radial_power(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean power |F|² of each ring, over its frequencies, channels and images.

    images (M, C, n, n) -> frequencies (n/2,) = 1 … n/2 cycles/image, power (n/2,).
    """
    power = _spectra(images).abs().square().mean(1)
    counts = _ring_sums(torch.ones_like(power[:1]))
    mean = (_ring_sums(power) / counts).mean(0)
    return torch.arange(1, len(mean) + 1), mean


def energy_above(images: Tensor, cut: float) -> Tensor:
    """The share of each image's energy (without its mean) above `cut` cycles/image, (M, C, n, n) -> (M,)."""
    sums = _ring_sums(_spectra(images).abs().square().mean(1))
    above = torch.arange(1, sums.shape[1] + 1, device=sums.device) > cut
    return sums[:, above].sum(1) / sums.sum(1)


def ring_correlation(images: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Fourier ring correlation (Saxton & Baumeister 1982; van Heel 1987) of images with their truth.

    FRC(r) = Re Σ F₁ F₂* / sqrt(Σ |F₁|² Σ |F₂|²), the sums over ring r and channels; averaged over images. For
    truth = s and image = s + independent noise it is sqrt(SNR / (1 + SNR)), SNR being the ratio of ring energies.

    Both (M, C, n, n) -> frequencies (n/2,) in cycles/image, correlation (n/2,) in [-1, 1]; 0 where either is 0.
    """
    first, second = _spectra(images), _spectra(truth)
    cross = _ring_sums((first * second.conj()).real.sum(1))
    energy = _ring_sums(first.abs().square().sum(1)) * _ring_sums(second.abs().square().sum(1))
    correlation = torch.where(energy > 1e-20, cross / energy.clamp_min(1e-20).sqrt(), torch.zeros_like(cross))
    return torch.arange(1, correlation.shape[1] + 1), correlation.mean(0)


def gaussian_transfer(sigma: float, cycles: Tensor) -> Tensor:
    """The limit of jitter's transfer function: exp(-2 π² σ² f²), `sigma` in pixels, `cycles` in cycles/pixel.

    The Fourier transform of the Gaussian kernel. The exact oracle differs because its kernel is normalised over
    the pixel lattice: by less than 0.002 for σ >= 0.5 px, by up to 9 % near Nyquist at σ = 0.32 px.
    """
    return (-2 * math.pi**2 * sigma**2 * cycles.square()).exp()
