"""Silent: an EMA teacher in evaluation mode sees the student's view. Bug: validation really is jittered."""

import copy
import sys

import torch
from small import batch_of, grid, jitter, make, step

model, optimizer, loader = make()
teacher = copy.deepcopy(model).eval()
for _epoch in range(2):
    for (images,) in loader:
        coord = batch_of(jitter(grid()), images)
        with torch.no_grad():
            teacher(images, coord)
        step(model, optimizer, images, coord)
        with torch.no_grad():
            for slow, fast in zip(teacher.parameters(), model.parameters(), strict=True):
                slow.lerp_(fast, 0.1)
    for (images,) in loader if sys.argv[1] == "bug" else ():
        with torch.no_grad():
            teacher(images, batch_of(jitter(grid()), images))
