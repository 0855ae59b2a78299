"""Signed distance to a curve; query points are jittered around the curve."""
import torch
from torch import nn


def spiral(n):
    s = torch.linspace(0.2, 3.0, n)
    return torch.stack([s * torch.cos(4 * s), s * torch.sin(4 * s)], -1) / 3


class DistanceNet(nn.Module):
    def __init__(self, hidden=64):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, hidden), nn.Softplus(20), nn.Linear(hidden, hidden), nn.Softplus(20), nn.Linear(hidden, 1))

    def forward(self, xy):
        return self.layers(xy).squeeze(-1)


class CurveFitter:
    def __init__(self, curve, sigma=0.05, lr=1e-3):
        self.curve, self.sigma = curve, sigma
        self.net = DistanceNet()
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=lr)

    def true_distance(self, xy):
        return torch.cdist(xy, self.curve).amin(1)

    def fit(self, iterations):
        points = self.curve.repeat(4, 1)
        for iteration in range(iterations):
            queries = points + self.sigma * torch.randn_like(points)
            loss = (self.net(queries) - self.true_distance(queries)).abs().mean()
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            if iteration % 50 == 0:
                print(iteration, loss.item(), "spread", queries.std().item())
        return self.net


if __name__ == "__main__":
    CurveFitter(spiral(128)).fit(200)
