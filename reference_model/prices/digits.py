"""Handwritten digits: crops, mixup, dropout, and the order of the samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from reference_model.prices.stack import Dose, Hidden, Outcome, Perceptrons, by_dose, train

TRAINING, BATCH, EPOCHS, WIDTH = 400, 40, 60, 128
BATCHES = TRAINING // BATCH
WORKERS = 4  # loader processes of the dose "copied to the workers"
OFFSETS = 9  # 3 × 3 places of the 8 × 8 crop in an image padded by one pixel
CENTRE = 4  # the offset that crops nothing away
LEARNING_RATE = 3e-3
MEASURED_ON = (
    f"digits of scikit-learn (8 × 8 px), {TRAINING} training and {1797 - TRAINING:,} test images, a perceptron of "
    f"one hidden layer of {WIDTH}, {EPOCHS} epochs of batches of {BATCH}"
)
Images = Callable[[int, Tensor, Tensor], Tensor]
RIGHT = Dose("every batch (right)")


@cache
def _data() -> tuple[Tensor, Tensor]:
    """Every image at each of the offsets, (9, 1797, 64) in [0, 1], and the labels (1797,)."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    padded = functional.pad(torch.tensor(images, dtype=torch.float32).reshape(-1, 8, 8) / 16, [1] * 4)
    crops = [padded[:, top : top + 8, left : left + 8].flatten(1) for top in range(3) for left in range(3)]
    return torch.stack(crops), torch.tensor(labels)


def _generator(seed: int, purpose: int) -> torch.Generator:
    return torch.Generator().manual_seed(1_000_003 * (seed + 1) + purpose)


@dataclass(frozen=True)
class Samples:
    """What one seed trains on: `chosen` (400,) training images, `held_out` test images, `orders` (epochs, 400)."""

    chosen: Tensor
    held_out: Tensor
    orders: Tensor


def _samples(seed: int, order: str = "fresh") -> Samples:
    """A random split, and orders that are fresh in every epoch, shuffled once, or as stored."""
    everything = torch.randperm(1797, generator=_generator(seed, 1))
    generator = _generator(seed, 2)
    orders = torch.stack([torch.randperm(TRAINING, generator=generator) for _ in range(EPOCHS)])
    chosen = everything[:TRAINING]
    if order == "stored":  # as a folder of one class after the other gives them
        chosen = chosen[_data()[1][chosen].argsort(stable=True)]
        orders = torch.arange(TRAINING).expand(EPOCHS, -1)
    elif order == "once":
        orders = orders[:1].expand(EPOCHS, -1)
    return Samples(chosen, everything[TRAINING:], orders)


