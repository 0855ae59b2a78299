"""Several networks trained side by side, each with jitter of its own, for 24 epochs of 25 batches; also resumed."""

import time

import pytest
import torch
from torch import nn

from runtime_probe import Flag, Verdict, probe_coords
from runtime_probe.verdict import is_violation
from tests.runtime_probe.programs.small import grid

SEEDS, SAMPLES, SIZE, EPOCHS, BATCHES = 3, 4, 16, 24, 25
STD = 0.3 / SIZE


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.code = nn.Linear(3, 8)
        self.first = nn.Linear(2, 8)
        self.last = nn.Linear(8, 3)

    def forward(self, images, coords):
        """images (B, 3, n, n), coords (Q, 2) or (B, Q, 2) -> (B, Q, 3)."""
        return self.last(torch.relu(self.first(coords) + self.code(images.mean((2, 3)))[:, None]))


class Ensemble(nn.Module):
    """images (S, B, 3, n, n), coords (S, Q, 2) or (S, B, Q, 2) -> (S, B, Q, 3)."""

    def __init__(self, stacked):
        super().__init__()
        networks = [Network() for _ in range(SEEDS)]
        self.networks = nn.ModuleList(() if stacked else networks)
        self.stacked = stacked
        if stacked:
            self.parameters_of_all, _ = torch.func.stack_module_state(networks)
            self.skeleton = [networks[0]]  # in a list: its own parameters are not trained

    def forward(self, images, coords):
        if not self.stacked:
            return torch.stack([net(*row) for net, *row in zip(self.networks, images, coords, strict=True)])

        def one(parameters, image, coord):
            return torch.func.functional_call(self.skeleton[0], parameters, (image, coord))

        return torch.func.vmap(one)(self.parameters_of_all, images, coords)


class Jitter:
    """A generator for every seed; (S, Q, 2) with one draw for all samples, or (S, B, Q, 2) with one for each."""

    def __init__(self, each):
        self.shape = (SAMPLES, SIZE**2, 2) if each else (SIZE**2, 2)
        self.reseed()

    def reseed(self):
        self.generators = [torch.Generator().manual_seed(seed) for seed in range(SEEDS)]

    def __call__(self, coords):
        return coords + STD * torch.stack([torch.randn(self.shape, generator=g) for g in self.generators])


def clean(each):
    flat = grid(SIZE).reshape(-1, 2)
    return flat.expand(SEEDS, SAMPLES, -1, -1) if each else flat.expand(SEEDS, -1, -1)


def coordinates(schedule, each):
    """The coordinates of every batch of the run, one after the other."""
    jitter, still = Jitter(each), clean(each)
    held = jitter(still)
    for _ in range(EPOCHS):
        if schedule == "reseeded":
            jitter.reseed()
        held = {"hoisted": jitter(still), "accumulated": still}.get(schedule, held)
        for _ in range(BATCHES):
            if schedule == "accumulated":
                held = jitter(held)
            fresh = {"fresh": jitter, "reseeded": jitter, "clamped": lambda c: jitter(c).clamp(0, 1)}.get(schedule)
            yield fresh(still) if fresh else still if schedule == "clean" else held


def train(schedule, each=False, first=0, explicit=True, stacked=False):
    """Train from batch `first` of the run on, as after an interruption."""
    model = Ensemble(stacked)
    parameters = model.parameters_of_all.values() if stacked else model.parameters()
    optimizer = torch.optim.SGD(parameters, lr=0.01)
    images = torch.rand(SEEDS, SAMPLES, 3, SIZE, SIZE)
    drawn = coordinates(schedule, each)
    with probe_coords(model, argument="coords", provenance=0) as probe:
        for epoch in range(EPOCHS):
            todo = [n for n in range(epoch * BATCHES, (epoch + 1) * BATCHES) if n >= first]
            for _ in range(BATCHES - len(todo)):
                next(drawn)
            for _ in probe.batches(todo) if explicit and todo else todo:
                model(torch.rand_like(images), next(drawn)).square().mean().backward()
                optimizer.step()
                optimizer.zero_grad()
    return probe.report()


VERDICTS = [
    ("clean", Verdict.CLEAN_GRID, set()),
    ("frozen", Verdict.FROZEN, set()),
    ("hoisted", Verdict.ONCE_PER_EPOCH, set()),
    ("reseeded", Verdict.CYCLING, set()),
    ("accumulated", Verdict.FRESH, {Flag.DRIFT}),
    ("clamped", Verdict.FRESH, {Flag.CLAMPED}),
    ("fresh", Verdict.FRESH, set()),
]
MIDDLE = 12 * BATCHES + 10


@pytest.mark.parametrize("explicit", [True, False], ids=["batches", "steps"])
@pytest.mark.parametrize("first", [0, MIDDLE], ids=["whole", "resumed"])
@pytest.mark.parametrize("each", [False, True], ids=["shared", "each"])
@pytest.mark.parametrize(("schedule", "verdict", "flags"), VERDICTS, ids=[row[0] for row in VERDICTS])
def test_verdicts_of_an_ensemble(schedule, verdict, flags, each, first, explicit):
    report = train(schedule, each, first, explicit)
    assert report.verdict is verdict
    assert report.flags - {Flag.OUT_OF_DOMAIN} == flags
    assert bool(report.violations) is (is_violation(verdict) or Flag.DRIFT in flags)
    assert report.conclusion.batches == EPOCHS * BATCHES - first
    assert report.conclusion.period == (BATCHES if schedule == "reseeded" else None)
    geometry = report.main.geometry
    assert geometry.grid.sizes == (SIZE, SIZE)
    if schedule not in ("clean", "accumulated"):
        assert geometry.std_pixels == pytest.approx(0.3, rel=0.05)


@pytest.mark.parametrize("schedule", ["hoisted", "fresh"])
def test_networks_stacked_into_one_batched_call(schedule):
    expected = {"hoisted": Verdict.ONCE_PER_EPOCH, "fresh": Verdict.FRESH}
    assert train(schedule, stacked=True).verdict is expected[schedule]


def test_a_draw_held_for_several_epochs_is_told_as_such():
    model = Ensemble(stacked=False)
    jitter, images = Jitter(False), torch.rand(SEEDS, SAMPLES, 3, SIZE, SIZE)
    with probe_coords(model, provenance=0) as probe:
        for epoch in range(12):
            held = jitter(clean(False)) if epoch % 4 == 0 else held  # noqa: F821
            for _ in probe.batches(range(3)):
                model(images, held).mean().backward()
    assert probe.verdict is Verdict.ONCE_PER_EPOCH
    assert probe.report().conclusion.sentence.startswith("12 epochs: only 3 different coordinates")


def test_the_probe_is_a_small_part_of_the_whole_run():
    """The probe's own seconds for 600 batches; they were 0.1 of 1.5."""
    model, images = Ensemble(stacked=False), torch.rand(SEEDS, SAMPLES, 3, SIZE, SIZE)
    spent = 0.0
    with probe_coords(model, provenance=0) as probe:
        for number, coords in enumerate(coordinates("fresh", each=True)):
            if number % BATCHES == 0:
                probe.borders.begin_epoch()
            probe.borders.begin_batch()
            started = time.process_time()
            probe.watch.before(model, (images, coords), {})
            probe.watch.after(model, (images, coords), {}, None)
            spent += time.process_time() - started
            if number % BATCHES == BATCHES - 1:
                probe.borders.end_epoch()
    started = time.process_time()
    assert probe.verdict is Verdict.FRESH
    spent += time.process_time() - started
    assert spent < 1.5
    print(f"{spent:.2f} s")
