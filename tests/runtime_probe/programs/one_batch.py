"""INCONCLUSIVE: one batch; the near miss has two."""

import sys

from small import batch_of, grid, jitter, make, step

model, optimizer, loader = make(samples=4 if sys.argv[1] == "bug" else 8)
for (images,) in loader:
    step(model, optimizer, images, batch_of(jitter(grid()), images))
