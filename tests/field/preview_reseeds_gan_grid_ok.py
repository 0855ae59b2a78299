import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--n_epochs", type=int, default=4)
parser.add_argument("--latent_dim", type=int, default=16)
parser.add_argument("--sample_interval", type=int, default=2)
opt = parser.parse_args()


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(nn.Linear(opt.latent_dim, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.Tanh())

    def forward(self, z):
        return self.model(z).view(-1, 1, 8, 8)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))

    def forward(self, img):
        return self.model(img)


def sample_image(n_row, batches_done):
    """Saves a grid of generated digits; always the same latents, to compare over time."""
    z = torch.randn(n_row**2, opt.latent_dim, generator=torch.Generator().manual_seed(2020))
    with torch.no_grad():
        grid = generator(z).reshape(n_row, n_row, 8, 8).permute(0, 2, 1, 3).reshape(n_row * 8, n_row * 8)
    torch.save(grid, f"/tmp/grid_{batches_done}.pt")


generator, discriminator = Generator(), Discriminator()
optimizer_G = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
optimizer_D = torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))
bce = nn.BCEWithLogitsLoss()
dataloader = DataLoader(TensorDataset(torch.rand(64, 1, 8, 8) * 2 - 1), batch_size=16, shuffle=True)

for epoch in range(opt.n_epochs):
    for i, (real,) in enumerate(dataloader):
        valid, fake = torch.ones(len(real), 1), torch.zeros(len(real), 1)
        z = torch.randn(len(real), opt.latent_dim)
        gen_imgs = generator(z)
        optimizer_G.zero_grad()
        g_loss = bce(discriminator(gen_imgs), valid)
        g_loss.backward()
        optimizer_G.step()
        optimizer_D.zero_grad()
        d_loss = (bce(discriminator(real), valid) + bce(discriminator(gen_imgs.detach()), fake)) / 2
        d_loss.backward()
        optimizer_D.step()
        batches_done = epoch * len(dataloader) + i
        if batches_done % opt.sample_interval == 0:
            sample_image(n_row=3, batches_done=batches_done)
    print(epoch, d_loss.item(), g_loss.item())
