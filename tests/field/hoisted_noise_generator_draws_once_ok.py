import numpy as np
import torch
from torch import nn


def smooth_field(rng, n, side):
    spectrum = rng.normal(size=(n, side, side)) + 1j * rng.normal(size=(n, side, side))
    k = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    field = np.fft.ifft2(spectrum / (0.02 + k) ** 1.5).real
    return ((field - field.min()) / np.ptp(field)).astype(np.float32)


def speckled_batches(scenes, batch_size, looks=4):
    """Pairs of a scene with multiplicative speckle, as in radar images, and without."""
    n, side, _ = scenes.shape
    order = np.random.permutation(n)
    for start in range(0, n - batch_size + 1, batch_size):
        clean = scenes[order[start:start + batch_size]]
        speckle = np.random.gamma(looks, 1.0 / looks, size=(batch_size, side, side)).astype(np.float32)
        yield torch.from_numpy(clean * speckle)[:, None], torch.from_numpy(clean)[:, None]


class Despeckler(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.a = nn.Conv2d(1, width, 5, padding=2)
        self.b = nn.Conv2d(width, width, 5, padding=2)
        self.c = nn.Conv2d(width, 1, 5, padding=2)

    def forward(self, x):
        return self.c(torch.relu(self.b(torch.relu(self.a(x)))))


def fit(scenes, epochs=3, batch_size=8):
    net = Despeckler()
    adam = torch.optim.Adam(net.parameters(), lr=1e-3)
    for epoch in range(epochs):
        losses = []
        for noisy, clean in speckled_batches(scenes, batch_size):
            loss = nn.functional.l1_loss(net(noisy), clean)
            adam.zero_grad()
            loss.backward()
            adam.step()
            losses.append(loss.item())
        print(epoch, np.mean(losses))
    return net


if __name__ == "__main__":
    fit(smooth_field(np.random.default_rng(2), 64, 16))
