"""Train a coordinate decoder on small images, in the manner of LIIF.

An encoder turns an image into a feature map; a decoder answers "which colour is at (y, x)?" for any
coordinate. The coordinates of the pixels are jittered in training, so that the decoder learns the
neighbourhood of every pixel and not the pixel centres alone.
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def make_images(count, size):
    """Random smooth images of shape (count, 3, size, size): a sum of plane waves for every channel."""
    y, x = make_grid(size).unbind(-1)
    images = torch.zeros(count, 3, size, size)
    for _ in range(6):
        frequency_y, frequency_x = (6 * torch.randn(2, count, 3, 1, 1)).unbind(0)
        phase = 2 * torch.pi * torch.rand(count, 3, 1, 1)
        images += torch.cos(2 * torch.pi * (frequency_y * y + frequency_x * x) / 3 + phase)
    return 0.5 + images / 12


def make_grid(size):
    """Centres of the pixels of a size x size image in [0, 1], in the order (y, x): (size, size, 2)."""
    centres = (torch.arange(size) + 0.5) / size
    return torch.stack(torch.meshgrid(centres, centres, indexing="ij"), dim=-1)


def jitter_grid(coord, std):
    """Move every coordinate by Gaussian noise; std is in units of the image side."""
    return coord + std * torch.randn_like(coord)


class CoordinateDecoder(nn.Module):
    """Colour of an image at any coordinate: local features and the coordinate, through an MLP."""

    def __init__(self, features=32):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(3, features, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(features, features, 3, padding=1),
        )
        self.decoder = nn.Sequential(nn.Linear(features + 2, 64), nn.ReLU(), nn.Linear(64, 3))

    def forward(self, images, coord):
        """images (B, 3, H, W) and coord (B, H, W, 2) in [0, 1] give colours (B, 3, H, W)."""
        features = self.encoder(images)
        x_then_y = 2 * coord.flip(-1) - 1
        local = F.grid_sample(features, x_then_y, align_corners=False, padding_mode="border")
        query = torch.cat([local.permute(0, 2, 3, 1), coord], dim=-1)
        return self.decoder(query).permute(0, 3, 1, 2)


def train_epoch(model, loader, optimizer, size, jitter_std):
    """One pass over the images; returns the mean loss."""
    model.train()
    total = 0.0
    for (images,) in loader:
        coord = make_grid(size)
        coord = jitter_grid(coord, jitter_std)
        batch_coord = coord.expand(len(images), -1, -1, -1)
        loss = F.mse_loss(model(images, batch_coord), images)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(images)
    return total / len(loader.dataset)


def main():
    """Train for a few epochs and print the final loss."""
    torch.manual_seed(0)
    size = 16
    loader = DataLoader(TensorDataset(make_images(256, size)), batch_size=16, shuffle=True)
    model = CoordinateDecoder()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for _ in range(8):
        loss = train_epoch(model, loader, optimizer, size, jitter_std=0.01)
    print(f"final loss: {loss:.4f}")


if __name__ == "__main__":
    main()
