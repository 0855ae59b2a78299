"""Silent: a random resolution in every batch, each jittered. Bug: one of the three resolutions is not."""

import random
import sys

from small import batch_of, grid, jitter, make, step

model, optimizer, loader = make(samples=48)
random.seed(0)
for _epoch in range(2):
    for (images,) in loader:
        size = random.choice([8, 16, 24])
        std = 0.0 if sys.argv[1] == "bug" and size == 24 else 0.3 / size
        step(model, optimizer, images, batch_of(jitter(grid(size), std), images))
