"""Silent: per-image offsets drawn once an epoch for the whole data set. Bug: one offset for all images."""

import sys

import torch
from small import batch_of, grid, make, step

model, optimizer, loader = make()
for _epoch in range(2):
    offsets = torch.randn(12, 1, 1, 2) * 0.02
    if sys.argv[1] == "bug":
        offsets = offsets[:1].expand(12, 1, 1, 2)
    for number, (images,) in enumerate(loader):
        mine = offsets[number * 4 : number * 4 + 4]
        step(model, optimizer, images, batch_of(grid(), images) + mine)
