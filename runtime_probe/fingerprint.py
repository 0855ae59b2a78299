"""An exact fingerprint of a tensor's values: order-sensitive, one-ULP-sensitive, no host synchronisation."""

from __future__ import annotations

import torch
from torch import Tensor

_SEED = 0x6A69747465720001  # any constant: the weights must be the same in every process and rank
_SEED_OF_TILES = 0x6A69747465720002
TILE = 2**20  # words: longer tensors are summed tile by tile, so that the weights stay at 8 MiB


def weights_for(length: int, device: torch.device | str = "cpu", seed: int = _SEED) -> Tensor:
    """Fixed odd random weights, int64 of shape (min(length, TILE),), drawn from a generator of their own."""
    generator = torch.Generator("cpu").manual_seed(seed)
    bound, shape = 2**62, (min(length, TILE),)
    weights = torch.randint(-bound, bound, shape, generator=generator, dtype=torch.int64, device="cpu")
    return weights.mul_(2).add_(1).to(device)


def distinct_part(tensor: Tensor) -> Tensor:
    """The tensor without its expanded (stride 0) dimensions, which only repeat the same memory."""
    if 0 not in tensor.stride():
        return tensor
    index = tuple(0 if step == 0 else slice(None) for step in tensor.stride())
    return tensor[index]


def words(tensor: Tensor) -> Tensor:
    """The bits of a dense tensor as a flat int64 tensor; the last word is padded with zero bytes."""
    flat = tensor.contiguous().view(-1)
    if flat.is_complex():
        flat = torch.view_as_real(flat).view(-1)
    if flat.numel() * flat.element_size() % 8 == 0:
        return flat.view(torch.int64)
    raw = flat.view(torch.uint8)
    return torch.nn.functional.pad(raw, (0, -raw.numel() % 8)).view(torch.int64)


def weighted_sum(bits: Tensor, weights: Tensor) -> Tensor:
    """The wrap-around sum of bits * weights: integer addition is associative, so every device agrees.

    Bits beyond the weights are summed in tiles, and the tiles once more with weights of their own.
    """
    if bits.numel() > weights.numel():
        tiles = torch.stack([weighted_sum(tile, weights[: tile.numel()]) for tile in bits.split(weights.numel())])
        return weighted_sum(tiles, weights_for(tiles.numel(), bits.device, _SEED_OF_TILES))
    if bits.device.type == "cpu":
        return torch.dot(bits, weights)
    return (bits * weights).sum()  # `dot` of integers exists on the CPU only


def fingerprint(tensor: Tensor, weights: Tensor | None = None) -> Tensor:
    """The fingerprint of a tensor's bits, a 0-dimensional int64 tensor on the tensor's own device.

    The bits are read as 64-bit words, multiplied by fixed odd random weights and summed modulo 2**64
    (multilinear hashing). Equal values give equal fingerprints on every device and in every process;
    a change of any one element by one ULP, or of their order, changes it. Two different tensors collide
    with a chance of about 2**-63. Expanded dimensions are hashed once; the shape is not part of the hash.

    `weights`, if given, must be `weights_for(number of words, tensor.device)`; callers in a loop keep it.
    Raises TypeError for sparse or meta tensors, which have no dense bits.
    """
    if tensor.layout != torch.strided or tensor.is_meta:
        raise TypeError(f"only dense tensors with data have a fingerprint, not {tensor.layout} on {tensor.device}")
    with torch.no_grad():
        bits = words(distinct_part(tensor.detach()))
        return weighted_sum(bits, weights_for(bits.numel(), bits.device) if weights is None else weights)
