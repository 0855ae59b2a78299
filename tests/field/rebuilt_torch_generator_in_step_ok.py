"""Flow matching in two dimensions."""
import math

import torch
from torch import nn


def two_moons(n):
    angle = torch.rand(n) * math.pi
    upper = torch.rand(n) < 0.5
    x = torch.where(upper, angle.cos(), 1 - angle.cos())
    y = torch.where(upper, angle.sin(), 0.5 - angle.sin())
    return torch.stack([x, y], -1) + 0.05 * torch.randn(n, 2)


class Velocity(nn.Module):
    def __init__(self, hidden=64):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, 2))

    def forward(self, x, t):
        return self.net(torch.cat([x, t], -1))


class FlowTrainer:
    def __init__(self, lr=1e-3, seed=0):
        self.model = Velocity()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=lr)
        self.seed = seed
        self.generator = torch.Generator().manual_seed(seed)

    def train_step(self, x1):
        x0 = torch.randn(x1.shape, generator=self.generator)
        t = torch.rand(len(x1), 1, generator=self.generator)
        target = x1 - x0
        loss = (self.model((1 - t) * x0 + t * x1, t) - target).square().mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def run(self, steps, batch=128):
        torch.manual_seed(self.seed)
        for step in range(steps):
            loss = self.train_step(two_moons(batch))
            if step % 40 == 0:
                print(step, loss)
        return self.model


@torch.no_grad()
def sample(model, n, steps=20):
    x = torch.randn(n, 2)
    for k in range(steps):
        x = x + model(x, torch.full((n, 1), k / steps)) / steps
    return x


if __name__ == "__main__":
    print(sample(FlowTrainer().run(120), 4))
