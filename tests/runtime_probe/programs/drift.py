"""DRIFT: noise is added in place, so it accumulates; the near miss starts from the grid in every batch."""

import sys

import torch
from small import batch_of, grid, make, step

model, optimizer, loader = make(samples=24)
coord = grid()
for _epoch in range(2):
    for (images,) in loader:
        if sys.argv[1] == "fine":
            coord = grid()
        coord.add_(torch.randn_like(coord) * 0.005)
        step(model, optimizer, images, batch_of(coord, images))
