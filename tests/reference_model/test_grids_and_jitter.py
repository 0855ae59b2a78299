"""The grid convention, the jitter's numbers, and what each schedule yields."""

import math

import pytest
import torch
from torch.nn import functional

from reference_model.grids import pitch, pixel_grid, shifted
from reference_model.jitter import SCHEDULES, Jitter, Loop
from runtime_probe import fit_grid

EPOCHS, BATCHES, SEEDS = 6, 8, (0, 1)


@pytest.mark.parametrize("size", [1, 8, 32])
def test_the_grid_hits_the_pixel_centres_of_grid_sample(size):
    image = torch.randn(1, 2, size, size)
    places = (pixel_grid(size).flip(-1) * 2 - 1).reshape(1, size, size, 2)
    sampled = functional.grid_sample(image, places, mode="bilinear", align_corners=False)
    assert torch.allclose(sampled, image, atol=1e-4)


def test_the_corner_convention_would_miss_them():
    image = torch.randn(1, 2, 8, 8)
    places = (pixel_grid(8).flip(-1) * 2 - 1).reshape(1, 8, 8, 2)
    sampled = functional.grid_sample(image, places, mode="bilinear", align_corners=True)
    assert not torch.allclose(sampled, image, atol=1e-2)


def test_order_and_shift():
    assert pixel_grid(4)[1].tolist() == [0.125, 0.375]  # (y, x): the second pixel of the first row
    assert pitch(32) == 1 / 32
    moved = shifted(pixel_grid(4), 1.0, 0.0, 4)
    assert torch.allclose(moved[:12], pixel_grid(4)[4:])  # one pixel down


@pytest.mark.parametrize("distribution", ["gaussian", "uniform"])
def test_sigma_is_in_pixels(distribution):
    jitter = Jitter([3], 0.32, 32, distribution=distribution)
    draws = torch.cat([jitter(pixel_grid(32)[None]) - pixel_grid(32) for _ in range(50)])
    assert float(draws.std()) * 32 == pytest.approx(0.32, rel=0.01)
    assert abs(float(draws.mean())) * 32 < 0.01
    assert float(draws.abs().max()) * 32 > (0.55 if distribution == "uniform" else 1.0)


def test_sigma_counts_in_the_pixels_of_the_resolution_at_hand():
    draws = Jitter([0], 0.5, 32)(torch.zeros(1, 20_000, 2), 64)
    assert float(draws.std()) * 64 == pytest.approx(0.5, rel=0.02)


def test_a_seed_draws_the_same_beside_any_other():
    alone = Jitter([1], 0.3, 8)(pixel_grid(8)[None])
    beside = Jitter([0, 1, 2], 0.3, 8)(pixel_grid(8).expand(3, -1, -1))
    assert torch.equal(alone[0], beside[1])
    assert not torch.equal(beside[0], beside[1])


def test_per_sample_draws_differ_within_the_batch_and_shared_ones_have_no_batch():
    grid = pixel_grid(8).expand(2, -1, -1)
    own = Jitter(SEEDS, 0.3, 8, scope="per_sample", batch=5)(grid)
    assert own.shape == (2, 5, 64, 2) and not torch.equal(own[:, 0], own[:, 1])
    assert Jitter(SEEDS, 0.3, 8, batch=5)(grid).shape == (2, 64, 2)


@pytest.mark.parametrize("wrong", [{"distribution": "normal"}, {"scope": "batch"}])
def test_unknown_words_are_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        Jitter([0], 0.3, 8, **wrong)


def coordinates(name):
    loop = Loop(EPOCHS, BATCHES, lambda e, b: pixel_grid(8).expand(2, -1, -1), lambda e, b: 8)
    yielded = list(SCHEDULES[name](loop, Jitter(SEEDS, 0.32, 8)))
    assert len(yielded) == EPOCHS * BATCHES
    return yielded


@pytest.mark.parametrize(
    ("name", "distinct"),
    [
        ("none", 1),
        ("commented_out", 1),
        ("inside", EPOCHS * BATCHES),
        ("outside", EPOCHS),
        ("before_epochs", 1),
        ("reseeded", BATCHES),
        ("accumulating", EPOCHS * BATCHES),
        ("clamped", EPOCHS * BATCHES),
    ],
)
def test_the_number_of_distinct_draws(name, distinct):
    yielded = coordinates(name)
    assert len({coords.numpy().tobytes() for coords in yielded}) == distinct


def test_only_none_and_commented_out_are_clean():
    for name in SCHEDULES:
        clean = torch.equal(coordinates(name)[0][0], pixel_grid(8))
        assert clean == (name in ("none", "commented_out"))


def test_accumulating_walks_away_and_starts_anew_in_each_epoch():
    yielded = coordinates("accumulating")
    spread = [float((coords - pixel_grid(8)).std()) for coords in yielded]
    assert spread[BATCHES - 1] == pytest.approx(spread[0] * math.sqrt(BATCHES), rel=0.25)
    assert spread[BATCHES] == pytest.approx(spread[0], rel=0.25)


def test_clamped_stays_in_the_image_and_inside_does_not():
    clamped, inside = torch.stack(coordinates("clamped")), torch.stack(coordinates("inside"))
    assert float(clamped.min()) == 0.0 and float(clamped.max()) == 1.0
    assert float(inside.min()) < 0.0 and float(inside.max()) > 1.0


def test_the_probes_lattice_is_the_same_convention():
    fit = fit_grid(pixel_grid(32)[None])
    assert fit is not None and fit.exact and (fit.convention, fit.order, fit.domain) == ("cell", "yx", (0.0, 1.0))
