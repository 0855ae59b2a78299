import tempfile

import numpy as np
import torch
from joblib import Memory
from torch import nn
from torch.utils.data import DataLoader, Dataset

memory = Memory(tempfile.mkdtemp(prefix="spectra_"), verbose=0)


def baseline(length, strength):
    x = np.linspace(-1, 1, length)
    return strength * np.polyval(np.random.normal(size=4), x)


@memory.cache
def simulate(sample_id, length=96):
    """Peaks of one substance; slow, therefore cached."""
    x = np.linspace(0, 1, length)
    peaks = np.random.RandomState(sample_id).rand(5, 2)
    return sum(height * np.exp(-((x - centre) ** 2) / 2e-4) for centre, height in peaks)


class Spectra(Dataset):
    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        clean = simulate(i)
        measured = clean + baseline(len(clean), 0.05)
        return measured.astype(np.float32), clean.astype(np.float32)


def train(n_epochs=3):
    loader = DataLoader(Spectra(32), batch_size=8, shuffle=True)
    net = nn.Sequential(nn.Linear(96, 48), nn.Tanh(), nn.Linear(48, 96))
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    for epoch in range(n_epochs):
        for measured, clean in loader:
            optimizer.zero_grad()
            loss = nn.functional.smooth_l1_loss(net(measured), clean)
            loss.backward()
            optimizer.step()
        print(epoch, loss.item())


if __name__ == "__main__":
    train()
