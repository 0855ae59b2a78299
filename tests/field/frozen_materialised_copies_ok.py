import random

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageOps
from torch import nn
from torch.utils.data import DataLoader, Dataset


def augment(picture):
    if random.random() < 0.5:
        picture = ImageOps.mirror(picture)
    picture = picture.rotate(random.uniform(-12, 12))
    return ImageEnhance.Contrast(picture).enhance(random.uniform(0.7, 1.4))


def to_tensor(picture):
    return torch.from_numpy(np.asarray(picture, dtype=np.float32) / 255)[None]


class Weeds(Dataset):
    """Every picture `copies` times, with different augmentation."""

    def __init__(self, pictures, labels, copies=3):
        self.pictures, self.labels, self.copies = pictures, labels, copies

    def __len__(self):
        return len(self.pictures) * (1 + self.copies)

    def __getitem__(self, i):
        which, copy = divmod(i, 1 + self.copies)
        picture = self.pictures[which]
        if copy > 0:
            picture = augment(picture)
        return to_tensor(picture), self.labels[which]


def run(epochs=3):
    g = np.random.default_rng(0)
    pictures = [Image.fromarray(g.integers(0, 255, (24, 24), dtype=np.uint8)) for _ in range(16)]
    loader = DataLoader(Weeds(pictures, [k % 4 for k in range(16)]), batch_size=16, shuffle=True)
    net = nn.Sequential(nn.Conv2d(1, 8, 5, 2), nn.ReLU(), nn.Flatten(), nn.Linear(800, 4))
    optimizer = torch.optim.Adam(net.parameters())
    for epoch in range(epochs):
        for picture, label in loader:
            loss = nn.functional.cross_entropy(net(picture), label)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(epoch, loss.item())


if __name__ == "__main__":
    run()
