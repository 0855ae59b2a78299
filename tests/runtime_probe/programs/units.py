"""OUT_OF_DOMAIN: a std meant in pixels used on [0, 1]; the near miss converts it (0.75 px, unclamped)."""

import sys

from small import SIZE, batch_of, grid, jitter, make, step

std = {"bug": 0.75, "fine": 0.75 / SIZE}[sys.argv[1]]
model, optimizer, loader = make()
for _epoch in range(2):
    for (images,) in loader:
        step(model, optimizer, images, batch_of(jitter(grid(), std), images))
