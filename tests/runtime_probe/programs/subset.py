"""FROZEN: one random selection of clean coordinates for all batches; the near miss selects for every batch."""

import sys

import torch
from small import grid, make, step

model, optimizer, loader = make()
nodes = grid().reshape(-1, 2)
coord = nodes[torch.randint(len(nodes), (4, 64))]
for _epoch in range(2):
    for (images,) in loader:
        if sys.argv[1] == "fine":
            coord = nodes[torch.randint(len(nodes), (4, 64))]
        step(model, optimizer, images, coord)
