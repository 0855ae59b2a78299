"""EVAL_JITTER: validation coordinates are jittered; the near miss validates at fixed half-pixel shifts."""

import sys

import torch
from small import SIZE, batch_of, grid, jitter, make, step

model, optimizer, loader = make()
for _epoch in range(2):
    model.train()
    for (images,) in loader:
        step(model, optimizer, images, batch_of(jitter(grid()), images))
    model.eval()
    with torch.no_grad():
        for (images,) in loader:
            coord = jitter(grid()) if sys.argv[1] == "bug" else grid() + 0.5 / SIZE
            model(images, batch_of(coord, images))