def _crop_offsets(name: str, seed: int) -> Tensor:
    """Offsets (epochs, 400) for the places of an epoch: which crop the sample there gets; (400,) ones by sample."""
    fresh = torch.randint(OFFSETS, (EPOCHS, BATCHES, BATCH), generator=_generator(seed, 3))
    own = fresh[0].flatten()  # one for each sample
    changed = {
        "none": torch.full_like(fresh, CENTRE),
        "right": fresh,
        "run": fresh[:1, :1, :1].expand_as(fresh),
        "epoch": fresh[:, :1, :1].expand_as(fresh),
        "batch": fresh[:, :, :1].expand_as(fresh),
        "reseeded": fresh[:1, :1].expand_as(fresh),
        "workers": fresh[:1, torch.arange(BATCHES) // WORKERS].expand_as(fresh),
    }
    return own if name == "sample" else changed[name].flatten(1)


CROPS = {
    "none": Dose("no crop", ("JIT201", "JIT202", "JIT204", "JIT205", "JIT206")),
    "run": Dose("one crop for the whole run", ("JIT101", "JIT103")),
    "epoch": Dose("one crop an epoch", ("JIT101",)),
    "sample": Dose("one crop a sample, kept for ever", ("JIT104", "JIT105", "JIT304")),
    "reseeded": Dose("seeded in every batch", ("JIT301", "JIT302")),
    "workers": Dose(f"generator copied to {WORKERS} workers", ("JIT303",)),
    "batch": Dose("one crop a batch, for all its samples", ("JIT404",)),
    "right": RIGHT,
}


def crops(seeds: Sequence[int]) -> Outcome:
    """Random crops: how often they are drawn, and for whom. The training images are centred, the test images not."""
    networks, samples = _cropped(list(CROPS), seeds)
    values = by_dose(list(CROPS.values()), seeds, _errors(networks, samples, displaced=True))
    return Outcome(
        "crop", "test error on digits displaced by up to a pixel", "% of the images",
        f"{MEASURED_ON}; crops of 8 × 8 from 10 × 10", values,
    )  # fmt: skip


def evaluation(seeds: Sequence[int]) -> Outcome:
    """The same networks, trained with correct crops, evaluated on test images as they are and on random crops."""
    networks, samples = _cropped(["right"], seeds)
    doses = [Dose("random crops in the evaluation", ("JIT401",)), Dose("evaluated as they are (right)")]
    errors = torch.cat([_errors(networks, samples, displaced=True), _errors(networks, samples)])
    return Outcome("evaluation", "test error", "% of the images", MEASURED_ON, by_dose(doses, seeds, errors))


def _cropped(names: Sequence[str], seeds: Sequence[int]) -> tuple[Perceptrons, list[Samples]]:
    """Networks trained under each of the named crops, seeds fastest."""
    samples = [_samples(seed) for _ in names for seed in seeds]
    offsets = [_crop_offsets(name, seed) for name in names for seed in seeds]

    def images(step: int, sample: Tensor, place: Tensor) -> Tensor:
        epoch = step // BATCHES
        rows = []
        for run, own, at in zip(samples, offsets, sample, strict=True):
            drawn = own[at] if own.ndim == 1 else own[epoch][place]
            rows.append(_data()[0][drawn, run.chosen[at]])
        return torch.stack(rows)

    return _trained(samples, [seed for _ in names for seed in seeds], images), samples


def _trained(
    samples: Sequence[Samples], seeds: Sequence[int], images: Images | None = None, hidden: Hidden | None = None
) -> Perceptrons:
    """Cross-entropy on the batches of `samples`; `images(step, sample, place)` are what the networks see."""
    networks = Perceptrons((64, WIDTH, 10), seeds)

    def losses(step: int) -> Tensor:
        epoch, batch = divmod(step, BATCHES)
        place = torch.arange(batch * BATCH, (batch + 1) * BATCH)
        sample = torch.stack([run.orders[epoch][place] for run in samples])  # (N, B)
        at = torch.stack([run.chosen[own] for run, own in zip(samples, sample, strict=True)])
        seen = images(step, sample, place) if images else _data()[0][CENTRE, at]
        return _cross_entropy(networks(seen, hidden), _data()[1][at])

    train(networks, losses, EPOCHS * BATCHES, LEARNING_RATE)
    return networks


def _cross_entropy(scores: Tensor, labels: Tensor) -> Tensor:
    """scores (N, B, 10), labels (N, B) -> (N,)."""
    each = functional.cross_entropy(scores.flatten(0, 1), labels.flatten(), reduction="none")
    return each.reshape(labels.shape).mean(1)


@torch.no_grad()
def _errors(networks: Perceptrons, samples: Sequence[Samples], *, displaced: bool = False) -> Tensor:
    """Test errors in per cent, (N,); `displaced` moves each test image, equally for every network."""
    places = torch.stack([run.held_out for run in samples])
    offsets: Tensor | int = CENTRE
    if displaced:
        offsets = torch.randint(OFFSETS, (1797,), generator=torch.Generator().manual_seed(4))[places]
    right = networks(_data()[0][offsets, places]).argmax(-1) == _data()[1][places]
    errors: Tensor = 100 * (1 - right.double().mean(1))
    return errors


MIXUPS = {
    "none": Dose("no mixup", ("JIT201", "JIT204")),
    "run": Dose("one λ for the whole run", ("JIT102", "JIT103")),
    "epoch": Dose("one λ an epoch", ("JIT102",)),
    "right": RIGHT,
}
CONCENTRATION = 0.4  # of the symmetric Beta distribution that λ is drawn from (Zhang et al. 2018)


def _shares(name: str, seed: int) -> Tensor:
    """λ of every step, (epochs * batches,)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1_000_003 * (seed + 1) + 5)
        drawn = torch.distributions.Beta(CONCENTRATION, CONCENTRATION).sample((EPOCHS, BATCHES))
    fresh = torch.maximum(drawn, 1 - drawn)
    held = {
        "none": torch.ones_like(fresh),
        "run": fresh[:1, :1],
        "epoch": fresh[:, :1],
    }
    return held.get(name, fresh).expand_as(fresh).flatten()


def mixup(seeds: Sequence[int]) -> Outcome:
    """Mixup whose coefficient is hoisted."""
    everyone = [seed for _ in MIXUPS for seed in seeds]
    samples = [_samples(seed) for seed in everyone]
    shares = torch.stack([_shares(name, seed) for name in MIXUPS for seed in seeds])  # (N, steps)
    pairs = torch.stack([_pairs(seed) for seed in everyone])  # (N, steps, B)
    networks = Perceptrons((64, WIDTH, 10), everyone)

    def losses(step: int) -> Tensor:
        epoch, batch = divmod(step, BATCHES)
        at = torch.stack([run.chosen[run.orders[epoch][batch * BATCH : (batch + 1) * BATCH]] for run in samples])
        other = at.gather(1, pairs[:, step])
        share = shares[:, step]
        mixed = torch.lerp(_data()[0][CENTRE, other], _data()[0][CENTRE, at], share[:, None, None])
        scores = networks(mixed)
        own, others = _cross_entropy(scores, _data()[1][at]), _cross_entropy(scores, _data()[1][other])
        return share * own + (1 - share) * others

    train(networks, losses, EPOCHS * BATCHES, LEARNING_RATE)
    values = by_dose(list(MIXUPS.values()), seeds, _errors(networks, samples))
    return Outcome("mixup", "test error", "% of the images", f"{MEASURED_ON}; mixup of Beta(0.4, 0.4)", values)


def _pairs(seed: int) -> Tensor:
    """Who is mixed with whom in the batch of each step, (steps, B)."""
    generator = _generator(seed, 6)
    return torch.stack([torch.randperm(BATCH, generator=generator) for _ in range(EPOCHS * BATCHES)])


DROPOUTS = {
    "none": Dose("no dropout"),
    "lost": Dose("lost after the first epoch", ("JIT207",)),
    "run": Dose("one mask for the whole run", ("JIT104",)),
    "epoch": Dose("one mask an epoch", ("JIT102",)),
    "right": RIGHT,
}
KEPT = 0.5  # of the hidden features


def dropout(seeds: Sequence[int]) -> Outcome:
    """Dropout whose mask is frozen, and dropout that an evaluation switches off for ever."""
    everyone = [seed for _ in DROPOUTS for seed in seeds]
    generators = [_generator(seed, 7) for seed in everyone]
    names = [name for name in DROPOUTS for _ in seeds]
    held = [torch.ones(1, WIDTH)] * len(names)
    step = 0

    def masked(hidden: Tensor) -> Tensor:
        nonlocal step
        epoch, batch = divmod(step, BATCHES)
        step += 1
        for place, (name, generator) in enumerate(zip(names, generators, strict=True)):
            drawn = (torch.rand(BATCH, WIDTH, generator=generator) < KEPT) / KEPT
            first = drawn[:1]  # hoisted masks are drawn for the features, and shared by the samples
            if name == "right" or (name == "lost" and epoch == 0):
                held[place] = drawn
            elif (name == "epoch" and batch == 0) or (name == "run" and step == 1):
                held[place] = first
            elif name == "lost":
                held[place] = torch.ones(1, WIDTH)
        return hidden * torch.stack([mask.expand(BATCH, -1) for mask in held])

    samples = [_samples(seed) for seed in everyone]
    networks = _trained(samples, everyone, hidden=masked)
    values = by_dose(list(DROPOUTS.values()), seeds, _errors(networks, samples))
    return Outcome("dropout", "test error", "% of the images", f"{MEASURED_ON}; half of the hidden layer", values)


ORDERS = {
    "stored": Dose("never shuffled, sorted by class"),
    "once": Dose("shuffled once, or the sampler's epoch not set", ("JIT107", "JIT306")),
    "fresh": Dose("every epoch (right)"),
}


def order(seeds: Sequence[int]) -> Outcome:
    """The order of the samples: fresh in every epoch, the same in all, or none."""
    everyone = [seed for _ in ORDERS for seed in seeds]
    samples = [_samples(seed, name) for name in ORDERS for seed in seeds]
    networks = _trained(samples, everyone)
    values = by_dose(list(ORDERS.values()), seeds, _errors(networks, samples))
    return Outcome("order", "test error", "% of the images", MEASURED_ON, values)
