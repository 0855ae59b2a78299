import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class SonarPings(Dataset):
    """Windows of sonar returns, all in memory."""

    def __init__(self, pings, targets, noise_std=0.02, max_shift=4):
        self.pings = pings
        self.targets = targets
        self.noise_std, self.max_shift = noise_std, max_shift

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, idx):
        ping = np.array(self.pings[idx])
        ping += np.random.normal(scale=self.noise_std, size=ping.shape).astype(ping.dtype)
        shifted = np.roll(ping, np.random.randint(-self.max_shift, self.max_shift + 1))
        return torch.from_numpy(shifted), self.targets[idx]


class PingNet(nn.Module):
    def __init__(self, length, hidden=24):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(length, hidden), nn.ReLU(), nn.Linear(hidden, 2))

    def forward(self, ping):
        return self.layers(ping)


def fit(net, loader, optimizer, epochs):
    net.train()
    for epoch in range(epochs):
        total = 0
        for ping, target in loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(ping), target)
            loss.backward()
            optimizer.step()
            total += loss.item()
        print(epoch, total / len(loader))


if __name__ == "__main__":
    source = np.random.default_rng(11)
    pings = source.standard_normal((64, 60)).astype(np.float32)
    targets = (pings[:, :10].sum(1) > 0).astype(np.int64)
    net = PingNet(60)
    fit(net, DataLoader(SonarPings(pings, targets), 16, shuffle=True), torch.optim.SGD(net.parameters(), lr=0.05), 4)
    print("spread of the stored pings:", pings.std())
