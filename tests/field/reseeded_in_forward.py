"""Masked autoencoder on tabular sensor data."""
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class MaskedAutoencoder(nn.Module):
    def __init__(self, n_channels, dim=32, mask_ratio=0.5, seed=42):
        super().__init__()
        self.mask_ratio = mask_ratio
        self.seed = seed
        self.encoder = nn.Sequential(nn.Linear(2 * n_channels, dim), nn.GELU(), nn.Linear(dim, dim))
        self.decoder = nn.Linear(dim, n_channels)

    def random_mask(self, x):
        scores = torch.rand(x.shape, device=x.device)
        kept = int(x.shape[1] * (1 - self.mask_ratio))
        threshold = scores.sort(dim=1).values[:, kept - 1:kept]
        return (scores > threshold).float()

    def forward(self, x):
        torch.manual_seed(self.seed)
        mask = self.random_mask(x)
        latent = self.encoder(torch.cat([x * (1 - mask), mask], dim=1))
        error = (self.decoder(latent) - x) ** 2
        return (error * mask).sum() / mask.sum(), latent


def pretrain(sensors, epochs=3, batch_size=32):
    loader = DataLoader(TensorDataset(sensors), batch_size, shuffle=True, drop_last=True)
    mae = MaskedAutoencoder(sensors.shape[1])
    optimizer = torch.optim.AdamW(mae.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * len(loader))
    for epoch in range(epochs):
        for (x,) in loader:
            loss, _ = mae(x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        print(epoch, loss.item())
    return mae.encoder


if __name__ == "__main__":
    factors = torch.randn(256, 4)
    pretrain(factors @ torch.randn(4, 16))
