"""Music genre classification from spectrogram pictures."""
from functools import lru_cache

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


def read_spectrogram(track):
    frames = np.arange(64)[:, None] * (1 + track % 5)
    return np.abs(np.sin(frames * np.linspace(0.01, 0.3, 32))).astype(np.float32)


def stretch(spec, low=0.8, high=1.2):
    rate = np.random.uniform(low, high)
    rows = np.clip((np.arange(len(spec)) * rate).astype(int), 0, len(spec) - 1)
    return spec[rows]


def band_stop(spec, width=5):
    first = np.random.randint(0, spec.shape[1] - width)
    spec = spec.copy()
    spec[:, first:first + width] = 0.0
    return spec


@lru_cache(maxsize=None)
def load_track(track, train):
    spec = read_spectrogram(track)
    if train:
        spec = band_stop(stretch(spec))
    return torch.from_numpy(spec)


class Genres(Dataset):
    def __init__(self, tracks, train):
        self.tracks, self.train = tracks, train

    def __len__(self):
        return len(self.tracks)

    def __getitem__(self, i):
        track = self.tracks[i]
        return load_track(track, self.train), track % 5


def fit(model, train_loader, test_loader, epochs=3):
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(epochs):
        model.train()
        for spec, genre in train_loader:
            loss = nn.functional.cross_entropy(model(spec), genre)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            correct = sum((model(spec).argmax(-1) == genre).sum().item() for spec, genre in test_loader)
        print(epoch, loss.item(), correct)


if __name__ == "__main__":
    network = nn.Sequential(nn.Flatten(), nn.Linear(2048, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 5))
    train = DataLoader(Genres(list(range(40)), train=True), batch_size=10, shuffle=True)
    test = DataLoader(Genres(list(range(40, 50)), train=False), batch_size=10)
    fit(network, train, test)
