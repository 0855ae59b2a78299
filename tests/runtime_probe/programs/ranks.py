"""Two ranks: the same seed on both, or seed + rank. Run under torchrun, or by `spawn` in the test."""

import os
import sys

import torch
import torch.distributed as dist
from small import Decoder, grid, jitter
from torch.nn.parallel import DistributedDataParallel


def main(kind: str) -> None:
    dist.init_process_group("gloo")
    torch.manual_seed(0)
    model = DistributedDataParallel(Decoder())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    torch.manual_seed(1 + (dist.get_rank() if kind == "fine" else 0))
    for _ in range(6):
        model(torch.rand(2, 3, 16, 16), jitter(grid()).expand(2, 16, 16, 2)).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
        if kind == "crash" and dist.get_rank() == 1:
            os._exit(7)
    dist.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1])
