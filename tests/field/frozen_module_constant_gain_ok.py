import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

BANDS = 8
GAIN_RANGE = 0.9, 1.1
OFFSET_STD = 0.02


def radiometric_augmentation(cube):
    """Sensor gains and offsets differ between flights."""
    gain = np.random.uniform(*GAIN_RANGE, size=BANDS).astype(np.float32)
    return cube * gain[:, None, None] + np.float32(np.random.normal(0, OFFSET_STD))


class CropTypes(Dataset):
    def __init__(self, cubes, crops, augment):
        self.cubes, self.crops = cubes, crops
        self.augment = augment

    def __len__(self):
        return len(self.cubes)

    def __getitem__(self, i):
        cube = radiometric_augmentation(self.cubes[i]) if self.augment else self.cubes[i]
        return torch.from_numpy(cube), self.crops[i]


class SpectralNet(nn.Module):
    def __init__(self, n_crops=6):
        super().__init__()
        self.mix = nn.Conv2d(BANDS, 16, 1)
        self.fc = nn.Linear(16, n_crops)

    def forward(self, cube):
        return self.fc(torch.relu(self.mix(cube)).mean((2, 3)))


def main(epochs=3):
    cubes = np.random.default_rng(0).random((48, BANDS, 6, 6), dtype=np.float32)
    loader = DataLoader(CropTypes(cubes, np.arange(48) % 6, augment=True), 12, shuffle=True)
    net = SpectralNet()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    for epoch in range(epochs):
        for cube, crop in loader:
            loss = nn.functional.cross_entropy(net(cube), crop)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(epoch, loss.item())


if __name__ == "__main__":
    main()
