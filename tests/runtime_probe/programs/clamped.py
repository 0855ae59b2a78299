"""CLAMPED: jittered coordinates are clamped to [0, 1]; the near miss reflects them."""

import sys

from small import batch_of, grid, jitter, make, step

model, optimizer, loader = make()
for _epoch in range(2):
    for (images,) in loader:
        coord = jitter(grid(), 0.04)
        coord = coord.clamp(0, 1) if sys.argv[1] == "bug" else 1 - (1 - coord.abs()).abs()
        step(model, optimizer, images, batch_of(coord, images))
