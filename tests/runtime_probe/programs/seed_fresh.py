"""The seed's third program: the jitter is drawn in the batch loop."""

import einops
import torch
from small import grid, make, step


def add_gaussian_noise_to_grid(coord, std=0.02):
    noise = torch.randn_like(coord) * std
    return coord + noise


def train_epoch(model, loader, optimizer):
    for (images,) in loader:
        coord = grid()
        coord = add_gaussian_noise_to_grid(coord)
        coord = einops.repeat(coord, "h w d -> b h w d", b=len(images))
        step(model, optimizer, images, coord)


def main():
    model, optimizer, loader = make()
    for _ in range(2):
        train_epoch(model, loader, optimizer)


if __name__ == "__main__":
    main()
