"""A denoising autoencoder as a Lightning module.

The model learns to recover clean signals from noisy ones; every training step adds new noise.
"""

import lightning as L
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class DenoisingAutoencoder(L.LightningModule):
    """Recovers a signal of a given length from a noisy copy of it."""

    def __init__(self, length=64, noise_std=0.3, lr=2e-3):
        super().__init__()
        self.noise_std = noise_std
        self.lr = lr
        self.network = nn.Sequential(nn.Linear(length, 32), nn.ReLU(), nn.Linear(32, length))

    def forward(self, signal):
        """signal (B, length) gives its reconstruction, of the same shape."""
        return self.network(signal)

    def training_step(self, batch, batch_idx):
        """Loss of one batch."""
        (clean,) = batch
        noisy = clean + self.noise_std * torch.randn_like(clean)
        loss = F.mse_loss(self(noisy), clean)
        self.log("train_loss", loss, on_step=False, on_epoch=True)
        return loss

    def configure_optimizers(self):
        """Adam with a fixed learning rate."""
        return torch.optim.Adam(self.parameters(), lr=self.lr)


def make_signals(count, length=64):
    """Sine waves of random frequency and phase, of shape (count, length)."""
    time = torch.linspace(0, 1, length)
    frequency = 1 + 3 * torch.rand(count, 1)
    phase = 2 * torch.pi * torch.rand(count, 1)
    return torch.sin(2 * torch.pi * frequency * time + phase)


def main():
    """Train for a few epochs and print the final loss."""
    L.seed_everything(0)
    loader = DataLoader(TensorDataset(make_signals(1024)), batch_size=64, shuffle=True)
    trainer = L.Trainer(
        max_epochs=10,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(DenoisingAutoencoder(), loader)
    print(f"final loss: {trainer.callback_metrics['train_loss']:.4f}")


if __name__ == "__main__":
    main()
