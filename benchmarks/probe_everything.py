"""What `python -m runtime_probe` costs a training step: with everything on, inside its windows and after them.

    OMP_NUM_THREADS=1 python benchmarks/probe_everything.py

One model is trained by the same loop without a probe, and then under one that watches everything. Prints the medians
of the CPU time of a step; the ratios of two blocks without a probe show the noise of the machine.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch
from torch import Tensor, nn

from runtime_probe.network import WATCHED_INPUTS
from runtime_probe.probe import Probe

SIZE, BATCH = 32, 16


class Network(nn.Module):
    """Coordinates (B, 32, 32, 2) -> (B, 32, 32, 3)."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        layers = [layer for _ in range(depth) for layer in (nn.Linear(width, width), nn.ReLU())]
        self.layers = nn.Sequential(nn.Linear(2, width), nn.ReLU(), *layers, nn.Linear(width, 3))

    def forward(self, coord: Tensor) -> Tensor:
        return self.layers(coord)


class Trainer:
    def __init__(self, width: int, depth: int) -> None:
        self.model = Network(width, depth)
        self.optimizer = torch.optim.Adam(self.model.parameters())
        axis = (torch.arange(SIZE) + 0.5) / SIZE
        self.grid = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1)

    def steps(self, count: int) -> float:
        """Train; the median CPU time of a step, in milliseconds."""
        times = []
        for _ in range(count):
            started = time.process_time()
            coord = self.grid + 0.01 * torch.randn(BATCH, SIZE, SIZE, 2)
            loss = (self.model(coord) - 0.5).square().mean()
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            times.append(time.process_time() - started)
        return 1000 * statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=200, help="steps of a block (default 200)")
    count = parser.parse_args().steps
    print("width  depth   plain step   plain again   inside the windows   after them")
    for width, depth in ((32, 2), (64, 4), (128, 4)):
        trainer = Trainer(width, depth)
        trainer.steps(20)
        plain, again = trainer.steps(count), trainer.steps(count)
        with Probe(everything=True, loaders=True):
            trainer.steps(40)  # the draws are followed
            inside = trainer.steps(count)
            trainer.steps(max(0, WATCHED_INPUTS - count))
            after = trainer.steps(count)
        ratios = "".join(f"{value / plain:15.3f}" for value in (again, inside, after))
        print(f"{width:5d} {depth:6d} {plain:9.2f} ms {ratios}", flush=True)


if __name__ == "__main__":
    main()
