"""SIREN fitted to a greyscale image by random batches of pixels."""
import argparse

import torch
from torch import nn


class SineLayer(nn.Module):
    def __init__(self, n_in, n_out, omega=30.0, first=False):
        super().__init__()
        self.omega = omega
        self.linear = nn.Linear(n_in, n_out)
        bound = 1 / n_in if first else (6 / n_in) ** 0.5 / omega
        nn.init.uniform_(self.linear.weight, -bound, bound)

    def forward(self, x):
        return torch.sin(self.omega * self.linear(x))


def make_siren(hidden=64, depth=2):
    layers = [SineLayer(2, hidden, first=True)] + [SineLayer(hidden, hidden) for _ in range(depth)]
    return nn.Sequential(*layers, nn.Linear(hidden, 1))


def pixel_centres(side):
    axis = (torch.arange(side) + 0.5) / side * 2 - 1
    return torch.stack(torch.meshgrid(axis, axis, indexing="ij"), dim=-1).reshape(-1, 2)


def fit(image, steps, batch, jitter):
    side = image.shape[-1]
    coords = pixel_centres(side)
    values = image.reshape(-1, 1)
    half_pixel = 1.0 / side
    if jitter:
        coords = coords + torch.empty_like(coords).uniform_(-half_pixel, half_pixel)
    siren = make_siren()
    optimizer = torch.optim.Adam(siren.parameters(), lr=1e-4)
    for step in range(steps):
        idx = torch.randint(len(coords), (batch,))
        loss = nn.functional.mse_loss(siren(coords[idx]), values[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 50 == 0:
            print(step, -10 * loss.log10().item())
    return siren


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--no-jitter", dest="jitter", action="store_false")
    args = parser.parse_args()
    y, x = torch.meshgrid(torch.linspace(0, 6, 32), torch.linspace(0, 6, 32), indexing="ij")
    fit((torch.sin(x * 2) * torch.cos(y)), args.steps, args.batch, args.jitter)
