"""Many small perceptrons as one, and the training loop that all tasks share."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

Hidden = Callable[[Tensor], Tensor]  # a change of the last hidden layer (N, B, H), such as dropout


@dataclass(frozen=True)
class Dose:
    """One way to train: `name` for the reader, `rules` whose bug it is (none for the right way and for baselines)."""

    name: str
    rules: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What a task measured: for each dose one number for each seed, lower is better.

    `metric` and `unit` are for the reader, `measured_on` says data, network and length of the training.
    """

    task: str
    metric: str
    unit: str
    measured_on: str
    values: dict[Dose, list[float]]


class Perceptrons(nn.Module):
    """N perceptrons of layer sizes `sizes` with ReLU; equal seeds start from equal weights."""

    def __init__(self, sizes: Sequence[int], seeds: Sequence[int]) -> None:
        super().__init__()
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        pairs = list(pairwise(sizes))
        self.weights = nn.ParameterList(_start(pair, pair[0], generators) for pair in pairs)
        self.biases = nn.ParameterList(_start((1, pair[1]), pair[0], generators) for pair in pairs)

    def forward(self, inputs: Tensor, hidden: Hidden | None = None) -> Tensor:
        """(N, B, F) -> (N, B, outputs); `hidden` changes the last hidden layer."""
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            inputs = torch.baddbmm(bias, inputs, weight).relu()
        inputs = hidden(inputs) if hidden else inputs
        return torch.baddbmm(self.biases[-1], inputs, self.weights[-1])


def _start(shape: tuple[int, int], given: int, generators: Sequence[torch.Generator]) -> nn.Parameter:
    drawn = torch.stack([torch.rand(*shape, generator=generator) for generator in generators])
    return nn.Parameter((drawn * 2 - 1) * math.sqrt(3 / given))  # variance 1 / inputs


def train(networks: Perceptrons, losses: Callable[[int], Tensor], steps: int, learning_rate: float) -> None:
    """Adam with a cosine to 0; `losses(step)` are the networks' losses (N,) of that step."""
    optimizer = torch.optim.Adam(networks.parameters(), lr=learning_rate, betas=(0.9, 0.99), fused=True)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * (1 + math.cos(math.pi * step / steps)) / 2
        optimizer.zero_grad()
        losses(step).sum().backward()  # no parameter is shared, so each network's gradient is its own
        optimizer.step()


def by_dose(doses: Sequence[Dose], seeds: Sequence[int], values: Tensor) -> dict[Dose, list[float]]:
    """values (doses * seeds,), seeds fastest, as dose -> one number for each seed."""
    rows = values.reshape(len(doses), len(seeds)).tolist()
    return dict(zip(doses, rows, strict=True))
