"""Conditional neural field: one latent vector a shape, one network for all of them."""
from dataclasses import dataclass

import torch
from einops import repeat
from torch import nn
from torch.utils.data import DataLoader, Dataset


@dataclass
class Options:
    side: int = 12
    latent: int = 8
    use_jittering: bool = True
    epochs: int = 3
    batch_size: int = 4


class Shapes(Dataset):
    def __init__(self, n, side):
        axis = torch.linspace(-1, 1, side)
        yy, xx = torch.meshgrid(axis, axis, indexing="ij")
        radius = torch.linspace(0.2, 0.9, n)
        self.sdf = (xx**2 + yy**2).sqrt()[None] - radius[:, None, None]

    def __len__(self):
        return len(self.sdf)

    def __getitem__(self, i):
        return i, self.sdf[i].flatten()


class Field(nn.Module):
    def __init__(self, n_shapes, opt):
        super().__init__()
        self.codes = nn.Embedding(n_shapes, opt.latent)
        self.net = nn.Sequential(nn.Linear(opt.latent + 2, 48), nn.Softplus(beta=50), nn.Linear(48, 1))

    def forward(self, index, coord):
        code = self.codes(index)[:, None].expand(-1, coord.shape[1], -1)
        return self.net(torch.cat([code, coord], -1)).squeeze(-1)


def grid(side):
    axis = torch.linspace(-1, 1, side)
    return torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1).view(-1, 2)


def train(opt):
    dataset = Shapes(16, opt.side)
    loader = DataLoader(dataset, opt.batch_size, shuffle=True)
    model = Field(len(dataset), opt)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    pitch = 2 / (opt.side - 1)
    coord = grid(opt.side)
    if opt.use_jittering:
        coord = coord + (torch.rand_like(coord) - 0.5) * pitch
    for epoch in range(opt.epochs):
        for index, sdf in loader:
            coord = repeat(coord, "n c -> b n c", b=len(index)) if coord.dim() == 2 else coord
            loss = (model(index, coord) - sdf).abs().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(epoch, loss.item())


if __name__ == "__main__":
    train(Options())
