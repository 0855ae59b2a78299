import math
import random

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset


def random_affine(image, degrees=random.uniform(-15, 15), shift=random.uniform(-0.1, 0.1)):
    angle = math.radians(degrees)
    c, s = math.cos(angle), math.sin(angle)
    theta = torch.tensor([[c, -s, shift], [s, c, shift]])[None]
    field = F.affine_grid(theta, [1, *image.shape], align_corners=False)
    return F.grid_sample(image[None], field, align_corners=False)[0]


class HandwrittenDigits(Dataset):
    def __init__(self, images, digits, train):
        self.images, self.digits, self.train = images, digits, train

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        image = self.images[i]
        if self.train:
            image = random_affine(image)
        return image, self.digits[i]


def train(epochs=3):
    images, digits = torch.rand(60, 1, 14, 14), torch.arange(60) % 10
    train_dl = DataLoader(HandwrittenDigits(images[:50], digits[:50], True), 10, shuffle=True)
    test_dl = DataLoader(HandwrittenDigits(images[50:], digits[50:], False), 10)
    net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(288, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    for epoch in range(epochs):
        for image, digit in train_dl:
            optimizer.zero_grad()
            loss = F.cross_entropy(net(image), digit)
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            print(epoch, loss.item(), sum((net(x).argmax(1) == y).sum().item() for x, y in test_dl))


if __name__ == "__main__":
    train()
