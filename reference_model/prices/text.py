"""Masked characters of English text: masks that are drawn once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from reference_model.prices.stack import Dose, Outcome, Perceptrons, by_dose, train

WINDOW, LETTERS, WIDTH = 16, 32, 96
TRAINING, TESTED, BATCH, EPOCHS = 2000, 1000, 100, 40
BATCHES = TRAINING // BATCH
MASKED = 0.15
MEASURED_ON = (
    f"the reference texts of Python's `pydoc_data`, {TRAINING} training and {TESTED} test windows of {WINDOW} "
    f"characters, 15 % masked, a perceptron of one hidden layer of {WIDTH}, {EPOCHS} epochs of batches of {BATCH}"
)
DOSES = {
    "run": Dose("one mask for all windows and the whole run", ("JIT101", "JIT103")),
    "epoch": Dose("one mask an epoch, for all windows", ("JIT101", "JIT102")),
    "static": Dose("one mask a window, kept for ever", ("JIT104", "JIT105")),
    "ten": Dose("ten masks a window, in turn"),
    "right": Dose("every batch (right)"),
}


@cache
def _windows() -> Tensor:
    """All windows of the text as numbers of letters, (count, 16); rare characters share the last number."""
    from pydoc_data.topics import topics

    text = " ".join(" ".join(topics[name].split()) for name in sorted(topics)).lower()
    known = {letter: number for number, (letter, _) in enumerate(Counter(text).most_common(LETTERS - 1))}
    numbers = torch.tensor([known.get(letter, LETTERS - 1) for letter in text])
    return numbers[: len(numbers) // WINDOW * WINDOW].reshape(-1, WINDOW)


def masks(seeds: Sequence[int]) -> Outcome:
    """A perceptron guesses the masked characters of a window from the others."""
    everyone = [seed for _ in DOSES for seed in seeds]
    names = [name for name in DOSES for _ in seeds]
    generators = [torch.Generator().manual_seed(9_000_003 + seed) for seed in everyone]
    chosen = [torch.randperm(len(_windows()) - TESTED, generator=generator)[:TRAINING] for generator in generators]
    kept = [torch.rand(10, TRAINING, WINDOW, generator=generator) < MASKED for generator in generators]
    networks = Perceptrons((WINDOW * (LETTERS + 1), WIDTH, WINDOW * LETTERS), everyone)
    orders = torch.empty(len(names), TRAINING, dtype=torch.long)
    held = [torch.empty(0, dtype=torch.bool)] * len(names)

    def losses(step: int) -> Tensor:
        epoch, batch = divmod(step, BATCHES)
        rows, hidden = [], []
        for place, (name, generator) in enumerate(zip(names, generators, strict=True)):
            if batch == 0:
                orders[place] = torch.randperm(TRAINING, generator=generator)
            at = orders[place, batch * BATCH : (batch + 1) * BATCH]
            fresh = torch.rand(BATCH, WINDOW, generator=generator) < MASKED
            if name == "right":
                held[place] = fresh
            elif name in ("static", "ten"):
                held[place] = kept[place][epoch % 10 if name == "ten" else 0, at]
            elif (name == "epoch" and batch == 0) or step == 0:
                held[place] = _not_empty(fresh[:1]).expand(BATCH, -1)
            rows.append(_windows()[chosen[place][at]])
            hidden.append(held[place])
        return _loss(networks, torch.stack(rows), torch.stack(hidden))

    train(networks, losses, EPOCHS * BATCHES, 3e-3)
    values = by_dose(list(DOSES.values()), seeds, _errors(networks))
    return Outcome("token masks", "test loss of a masked character", "nats", MEASURED_ON, values)


def _not_empty(mask: Tensor) -> Tensor:
    """(1, 16) with at least one place masked: a hoisted empty mask would train nothing at all."""
    return mask if mask.any() else functional.one_hot(torch.tensor([WINDOW // 2]), WINDOW).bool()


def _loss(networks: Perceptrons, letters: Tensor, hidden: Tensor) -> Tensor:
    """Mean cross-entropy at the hidden places: letters and hidden (N, B, 16) -> (N,)."""
    seen = functional.one_hot(letters.masked_fill(hidden, LETTERS), LETTERS + 1).float().flatten(2)
    scores = networks(seen).unflatten(-1, (WINDOW, LETTERS))
    each = functional.cross_entropy(scores.flatten(0, 2), letters.flatten(), reduction="none").reshape(letters.shape)
    return (each * hidden).sum((1, 2)) / hidden.sum((1, 2)).clamp_min(1)


@torch.no_grad()
def _errors(networks: Perceptrons) -> Tensor:
    """(N,): on windows at the end of the text, under masks that are the same for every network."""
    letters = _windows()[-TESTED:]
    hidden = torch.rand(TESTED, WINDOW, generator=torch.Generator().manual_seed(12)) < MASKED
    count = len(networks.weights[0])
    return _loss(networks, letters.expand(count, -1, -1), hidden.expand(count, -1, -1)).double()
