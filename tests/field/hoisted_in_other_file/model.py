import torch
from torch import nn


class FourierMLP(nn.Module):
    def __init__(self, n_frequencies=32, scale=6.0, width=64):
        super().__init__()
        self.register_buffer("B", torch.randn(2, n_frequencies) * scale)
        self.net = nn.Sequential(nn.Linear(2 * n_frequencies, width), nn.ReLU(), nn.Linear(width, 3), nn.Sigmoid())

    def forward(self, xy):
        phase = 2 * torch.pi * xy @ self.B
        return self.net(torch.cat([phase.sin(), phase.cos()], -1))
