"""No DataLoader and no optimizer: borders come from changes of the other inputs. Bug: drawn once."""

import sys

import torch
from small import batch_of, grid, jitter, make

model, _, _ = make()
coord = jitter(grid())
for _step in range(6):
    images = torch.rand(4, 3, 16, 16)
    if sys.argv[1] == "fine":
        coord = jitter(grid())
    for _twice in range(2):  # two forwards a batch are no finding
        loss = (model(images, batch_of(coord, images)) - 0.5).square().mean()
    loss.backward()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter -= 0.01 * parameter.grad
            parameter.grad = None
