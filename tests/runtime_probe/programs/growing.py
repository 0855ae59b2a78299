"""Near misses of DRIFT: a schedule that makes the jitter grow, or shrink, from batch to batch."""

import sys

from small import batch_of, grid, jitter, make, step

model, optimizer, loader = make(samples=32)
batch = 0
for _epoch in range(2):
    for (images,) in loader:
        batch += 1
        std = 0.002 * batch if sys.argv[1] == "growing" else 0.04 / batch
        step(model, optimizer, images, batch_of(jitter(grid(), std), images))
