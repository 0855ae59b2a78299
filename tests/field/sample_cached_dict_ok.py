import random
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


def read_volume(path):
    rng = np.random.default_rng(len(str(path)) + ord(str(path)[-1]))
    return rng.random((16, 16, 8), dtype=np.float32)


def random_flip(volume):
    for axis in range(3):
        if random.random() < 0.5:
            volume = np.flip(volume, axis)
    return volume


def random_gamma(volume, low=0.7, high=1.5):
    return volume ** np.random.uniform(low, high)


class BrainVolumes(Dataset):
    """T1 volumes; reading NIfTI is slow, so what was read stays in memory."""

    def __init__(self, paths, ages, augment=True):
        self.paths, self.ages, self.augment = paths, ages, augment
        self._memory = {}

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        if index not in self._memory:
            volume = read_volume(self.paths[index])
            volume = (volume - volume.mean()) / volume.std()
            self._memory[index] = volume - volume.min()
        volume = self._memory[index]
        if self.augment:
            volume = random_gamma(random_flip(volume))
        return torch.from_numpy(np.ascontiguousarray(volume))[None], torch.tensor([self.ages[index]])


def main(n_epochs=3):
    paths = [Path(f"t1/sub-{k:02d}") for k in range(12)]
    ages = [20.0 + 4 * k for k in range(12)]
    loader = DataLoader(BrainVolumes(paths, ages), batch_size=4, shuffle=True)
    model = nn.Sequential(nn.Conv3d(1, 8, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(8, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(n_epochs):
        for volume, age in loader:
            loss = nn.functional.l1_loss(model(volume), age / 100)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(epoch, loss.item())


if __name__ == "__main__":
    main()
