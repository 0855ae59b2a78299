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
        self.items = []
        for picture, label in zip(pictures, labels):
            self.items.append((to_tensor(picture), label))
            for _ in range(copies):
                self.items.append((to_tensor(augment(picture)), label))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


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
