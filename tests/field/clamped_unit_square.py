"""Fits a hash-grid-like network to a height map."""
import torch
from torch import nn


def unit_grid(n):
    axis = torch.linspace(0, 1, n)
    return torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1).view(-1, 2)


class DenseGrid(nn.Module):
    def __init__(self, side=24, channels=4):
        super().__init__()
        self.table = nn.Parameter(0.01 * torch.randn(1, channels, side, side))
        self.decode = nn.Sequential(nn.Linear(channels, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, xy):
        at = (2 * xy - 1)[None, None]
        features = nn.functional.grid_sample(self.table, at, align_corners=True)[0, :, 0].T
        return self.decode(features).squeeze(-1)


def jitter(xy, std):
    return (xy + std * torch.randn_like(xy)).clamp(0, 1)


def train(height, steps=40, std=0.005):
    xy, net = unit_grid(height.shape[0]), DenseGrid()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    for step in range(steps):
        loss = nn.functional.mse_loss(net(jitter(xy, std)), height.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 10 == 0:
            print(step, loss.item())
    return net


if __name__ == "__main__":
    y, x = torch.meshgrid(torch.linspace(0, 6, 64), torch.linspace(0, 6, 64), indexing="ij")
    train(torch.sin(x) + torch.cos(2 * y))
