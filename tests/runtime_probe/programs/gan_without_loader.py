"""Silent: the same without a DataLoader; only the generator's own optimizer makes batches."""

import sys

import torch
from small import grid, jitter, make
from torch import nn

model, optimizer, _ = make()
critic = nn.Sequential(nn.Flatten(), nn.Linear(16 * 16 * 3, 1))
critic_optimizer = torch.optim.SGD(critic.parameters(), lr=0.01)
frozen = jitter(grid())
for _step in range(6):
    images = torch.rand(4, 3, 16, 16)
    coord = (frozen if sys.argv[1] == "bug" else jitter(grid())).expand(4, 16, 16, 2)
    critic(model(images, coord).detach()).mean().backward()
    critic_optimizer.step()
    critic_optimizer.zero_grad()
    (-critic(model(images, coord)).mean()).backward()
    optimizer.step()
    optimizer.zero_grad()
