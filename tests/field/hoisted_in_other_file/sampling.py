import torch


def grid(height, width):
    y = (torch.arange(height) + 0.5) / height
    x = (torch.arange(width) + 0.5) / width
    return torch.stack(torch.meshgrid(y, x, indexing="ij"), dim=-1).reshape(-1, 2)


def jittered_grid(height, width):
    """Pixel centres moved at random inside of their pixels."""
    centres = grid(height, width)
    size = torch.tensor([1 / height, 1 / width])
    return centres + (torch.rand_like(centres) - 0.5) * size
