"""PARTIAL: only every third batch is jittered; the near miss jitters all, every third one more."""

import sys

from small import batch_of, grid, jitter, make, step

model, optimizer, loader = make(samples=24)
for _epoch in range(2):
    for number, (images,) in enumerate(loader):
        weak = 0.0 if sys.argv[1] == "bug" else 0.005
        step(model, optimizer, images, batch_of(jitter(grid(), 0.02 if number % 3 == 0 else weak), images))
