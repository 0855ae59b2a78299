"""One run on several processes: each takes its share of every batch, and gradients are averaged."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn

T = TypeVar("T")


def is_distributed() -> bool:
    """True inside a process group."""
    return distributed.is_available() and distributed.is_initialized()


def is_first() -> bool:
    """True on the process that writes files and shows progress."""
    return not is_distributed() or distributed.get_rank() == 0


def own_device(device: torch.device) -> torch.device:
    """This process's device: under torchrun every local rank has its own GPU."""
    if device.type == "cuda" and device.index is None and "LOCAL_RANK" in os.environ:
        return torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    return device


@contextmanager
def process_group(device: torch.device) -> Iterator[None]:
    """Join the group that torchrun started, if it did and nobody has joined yet; leave it at the end."""
    if is_distributed() or int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield
    finally:
        distributed.destroy_process_group()


def processes() -> int:
    """How many processes share the work."""
    return distributed.get_world_size() if is_distributed() else 1


def shared(value: T) -> T:
    """What the first process has, on every process: what they decide from files has to be the same."""
    if not is_distributed():
        return value
    values = [value]
    distributed.broadcast_object_list(values)
    return values[0]


def own_share(batch: Tensor) -> Tensor:
    """This process's samples of a batch (S, B, ...): (S, B / processes, ...). ValueError when they do not divide."""
    if not is_distributed():
        return batch
    rank, world = distributed.get_rank(), distributed.get_world_size()
    if batch.shape[1] % world:
        raise ValueError(f"batches of {batch.shape[1]} samples cannot be shared evenly by {world} processes")
    return batch.chunk(world, dim=1)[rank]


def average(tensors: Iterable[Tensor]) -> None:
    """Replace each tensor by its average over the processes, in one exchange. Alone: nothing to do."""
    if not is_distributed():
        return
    values = list(tensors)
    flat = torch.cat([value.flatten() for value in values])
    distributed.all_reduce(flat)
    flat /= distributed.get_world_size()
    for value, part in zip(values, flat.split([value.numel() for value in values]), strict=True):
        value.copy_(part.view_as(value))


def gradients(module: nn.Module) -> list[Tensor]:
    """The gradients that the last backward pass left, in the order of the parameters."""
    return [parameter.grad for parameter in module.parameters() if parameter.grad is not None]
