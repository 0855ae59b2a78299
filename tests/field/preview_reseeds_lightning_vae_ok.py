import pytorch_lightning as pl
import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from torch.utils.data import DataLoader


class VAE(pl.LightningModule):
    def __init__(self, latent=20, beta=1.0, n_preview=64):
        super().__init__()
        self.save_hyperparameters()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(784, 400), nn.ReLU())
        self.to_mu, self.to_logvar = nn.Linear(400, latent), nn.Linear(400, latent)
        self.decoder = nn.Sequential(nn.Linear(latent, 400), nn.ReLU(), nn.Linear(400, 784), nn.Sigmoid())

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        return mu + std * torch.randn_like(std)

    def forward(self, x):
        h = self.encoder(x)
        mu, logvar = self.to_mu(h), self.to_logvar(h)
        return self.decoder(self.reparameterize(mu, logvar)), mu, logvar

    def training_step(self, batch, _):
        x, _ = batch
        recon, mu, logvar = self(x)
        bce = F.binary_cross_entropy(recon, x.flatten(1), reduction="sum") / len(x)
        kld = -0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).sum(1).mean()
        self.log_dict({"bce": bce, "kld": kld})
        return bce + self.hparams.beta * kld

    def on_fit_start(self):
        self.preview_z = torch.randn(self.hparams.n_preview, self.hparams.latent, device=self.device)

    @torch.no_grad()
    def on_train_epoch_end(self):
        z = self.preview_z
        grid = torchvision.utils.make_grid(self.decoder(z).view(-1, 1, 28, 28))
        self.logger.experiment.add_image("samples", grid, self.current_epoch)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=1e-3)


def main():
    pl.seed_everything(42, workers=True)
    mnist = torchvision.datasets.MNIST(".", download=True, transform=torchvision.transforms.ToTensor())
    loader = DataLoader(mnist, batch_size=128, shuffle=True, num_workers=2)
    pl.Trainer(max_epochs=30).fit(VAE(), loader)


if __name__ == "__main__":
    main()
