"""A diffusion model of points in the plane, whose exact answer is known: noise and time that are hoisted."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from reference_model.prices.stack import Dose, Outcome, Perceptrons, by_dose, train

POINTS, BATCH, EPOCHS, WIDTH = 512, 64, 150, 64
BATCHES = POINTS // BATCH
MODES, RADIUS, SPREAD = 8, 1.0, 0.1  # Gaussians on a circle, and their standard deviation
TESTED = 2048
MEASURED_ON = (
    f"8 Gaussians on a circle, {POINTS} points, a perceptron of two hidden layers of {WIDTH}, {EPOCHS} epochs of "
    f"batches of {BATCH}; compared with the exact noise prediction of the mixture at {TESTED} points"
)
DOSES = {
    "noise run": Dose("one noise for the whole run", ("JIT101", "JIT102", "JIT103")),
    "noise epoch": Dose("one noise an epoch", ("JIT101", "JIT102")),
    "noise sample": Dose("noise of each sample kept for ever", ("JIT104", "JIT105")),
    "time run": Dose("one time for the whole run", ("JIT101", "JIT103")),
    "time epoch": Dose("one time an epoch", ("JIT101",)),
    "right": Dose("every batch (right)"),
}


def diffusion(seeds: Sequence[int]) -> Outcome:
    """Noise prediction at x_t = cos(πt/2) x + sin(πt/2) ε, t uniform on [0, 1] (Ho et al. 2020, cosine path)."""
    everyone = [seed for _ in DOSES for seed in seeds]
    names = [name for name in DOSES for _ in seeds]
    generators = [torch.Generator().manual_seed(7_000_003 + seed) for seed in everyone]
    points = torch.stack([_points(POINTS, generator) for generator in generators])  # (N, POINTS, 2)
    kept = torch.stack([torch.randn(POINTS, 2, generator=generator) for generator in generators])
    networks = Perceptrons((2 + 8, WIDTH, WIDTH, 2), everyone)
    held: dict[str, list[Tensor]] = {"noise": [torch.empty(0)] * len(names), "time": [torch.empty(0)] * len(names)}
    orders = torch.empty(len(names), POINTS, dtype=torch.long)

    def losses(step: int) -> Tensor:
        batch = step % BATCHES
        for place, (name, generator) in enumerate(zip(names, generators, strict=True)):
            if batch == 0:
                orders[place] = torch.randperm(POINTS, generator=generator)
            noise = torch.randn(BATCH, 2, generator=generator)
            time = torch.rand(BATCH, 1, generator=generator)
            at = orders[place, batch * BATCH : (batch + 1) * BATCH]
            if name == "noise sample":
                held["noise"][place] = kept[place, at]
            elif _is_drawn(name, "noise", step):
                held["noise"][place] = noise
            if _is_drawn(name, "time", step):
                held["time"][place] = time
        noise, time = torch.stack(held["noise"]), torch.stack(held["time"])
        chosen = orders[:, batch * BATCH : (batch + 1) * BATCH]
        clean = points.gather(1, chosen.unsqueeze(-1).expand(-1, -1, 2))
        error: Tensor = networks(_inputs(_noisy(clean, noise, time), time)) - noise
        return error.square().mean((1, 2))

    train(networks, losses, EPOCHS * BATCHES, 3e-3)
    values = by_dose(list(DOSES.values()), seeds, _errors(networks))
    return Outcome("diffusion", "squared error of the predicted noise", "% of its variance", MEASURED_ON, values)


def _is_drawn(name: str, what: str, step: int) -> bool:
    if name == f"{what} run":
        return step == 0
    return name != f"{what} epoch" or step % BATCHES == 0


def _points(count: int, generator: torch.Generator) -> Tensor:
    mode = torch.randint(MODES, (count,), generator=generator)
    return _centres()[mode] + SPREAD * torch.randn(count, 2, generator=generator)


def _centres() -> Tensor:
    angles = torch.arange(MODES) * (2 * math.pi / MODES)
    return RADIUS * torch.stack([angles.cos(), angles.sin()], dim=-1)


def _noisy(clean: Tensor, noise: Tensor, time: Tensor) -> Tensor:
    return (time * math.pi / 2).cos() * clean + (time * math.pi / 2).sin() * noise


def _inputs(noisy: Tensor, time: Tensor) -> Tensor:
    angles = time * math.pi * torch.tensor([0.5, 1.0, 2.0, 4.0])
    return torch.cat([noisy, angles.sin(), angles.cos()], dim=-1)


def exact(noisy: Tensor, time: Tensor) -> Tensor:
    """E[ε | x_t] of the mixture, (B, 2): posterior over the modes, then the Gaussian conditional mean of each."""
    a, b = (time * math.pi / 2).cos(), (time * math.pi / 2).sin()
    variance = (a * SPREAD).square() + b.square()  # (B, 1), of x_t around a times its mode
    apart = noisy.unsqueeze(1) - a.unsqueeze(1) * _centres()  # (B, modes, 2)
    weight = (-apart.square().sum(-1) / (2 * variance)).softmax(-1)
    return (weight.unsqueeze(-1) * apart).sum(1) * b / variance


@torch.no_grad()
def _errors(networks: Perceptrons) -> Tensor:
    """(N,) per cent."""
    generator = torch.Generator().manual_seed(11)
    time = 0.05 + 0.95 * torch.rand(TESTED, 1, generator=generator)
    noisy = _noisy(_points(TESTED, generator), torch.randn(TESTED, 2, generator=generator), time)
    count = len(networks.weights[0])
    wrong: Tensor = networks(_inputs(noisy, time).expand(count, -1, -1)) - exact(noisy, time)
    return 100 * wrong.double().square().mean((1, 2))
