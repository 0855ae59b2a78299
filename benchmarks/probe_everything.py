"""What `python -m runtime_probe` costs a training step: with everything on, inside its windows and after them.

    OMP_NUM_THREADS=1 python benchmarks/probe_everything.py

One model is trained in one process, in rounds: some steps without a probe, some inside the windows of a new probe that
watches everything, some after them, some without a probe again. A ratio is the median over the rounds of the CPU time
of a step, each block taken by the median of its steps, against the two plain blocks beside it; the control is the
second plain block against the first. The window in which inputs are compared is shortened, so that the blocks of a
round stand close together; what runs inside and after it is the same.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from runtime_probe import Verdict, network
from runtime_probe.probe import Probe

SIZE, BATCH = 32, 16
SETTLE = 40  # steps in which the draws are followed through every operation: paid once, not timed


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


@dataclass(frozen=True)
class Round:
    """Milliseconds of a step in the blocks of one round, in their order."""

    before: float
    inside: float
    after: float
    again: float

    @classmethod
    def of(cls, trainer: Trainer, count: int) -> Round:
        """Train through one round."""
        before = trainer.steps(count)
        with Probe(everything=True, loaders=True) as probe:
            trainer.steps(SETTLE)
            inside, after = trainer.steps(count), trainer.steps(count)
        assert probe.verdict is Verdict.FRESH
        return cls(before, inside, after, trainer.steps(count))

    @property
    def plain(self) -> float:
        """A step without a probe."""
        return (self.before + self.again) / 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=16, help="rounds of each network (default 16)")
    parser.add_argument("--steps", type=int, default=30, help="steps of a block (default 30)")
    parser.add_argument("--networks", nargs="+", default=["32,2", "64,4", "128,4"], help="width,depth of each network")
    options = parser.parse_args()
    network.WATCHED_INPUTS = SETTLE + options.steps
    print("| network | plain step, ms CPU | control | inside the windows | after them |\n|---|--:|--:|--:|--:|")
    for shape in options.networks:
        width, depth = map(int, shape.split(","))
        trainer = Trainer(width, depth)
        trainer.steps(20)
        rounds = [Round.of(trainer, options.steps) for _ in range(options.rounds)]
        plain = statistics.median(row.plain for row in rounds)
        control = statistics.median(row.again / row.before for row in rounds)
        inside = statistics.median(row.inside / row.plain for row in rounds)
        after = statistics.median(row.after / row.plain for row in rounds)
        print(
            f"| width {width}, depth {depth} | {plain:.2f} | {control:.4f} | {inside:.4f} | {after:.4f} |", flush=True
        )


if __name__ == "__main__":
    main()
