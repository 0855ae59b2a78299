"""Many small coordinate networks as one: every layer is one batched matrix product over all of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from reference_model.model import FourierCode

CHANNELS = 3


class Fitters(nn.Module):
    """N networks from coordinates to the colours of one image each: the decoder of `model.Lainr` without modulation.

    Bands, coarse to fine: h_l = ReLU(W_l γ_l); v_1 = h_1; v_l = ReLU(H_l (h_l + v_{l-1})); colour = Σ O_l v_l. No
    number of one network enters another. `seeds` (N) determine the initial weights, each network's alone.
    """

    def __init__(self, bands: Sequence[int], width: int, seeds: Sequence[int]) -> None:
        super().__init__()
        coarse_to_fine = sorted(bands)
        self.codes = nn.ModuleList(FourierCode(band) for band in coarse_to_fine)
        sizes = [(FourierCode.features, width)] * len(bands) + [(width, width)] * (len(bands) - 1)
        sizes += [(width, CHANNELS)] * len(bands)
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.weights = nn.ParameterList(_start((given, made), given, generators) for given, made in sizes)
        self.biases = nn.ParameterList(_start((1, made), given, generators) for given, made in sizes)

    def encode(self, coords: Tensor) -> list[Tensor]:
        """The Fourier codes of coords (..., Q, 2), one (..., Q, 64) for each band."""
        return [code(coords) for code in self.codes]

    def forward(self, codes: Sequence[Tensor]) -> Tensor:
        """codes of `encode`, each (N, Q, 64) -> colours (N, Q, 3), meant for [0, 1], not clamped."""
        count = len(codes)
        hidden = self._layer(0, codes[0]).relu()
        colour = self._layer(2 * count - 1, hidden)
        for band in range(1, count):
            wave = self._layer(band, codes[band]).relu()
            hidden = self._layer(count + band - 1, wave + hidden).relu()
            colour = colour + self._layer(2 * count - 1 + band, hidden)
        return colour

    def _layer(self, index: int, inputs: Tensor) -> Tensor:
        return torch.baddbmm(self.biases[index], inputs, self.weights[index])


def _start(shape: tuple[int, int], given: int, generators: Sequence[torch.Generator]) -> nn.Parameter:
    """Uniform on ±1/sqrt(inputs), as torch's Linear: (N, *shape)."""
    drawn = torch.stack([torch.rand(*shape, generator=generator) for generator in generators])
    return nn.Parameter((drawn * 2 - 1) / math.sqrt(given))
