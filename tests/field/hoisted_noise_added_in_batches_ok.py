import math

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Critic(nn.Module):
    def __init__(self, side):
        super().__init__()
        self.score = nn.Sequential(nn.Conv2d(1, 12, 4, 2, 1), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(12 * side * side // 4, 1))

    def forward(self, image):
        return self.score(image).squeeze(1)


def generator(latent, side):
    return nn.Sequential(nn.Linear(latent, 64), nn.ReLU(), nn.Linear(64, side * side), nn.Sigmoid(), nn.Unflatten(1, (1, side, side)))


def train_gan(images, latent=10, n_epochs=3, batch=16, instance_noise=0.1):
    side = images.shape[-1]
    net_g, net_d = generator(latent, side), Critic(side)
    opt_g = torch.optim.Adam(net_g.parameters(), 2e-4, betas=(0.5, 0.999))
    opt_d = torch.optim.Adam(net_d.parameters(), 2e-4, betas=(0.5, 0.999))
    bce = nn.functional.binary_cross_entropy_with_logits
    loader = DataLoader(TensorDataset(images), batch, shuffle=True, drop_last=True)
    total_steps = n_epochs * math.ceil(len(images) / batch)
    step = 0
    for epoch in range(n_epochs):
        for (real,) in loader:
            std = instance_noise * (1 - step / total_steps)
            fake = net_g(torch.randn(batch, latent))
            d_real = net_d(real + std * torch.randn_like(real))
            d_fake = net_d(fake.detach() + std * torch.randn_like(fake))
            loss_d = bce(d_real, torch.ones(batch)) + bce(d_fake, torch.zeros(batch))
            opt_d.zero_grad()
            loss_d.backward()
            opt_d.step()
            loss_g = bce(net_d(fake), torch.ones(batch))
            opt_g.zero_grad()
            loss_g.backward()
            opt_g.step()
            step += 1
        print(epoch, loss_d.item(), loss_g.item())
    return net_g


if __name__ == "__main__":
    train_gan(torch.rand(64, 1, 8, 8))
