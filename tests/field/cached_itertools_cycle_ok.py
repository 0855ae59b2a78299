import itertools

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Sketches(Dataset):
    def __init__(self, strokes, noise=0.03, drop=0.1):
        self.strokes, self.noise, self.drop = strokes, noise, drop

    def __len__(self):
        return len(self.strokes)

    def __getitem__(self, i):
        stroke = self.strokes[i]
        scale = 1 + 0.15 * (2 * torch.rand(2) - 1)
        keep = (torch.rand(len(stroke), 1) > self.drop).float()
        return (stroke * scale + self.noise * torch.randn_like(stroke)) * keep


class SketchVAE(nn.Module):
    def __init__(self, points=16, latent=4):
        super().__init__()
        self.encoder = nn.Linear(points * 2, 2 * latent)
        self.decoder = nn.Linear(latent, points * 2)

    def forward(self, stroke):
        mu, log_sigma = self.encoder(stroke.flatten(1)).chunk(2, -1)
        z = mu + log_sigma.exp() * torch.randn_like(mu)
        recon = self.decoder(z).view_as(stroke)
        kl = 0.5 * (mu**2 + (2 * log_sigma).exp() - 2 * log_sigma - 1).sum(-1).mean()
        return (recon - stroke).square().sum((1, 2)).mean() + 0.1 * kl


def forever(loader):
    while True:
        yield from loader


def main(iterations=60, log_every=20):
    strokes = torch.randn(40, 16, 2).cumsum(1) / 4
    loader = DataLoader(Sketches(strokes), batch_size=10, shuffle=True)
    model = SketchVAE()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for iteration, batch in enumerate(itertools.islice(forever(loader), iterations)):
        loss = model(batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if iteration % log_every == 0:
            print(iteration, loss.item())


if __name__ == "__main__":
    main()
