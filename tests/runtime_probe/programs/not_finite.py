"""NON_FINITE: a jitter that divides by zero; the near miss does not."""

import sys

import torch
from small import batch_of, grid, make, step

model, optimizer, loader = make()
for _epoch in range(2):
    for (images,) in loader:
        noise = torch.randn(*grid().shape)
        noise[0, 0] = noise[0, 0] / (0.0 if sys.argv[1] == "bug" else 2.0)
        step(model, optimizer, images, batch_of(grid() + 0.02 * noise, images))
