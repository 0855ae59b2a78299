import argparse

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def parse():
    p = argparse.ArgumentParser()
    p.add_argument("--alpha", type=float, default=0.4)
    p.add_argument("--epochs", type=int, default=3)
    return p.parse_args()


def mix(x, y, lam):
    other = torch.randperm(x.size(0))
    return lam * x + (1 - lam) * x[other], y, y[other]


def mixed_loss(logits, y_a, y_b, lam):
    return lam * F.cross_entropy(logits, y_a) + (1 - lam) * F.cross_entropy(logits, y_b)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, stride=2)
        self.fc = nn.Linear(8 * 49, 5)

    def forward(self, x):
        return self.fc(F.relu(self.conv(x)).flatten(1))


def main():
    args = parse()
    loader = DataLoader(TensorDataset(torch.rand(80, 3, 16, 16), torch.randint(5, (80,))), 16, shuffle=True)
    net = Net()
    sgd = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    lam = np.random.beta(args.alpha, args.alpha) if args.alpha > 0 else 1.0
    for epoch in range(args.epochs):
        net.train()
        for x, y in loader:
            mixed, y_a, y_b = mix(x, y, lam)
            loss = mixed_loss(net(mixed), y_a, y_b, lam)
            sgd.zero_grad()
            loss.backward()
            sgd.step()
        print(epoch, f"{loss.item():.4f}")


if __name__ == "__main__":
    main()
