"""The seed's second program: the jitter is drawn above the batch loop."""

import einops
import torch
from small import grid, make, step


def add_gaussian_noise_to_grid(coord, std=0.02):
    noise = torch.randn_like(coord) * std
    return coord + noise


def train_epoch(model, loader, optimizer, use_jittering=True):
    coord = grid()
    if use_jittering:
        coord = add_gaussian_noise_to_grid(coord)
    for (images,) in loader:
        coord_batch = einops.repeat(coord, "h w d -> b h w d", b=len(images))
        step(model, optimizer, images, coord_batch)


def main():
    model, optimizer, loader = make()
    for _ in range(2):
        train_epoch(model, loader, optimizer)


if __name__ == "__main__":
    main()
