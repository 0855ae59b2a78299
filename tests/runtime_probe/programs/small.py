"""What the programs share: a small decoder, a clean grid, a loader of random images, one training step."""

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

SIZE = 16


class Decoder(nn.Module):
    """Colours at coordinates: images (B, 3, SIZE, SIZE), coord (B, ..., 2) -> (B, ..., 3)."""

    def __init__(self):
        super().__init__()
        self.encode = nn.Linear(3, 8)
        self.first = nn.Linear(2, 8)
        self.last = nn.Linear(8, 3)

    def forward(self, images, coord):
        code = self.encode(images.mean((2, 3)))
        hidden = self.first(coord.float())
        return self.last(torch.relu(hidden + code.view(len(images), *[1] * (coord.ndim - 2), -1)))


def grid(size: int = SIZE) -> Tensor:
    """The cell-centred lattice on [0, 1], order (y, x), shape (size, size, 2)."""
    centres = (torch.arange(size) + 0.5) / size
    return torch.stack(torch.meshgrid(centres, centres, indexing="ij"), dim=-1)


def jitter(coord: Tensor, std: float = 0.02) -> Tensor:
    """Gaussian jitter, std in units of [0, 1]: 0.02 is 0.32 px at SIZE 16."""
    return coord + torch.randn_like(coord) * std


def make(samples: int = 12, batch: int = 4):
    """A model, its optimizer and a loader of random images."""
    torch.manual_seed(0)
    model = Decoder()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    loader = DataLoader(TensorDataset(torch.rand(samples, 3, SIZE, SIZE)), batch_size=batch, shuffle=True)
    return model, optimizer, loader


def step(model, optimizer, images: Tensor, coord: Tensor) -> None:
    """One optimizer step towards grey."""
    loss = (model(images, coord) - 0.5).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def batch_of(coord: Tensor, images: Tensor) -> Tensor:
    """The same coordinates for every sample of a batch."""
    return coord.expand(len(images), *coord.shape)
