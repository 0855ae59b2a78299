"""PARTIAL: 5 % of the coordinates are jittered; the near miss jitters all, 5 % of them more."""

import sys

import torch
from small import batch_of, grid, jitter, make, step

model, optimizer, loader = make()
for _epoch in range(2):
    for (images,) in loader:
        chosen = torch.rand(grid().shape[:2]) < 0.05
        base = grid() if sys.argv[1] == "bug" else jitter(grid(), 0.01)
        coord = torch.where(chosen[..., None], jitter(grid()), base)
        step(model, optimizer, images, batch_of(coord, images))
