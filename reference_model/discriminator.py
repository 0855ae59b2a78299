"""The adversary of the adversarial arms: a small discriminator of 32 × 32 windows."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

WEIGHT = 0.005  # of the adversarial loss beside the mean squared error
LEARNING_RATE = 2e-4


class Discriminator(nn.Module):
    """Windows (B, C, 32, 32) to one score for each of 8 × 8 patches, (B, 8, 8): positive means real."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, width, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, 1, 3, 1, 1),
        )

    def forward(self, windows: Tensor) -> Tensor:
        """(B, C, 32, 32) -> (B, 8, 8)."""
        scores: Tensor = self.layers(windows).squeeze(1)
        return scores


class Adversary:
    """One discriminator and its optimizer for each seed, initialised from the seed alone."""

    def __init__(self, seeds: list[int], channels: int, width: int, device: torch.device) -> None:
        self.networks = [self._build(seed, channels, width).to(device) for seed in seeds]
        parameters = [p for network in self.networks for p in network.parameters()]
        self.optimizer = torch.optim.Adam(parameters, lr=LEARNING_RATE, betas=(0.5, 0.99))

    @staticmethod
    def _build(seed: int, channels: int, width: int) -> Discriminator:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed + 1_000_003)
            return Discriminator(channels, width)

    def generator_loss(self, fake: Tensor) -> Tensor:
        """The non-saturating loss (Goodfellow et al. 2014) of colours (S, B, Q, C) on a window: (S,)."""
        return torch.stack(
            [functional.softplus(-net(_window(x))).mean() for net, x in zip(self.networks, fake, strict=True)]
        )

    def learn(self, fake: Tensor, real: Tensor) -> None:
        """One step of the discriminators; `fake` and `real` are (S, B, Q, C)."""
        losses = [
            functional.softplus(net(_window(x))).mean() + functional.softplus(-net(_window(y))).mean()
            for net, x, y in zip(self.networks, fake.detach(), real, strict=True)
        ]
        self.optimizer.zero_grad()  # also drops what the generator's step left in the discriminators
        torch.stack(losses).sum().backward()
        self.optimizer.step()

    def state(self) -> dict[str, object]:
        """For a checkpoint."""
        return {"networks": [net.state_dict() for net in self.networks], "optimizer": self.optimizer.state_dict()}

    def load(self, state: dict[str, object]) -> None:
        """From a checkpoint."""
        for network, values in zip(self.networks, state["networks"], strict=True):  # type: ignore[call-overload]
            network.load_state_dict(values)
        self.optimizer.load_state_dict(state["optimizer"])  # type: ignore[arg-type]


def _window(colours: Tensor) -> Tensor:
    """(B, Q, C) of a square window -> (B, C, side, side)."""
    side = round(colours.shape[1] ** 0.5)
    return colours.transpose(1, 2).unflatten(-1, (side, side))
