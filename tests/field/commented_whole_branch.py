import random

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset


def random_hflip(left, right):
    """Mirrors a stereo pair: the views change places."""
    if random.random() < 0.5:
        return right.flip(-1), left.flip(-1)
    return left, right


def random_photometric(*views):
    gamma, gain = random.uniform(0.8, 1.2), random.uniform(0.5, 2.0)
    return [(gain * view**gamma).clamp(0, 1) for view in views]


class StereoPairs(Dataset):
    def __init__(self, left, right, mode):
        self.left, self.right, self.mode = left, right, mode

    def __len__(self):
        return len(self.left)

    def __getitem__(self, index):
        left, right = self.left[index], self.right[index]
        if self.mode == "train":
            # left, right = random_hflip(left, right)
            # left, right = random_photometric(left, right)
            pass
        return left, right


class DisparityNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(3, 16, 5, padding=2), nn.ELU(), nn.Conv2d(16, 1, 5, padding=2), nn.Sigmoid())

    def forward(self, left):
        return 0.3 * self.net(left)


def warp(view, disparity):
    n, _, h, w = view.shape
    y, x = torch.meshgrid(torch.linspace(-1, 1, h), torch.linspace(-1, 1, w), indexing="ij")
    grid = torch.stack([x.expand(n, -1, -1) - 2 * disparity.squeeze(1), y.expand(n, -1, -1)], -1)
    return F.grid_sample(view, grid, align_corners=True)


def train(epochs=3):
    left, right = torch.rand(24, 3, 16, 32), torch.rand(24, 3, 16, 32)
    loader = DataLoader(StereoPairs(left, right, "train"), batch_size=6, shuffle=True)
    net = DisparityNet()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-4)
    for epoch in range(epochs):
        for left_view, right_view in loader:
            loss = (warp(right_view, net(left_view)) - left_view).abs().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(epoch, loss.item())


if __name__ == "__main__":
    train()
