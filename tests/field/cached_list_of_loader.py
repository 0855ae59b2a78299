"""Few data, slow loader: everything is kept in memory."""
import time

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class VibrationWindows(Dataset):
    def __init__(self, signal, size=64, hop=32):
        self.signal, self.size, self.hop = signal, size, hop

    def __len__(self):
        return (len(self.signal) - self.size) // self.hop - 1

    def __getitem__(self, i):
        start = i * self.hop + np.random.randint(self.hop)
        window = self.signal[start:start + self.size] * np.random.uniform(0.9, 1.1)
        return torch.tensor(window, dtype=torch.float32)


class AutoEncoder(nn.Module):
    def __init__(self, size, code=8):
        super().__init__()
        self.down, self.up = nn.Linear(size, code), nn.Linear(code, size)

    def forward(self, x):
        return self.up(torch.tanh(self.down(x)))


def train(signal, n_epochs=4, batch_size=16):
    loader = DataLoader(VibrationWindows(signal), batch_size, shuffle=True)
    model = AutoEncoder(64)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    started = time.time()
    batches = list(loader)
    print(f"{len(batches)} batches read in {time.time() - started:.1f} s")
    for epoch in range(n_epochs):
        for window in batches:
            loss = (model(window) - window).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(epoch, loss.item())
    return model


if __name__ == "__main__":
    t = np.arange(2400)
    train(np.sin(t / 5) + 0.3 * np.sin(t / 1.7))
