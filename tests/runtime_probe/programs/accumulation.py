"""Silent: gradients accumulated over two batches of a loader, each with its own draw. Bug: one draw for both."""

import sys

from small import batch_of, grid, jitter, make

model, optimizer, loader = make(samples=24)
for _epoch in range(2):
    for number, (images,) in enumerate(loader):
        if number % 2 == 0 or sys.argv[1] == "fine":
            coord = jitter(grid())
        (model(images, batch_of(coord, images)) - 0.5).square().mean().backward()
        if number % 2 == 1:
            optimizer.step()
            optimizer.zero_grad()
