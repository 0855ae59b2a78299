"""The seed's first program: the jitter is commented out."""

import einops
from small import grid, jitter, make, step


class Trainer:
    def __init__(self):
        self.model, self.optimizer, self.loader = make()

    def add_gaussian_noise_to_grid(self, coord):
        return jitter(coord)

    def _iter_step(self, images):
        coord = grid()
        # coord = self.add_gaussian_noise_to_grid(coord)
        coord = einops.repeat(coord, "h w d -> b h w d", b=len(images))
        step(self.model, self.optimizer, images, coord)

    def run(self, epochs=2):
        for _ in range(epochs):
            for (images,) in self.loader:
                self._iter_step(images)


if __name__ == "__main__":
    Trainer().run()
