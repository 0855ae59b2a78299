"""Fit continuous images with a trainer class, as many research code bases are organised.

The trainer owns the model and the optimiser; `_iter_step` handles one batch, in training and in
validation. Training queries a jittered grid, validation the clean one.
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


def make_coord_grid(shape, value_range, device=None):
    """Cell-centred grid of shape (H, W, 2) over value_range, in the order (y, x)."""
    low, high = value_range
    axes = [low + (high - low) * (torch.arange(n, device=device) + 0.5) / n for n in shape]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)


class FieldDecoder(nn.Module):
    """An image summarised by a code; the code and a coordinate give the grey value there."""

    def __init__(self, size, code=64):
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(size * size, code), nn.ReLU())
        self.decoder = nn.Sequential(nn.Linear(code + 2, 128), nn.ReLU(), nn.Linear(128, 1))

    def forward(self, images, coord):
        """images (B, 1, H, W) and coord (B, H, W, 2) give grey values (B, 1, H, W)."""
        code = self.encoder(images)[:, None, None, :].expand(*coord.shape[:-1], -1)
        return self.decoder(torch.cat([code, coord], dim=-1)).permute(0, 3, 1, 2)


class Trainer:
    """Trains a coordinate model on a loader of images."""

    def __init__(self, model, lr=2e-3, jitter_std=0.02):
        self.model = model
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        self.jitter_std = jitter_std

    def add_gaussian_noise_to_grid(self, coord):
        """Move every point of the grid by Gaussian noise."""
        return coord + self.jitter_std * torch.randn_like(coord)

    def _iter_step(self, data, is_train):
        (gt,) = data
        coord = make_coord_grid(gt.shape[-2:], (0, 1), device=gt.device)
        if is_train:
            coord = self.add_gaussian_noise_to_grid(coord)
        coord = coord.expand(len(gt), -1, -1, -1)
        loss = F.mse_loss(self.model(gt, coord), gt)
        if is_train:
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
        return loss.item()

    def train_epoch(self, loader):
        """One pass over the training images; returns the mean loss."""
        self.model.train()
        losses = [self._iter_step(data, is_train=True) for data in loader]
        return sum(losses) / len(losses)

    @torch.no_grad()
    def validate(self, loader):
        """Mean loss over the validation images."""
        self.model.eval()
        losses = [self._iter_step(data, is_train=False) for data in loader]
        return sum(losses) / len(losses)


def make_blobs(count, size):
    """Images of shape (count, 1, size, size), each with one soft blob at a random place."""
    grid = make_coord_grid((size, size), (0, 1))
    centre = torch.rand(count, 1, 1, 2)
    return torch.exp(-20 * (grid - centre).square().sum(-1)).unsqueeze(1)


def main():
    """Train for a few epochs and print the final losses."""
    torch.manual_seed(0)
    size = 16
    train_set, val_set = random_split(TensorDataset(make_blobs(320, size)), [256, 64])
    train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=64)
    trainer = Trainer(FieldDecoder(size))
    for _ in range(15):
        loss = trainer.train_epoch(train_loader)
    print(f"validation loss: {trainer.validate(val_loader):.4f}")
    print(f"final loss: {loss:.4f}")


if __name__ == "__main__":
    main()
