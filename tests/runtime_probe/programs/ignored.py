"""IGNORED_BY_MODEL: the decoder reads the first sample's coordinates for all; the near miss reads each one's."""

import sys

from small import Decoder, batch_of, grid, jitter, make, step


class FirstOnly(Decoder):
    def forward(self, images, coord):
        return super().forward(images, coord[0].expand_as(coord))


model, optimizer, loader = make()
model.__class__ = FirstOnly if sys.argv[1] == "bug" else Decoder
for _epoch in range(2):
    for (images,) in loader:
        step(model, optimizer, images, jitter(batch_of(grid(), images)))
