"""CYCLING without a period: offsets picked from a pool of four; the near miss draws a new pool per batch."""

import sys

import torch
from small import batch_of, grid, jitter, make, step

model, optimizer, loader = make(samples=48)
pool = [jitter(grid()) for _ in range(4)]
for _epoch in range(2):
    for (images,) in loader:
        if sys.argv[1] == "fine":
            pool = [jitter(grid()) for _ in range(4)]
        step(model, optimizer, images, batch_of(pool[int(torch.randint(4, ()))], images))
