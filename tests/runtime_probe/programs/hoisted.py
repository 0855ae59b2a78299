"""ONCE_PER_EPOCH; the near miss has one batch an epoch, where once per epoch is once per batch."""

import sys

from small import batch_of, grid, jitter, make, step

model, optimizer, loader = make(samples=12, batch={"bug": 4, "fine": 12}[sys.argv[1]])
for _epoch in range(4):
    coord = jitter(grid())
    for (images,) in loader:
        step(model, optimizer, images, batch_of(coord, images))
