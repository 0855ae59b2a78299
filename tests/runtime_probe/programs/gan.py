"""Silent: a generator called twice a batch on the same coordinates, for two optimizers. Bug: drawn once."""

import sys

import torch
from small import batch_of, grid, jitter, make
from torch import nn

model, optimizer, loader = make()
critic = nn.Sequential(nn.Flatten(), nn.Linear(16 * 16 * 3, 1))
critic_optimizer = torch.optim.SGD(critic.parameters(), lr=0.01)
frozen = jitter(grid())
for _epoch in range(2):
    for (images,) in loader:
        coord = batch_of(frozen if sys.argv[1] == "bug" else jitter(grid()), images)
        score = critic(model(images, coord).detach()).mean()
        critic_optimizer.zero_grad()
        score.backward()
        critic_optimizer.step()
        loss = -critic(model(images, coord)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
