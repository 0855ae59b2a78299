"""SHARED_IN_BATCH: one draw repeated for all samples; the near miss draws per sample."""

import sys

from small import batch_of, grid, jitter, make, step

model, optimizer, loader = make()
for _epoch in range(2):
    for (images,) in loader:
        clean = batch_of(grid(), images)
        coord = jitter(grid()).repeat(len(images), 1, 1, 1) if sys.argv[1] == "bug" else jitter(clean)
        step(model, optimizer, images, coord)
