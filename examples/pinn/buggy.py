"""Solve a differential equation with a network (Raissi et al., "Physics-informed neural networks", 2019).

The network learns u with u'' = -sin(x) and u(0) = u(pi) = 0, whose solution is sin(x). The equation is asked for at the
cells of a grid, in each step at another place within every cell.

The bug: the places are drawn once above the loop, so the equation holds there and is unknown between them.
"""

import math

import torch
from torch import nn

CELLS = 32


def make_grid():
    """The centres of equal cells on [0, pi], (CELLS, 1)."""
    return (torch.arange(CELLS).unsqueeze(1) + 0.5) * math.pi / CELLS


def jitter(points):
    """Move every point within its cell."""
    return points + (torch.rand_like(points) - 0.5) * math.pi / CELLS


def residual(model, points):
    """How far u'' is from -sin(x) at the points."""
    points = points.detach().requires_grad_()
    (slope,) = torch.autograd.grad(model(points).sum(), points, create_graph=True)
    (curvature,) = torch.autograd.grad(slope.sum(), points, create_graph=True)
    return curvature + torch.sin(points)


def train(model, optimizer, steps):
    """Train; returns the loss of the last step."""
    border = torch.tensor([[0.0], [math.pi]])
    points = jitter(make_grid())
    for _ in range(steps):
        loss = residual(model, points).square().mean() + model(border).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


def main():
    """Train and print the largest error and the final loss."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    loss = train(model, optimizer, steps=300)
    points = torch.linspace(0, math.pi, 1000).unsqueeze(1)
    print(f"largest error: {(model(points) - points.sin()).abs().max():.4f}")
    print(f"final loss: {loss:.4f}")


if __name__ == "__main__":
    main()
