import random

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def augment_batch(images, pad=2):
    """Random flip and translation of a batch (N, C, H, W)."""
    if random.random() < 0.5:
        images = images.flip(-1)
    dy, dx = random.randint(-pad, pad), random.randint(-pad, pad)
    return torch.roll(images, (dy, dx), dims=(-2, -1))


class Net(nn.Module):
    def __init__(self, n_classes=10):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 16, 3), nn.Conv2d(16, 32, 3, stride=2)
        self.fc = nn.Linear(32, n_classes)

    def forward(self, x):
        x = torch.relu(self.conv2(torch.relu(self.conv1(x))))
        return self.fc(x.mean((2, 3)))


def main(epochs=3):
    data = TensorDataset(torch.rand(96, 3, 14, 14), torch.randint(10, (96,)))
    loader = DataLoader(data, 32, shuffle=True)
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    for epoch in range(epochs):
        for images, labels in loader:
            loss = nn.functional.cross_entropy(net(augment_batch(images)), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(epoch, loss.item())


if __name__ == "__main__":
    main()
