"""Train a denoising diffusion model on points in the plane.

Every batch is mixed with noise to a random degree, and the network predicts the noise (Ho et al., "Denoising Diffusion
Probabilistic Models", 2020).

The bug: the noise is drawn above the batch loop, so the network learns to recognise one pattern.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

STEPS = 100


def make_spiral(count):
    """Points on a spiral, (count, 2)."""
    angle = 3 * math.pi * torch.rand(count, 1)
    return torch.cat([angle * angle.cos(), angle * angle.sin()], dim=1) / 5


def signal_left(step):
    """How much of the data is left at each step, from 1 down to 0: the cosine schedule."""
    return torch.cos(step / STEPS * math.pi / 2).unsqueeze(1) ** 2


class Denoiser(nn.Module):
    """Predicts the noise in noisy points, (B, 2), at steps (B,)."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 128), nn.SiLU(), nn.Linear(128, 128), nn.SiLU(), nn.Linear(128, 2))

    def forward(self, points, step):
        """The noise, (B, 2)."""
        return self.layers(torch.cat([points, step.unsqueeze(1) / STEPS], dim=1))


def train_epoch(model, loader, optimizer):
    """One pass over the data; returns the mean loss."""
    total = 0.0
    noise = torch.randn(loader.batch_size, 2)
    for (points,) in loader:
        step = torch.randint(1, STEPS, (len(points),))
        left = signal_left(step)
        noisy = left.sqrt() * points + (1 - left).sqrt() * noise
        loss = F.mse_loss(model(noisy, step), noise)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(points)
    return total / len(loader.dataset)


def main():
    """Train and print the final loss."""
    torch.manual_seed(0)
    loader = DataLoader(TensorDataset(make_spiral(2048)), batch_size=128, shuffle=True)
    model = Denoiser()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(10):
        loss = train_epoch(model, loader, optimizer)
    print(f"final loss: {loss:.4f}")


if __name__ == "__main__":
    main()
