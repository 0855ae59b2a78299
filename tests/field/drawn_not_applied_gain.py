import random

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class BirdSong(Dataset):
    def __init__(self, waves, species, train=True, seconds=2, rate=400):
        self.waves, self.species, self.train = waves, species, train
        self.n_samples = seconds * rate

    def __len__(self):
        return len(self.waves)

    def random_window(self, wave):
        start = random.randint(0, len(wave) - self.n_samples)
        return wave[start:start + self.n_samples]

    def random_gain(self, wave):
        """Microphones differ by up to 12 dB."""
        gain_db = random.uniform(-6.0, 6.0)
        factor = 10.0 ** (gain_db / 20.0)
        peak = wave.abs().max()
        if peak > 1.0:
            wave = wave / peak
        return wave

    def __getitem__(self, index):
        wave = self.waves[index]
        if self.train:
            wave = self.random_gain(self.random_window(wave))
        else:
            wave = wave[:self.n_samples]
        return wave.unsqueeze(0), self.species[index]


class SongNet(nn.Sequential):
    def __init__(self, species=3):
        super().__init__(
            nn.Conv1d(1, 16, 25, stride=5), nn.ReLU(), nn.Conv1d(16, 16, 9, stride=4), nn.ReLU(),
            nn.AdaptiveMaxPool1d(1), nn.Flatten(), nn.Linear(16, species),
        )


def train_model(epochs=3):
    waves = torch.rand(30, 1000) * 2 - 1
    species = torch.arange(30) % 3
    train_dl = DataLoader(BirdSong(waves[:24], species[:24]), 8, shuffle=True)
    test_dl = DataLoader(BirdSong(waves[24:], species[24:], train=False), 6)
    model = SongNet()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    for epoch in range(epochs):
        model.train()
        for wave, label in train_dl:
            loss = nn.functional.cross_entropy(model(wave), label)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            hits = sum((model(wave).argmax(1) == label).sum().item() for wave, label in test_dl)
        print(f"{epoch}: loss {loss.item():.3f}, {hits} of 6")


if __name__ == "__main__":
    train_model()
