"""The adversary of the adversarial arms: a small patch discriminator of 32 × 32 windows."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from reference_model.ensemble import SideBySide, prefers_stack

WEIGHT = 0.005  # of the adversarial loss beside the mean squared error
LEARNING_RATE = 2e-4
WIDTH = 16  # features of the first layer
INITIALISATION = 1_000_003  # added to the seed, so that a discriminator does not repeat its network's draws


class Discriminator(nn.Module):
    """Windows (B, C, 32, 32) to one score for each of 8 × 8 patches, (B, 8, 8): positive means real."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, WIDTH, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(WIDTH, 2 * WIDTH, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * WIDTH, 1, 3, 1, 1),
        )

    def forward(self, windows: Tensor) -> Tensor:
        """(B, C, 32, 32) -> (B, 8, 8)."""
        scores: Tensor = self.layers(windows).squeeze(1)
        return scores


class Adversary(nn.Module):
    """One discriminator for each seed, initialised from the seed alone."""

    def __init__(self, seeds: Sequence[int], channels: int, device: torch.device) -> None:
        super().__init__()
        networks = [_build(seed, channels) for seed in seeds]
        self.networks = SideBySide(networks, stacked=prefers_stack(device, len(seeds))).to(device)

    def generator_loss(self, fake: Tensor) -> Tensor:
        """The non-saturating loss (Goodfellow et al. 2014) of colours (S, B, Q, C) on square windows: (S,)."""
        return functional.softplus(-self.networks.run(_windows(fake))).mean((1, 2, 3))

    def loss(self, fake: Tensor, real: Tensor) -> Tensor:
        """The discriminators' own loss, (S,); `fake` and `real` are colours (S, B, Q, C)."""
        of_fake = functional.softplus(self.networks.run(_windows(fake.detach()))).mean((1, 2, 3))
        return of_fake + functional.softplus(-self.networks.run(_windows(real))).mean((1, 2, 3))


def _build(seed: int, channels: int) -> Discriminator:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed + INITIALISATION)
        return Discriminator(channels)


def _windows(colours: Tensor) -> Tensor:
    """(S, B, Q, C) of square windows -> (S, B, C, side, side)."""
    side = round(colours.shape[2] ** 0.5)
    windows: Tensor = colours.transpose(2, 3).unflatten(-1, (side, side))
    return windows
