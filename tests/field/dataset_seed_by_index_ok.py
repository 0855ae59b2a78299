"""Segmentation of cell nuclei; random crops of large microscope images."""
import random

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


def crop_window(height, width, size):
    return random.randint(0, height - size), random.randint(0, width - size)


class NucleiCrops(Dataset):
    def __init__(self, frames, masks, size=32, crops_per_frame=4):
        self.frames, self.masks = frames, masks
        self.size, self.crops_per_frame = size, crops_per_frame

    def __len__(self):
        return len(self.frames) * self.crops_per_frame

    def _augment(self, frame, mask):
        if random.random() < 0.5:
            frame, mask = frame[:, ::-1], mask[:, ::-1]
        gain = random.uniform(0.8, 1.2)
        return frame * gain, mask

    def __getitem__(self, item):
        frame_number = item // self.crops_per_frame
        frame, mask = self.frames[frame_number], self.masks[frame_number]
        top, left = crop_window(*frame.shape, self.size)
        window = slice(top, top + self.size), slice(left, left + self.size)
        frame, mask = self._augment(frame[window], mask[window])
        return torch.from_numpy(frame.copy()).float()[None], torch.from_numpy(mask.copy()).float()[None]


class SmallUNet(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(1, width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.up = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(width, 1, 3, padding=1))

    def forward(self, x):
        return self.up(self.down(x))


def run(n_epochs=3):
    rng = np.random.default_rng(5)
    frames = rng.random((6, 64, 64))
    loader = DataLoader(NucleiCrops(frames, frames > 0.7), batch_size=8, shuffle=True)
    unet = SmallUNet()
    optim = torch.optim.Adam(unet.parameters(), lr=1e-3)
    criterion = nn.BCEWithLogitsLoss()
    for epoch in range(n_epochs):
        running = 0.0
        for frame, mask in loader:
            optim.zero_grad()
            loss = criterion(unet(frame), mask)
            loss.backward()
            optim.step()
            running += loss.item()
        print(f"epoch {epoch}: {running / len(loader):.4f}")


if __name__ == "__main__":
    run()
