"""SUBSET_OF_CLEAN_GRID: random clean coordinates in every batch; the near miss jitters them."""

import sys

import torch
from small import grid, jitter, make, step

model, optimizer, loader = make()
nodes = grid().reshape(-1, 2)
for _epoch in range(2):
    for (images,) in loader:
        coord = nodes[torch.randint(len(nodes), (len(images), 64))]
        step(model, optimizer, images, coord if sys.argv[1] == "bug" else jitter(coord))
