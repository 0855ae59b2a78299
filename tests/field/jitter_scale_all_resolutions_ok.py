"""Coarse-to-fine fit of one network to a picture pyramid."""
import torch
import torch.nn.functional as F
from torch import nn

RESOLUTIONS = (32, 64, 128, 256)
SIGMA_PIXELS = 0.3


def grid(side):
    axis = (torch.arange(side) + 0.5) / side
    return torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)


def pyramid(image):
    return {side: F.interpolate(image, (side, side), mode="area").flatten(2)[0].T for side in RESOLUTIONS}


class GaussianFeatures(nn.Module):
    def __init__(self, n=64, bandwidth=12.0):
        super().__init__()
        self.register_buffer("matrix", torch.randn(2, n) * bandwidth)

    def forward(self, xy):
        angle = 2 * torch.pi * xy @ self.matrix
        return torch.cat([angle.cos(), angle.sin()], -1)


def fit(image, steps_per_level=10):
    net = nn.Sequential(GaussianFeatures(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, image.shape[1]))
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    levels = pyramid(image)
    for side in RESOLUTIONS:
        xy, values = grid(side), levels[side]
        sigma = SIGMA_PIXELS / side
        for _ in range(steps_per_level):
            jitter = sigma * torch.randn_like(xy)
            loss = F.mse_loss(net(xy + jitter), values)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(f"{side:4d} px: mse {loss.item():.5f}")
    return net


if __name__ == "__main__":
    y, x = torch.meshgrid(torch.linspace(0, 9, 256), torch.linspace(0, 9, 256), indexing="ij")
    fit(torch.stack([(x * y).sin(), x.cos(), y.sin()])[None] * 0.5 + 0.5)
