import os
import random

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


def seed_everything(seed=3407):
    random.seed(seed)
    os.environ["PYTHONHASHSEED"] = str(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.backends.cudnn.deterministic = True


class Config:
    seed = 3407
    epochs = 3
    batch_size = 16
    lr = 1e-2
    cutout = 6


class Characters(Dataset):
    def __init__(self, images, labels, config):
        self.images, self.labels, self.config = images, labels, config

    def __len__(self):
        return len(self.images)

    def cutout(self, image):
        image = image.copy()
        y, x = np.random.randint(0, image.shape[0] - self.config.cutout, 2)
        image[y:y + self.config.cutout, x:x + self.config.cutout] = 0
        return image

    def __getitem__(self, i):
        return torch.from_numpy(self.cutout(self.images[i])).float()[None], int(self.labels[i])


def train_fn(model, loader, optimizer):
    model.train()
    meter = []
    for image, label in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(image), label)
        loss.backward()
        optimizer.step()
        meter.append(loss.item())
    return np.mean(meter)


def main(config):
    seed_everything(config.seed)
    images, labels = np.random.rand(96, 20, 20), np.random.randint(0, 10, 96)
    loader = DataLoader(Characters(images, labels, config), config.batch_size, shuffle=True)
    model = nn.Sequential(nn.Conv2d(1, 8, 3, 2), nn.ReLU(), nn.Dropout2d(0.1), nn.Flatten(), nn.Linear(648, 10))
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.lr)
    for epoch in range(config.epochs):
        print(epoch, train_fn(model, loader, optimizer))


if __name__ == "__main__":
    main(Config())
