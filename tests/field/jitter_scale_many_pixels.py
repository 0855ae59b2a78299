"""Implicit representation of a 256 x 256 picture with jittered coordinates."""
import torch
from skimage import data
from skimage.transform import resize
from torch import nn

SIDE = 256
JITTER_STD = 0.05


def coordinates():
    axis = torch.linspace(-1, 1, SIDE)
    return torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)


class PositionalMLP(nn.Module):
    def __init__(self, octaves=7, hidden=64):
        super().__init__()
        self.register_buffer("bands", torch.pi * 2.0 ** torch.arange(octaves))
        self.mlp = nn.Sequential(nn.Linear(4 * octaves, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 1))

    def forward(self, xy):
        phases = (xy[..., None] * self.bands).flatten(-2)
        return self.mlp(torch.cat([phases.sin(), phases.cos()], -1))


def main(steps=20, batch=4096):
    picture = torch.from_numpy(resize(data.camera(), (SIDE, SIDE))).float().reshape(-1, 1)
    xy = coordinates()
    net = PositionalMLP()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    for step in range(steps):
        rows = torch.randint(len(xy), (batch,))
        jittered = xy[rows] + JITTER_STD * torch.randn(batch, 2)
        loss = nn.functional.mse_loss(net(jittered), picture[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        error = (net(xy) - picture).square().mean()
    print("PSNR", -10 * error.log10().item())


if __name__ == "__main__":
    main()
