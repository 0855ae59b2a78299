"""Fits of single images: paired arms, networks that do not touch each other, rows, metrics with their theory."""

import json
import math
from dataclasses import replace

import pytest
import torch

from reference_model.command_line import main
from reference_model.fitted.arms import (
    ANALYTIC,
    EPOCHS,
    IMAGES,
    PHOTOGRAPHS,
    STEPS,
    SUBSET,
    Fit,
    committed,
    dose,
    quick,
    smoke,
)  # fmt: skip
from reference_model.fitted.images import picture, stacked
from reference_model.fitted.measure import exam, label_variance, measure
from reference_model.fitted.results import Results, spread
from reference_model.fitted.rows import chunks, claims_hash, read
from reference_model.fitted.training import coordinates, train
from reference_model.grids import pixel_grid
from reference_model.oracle import interpolate, nadaraya_watson
from runtime_probe import probe_coords

SHORT = {"steps": 20, "width": 16}


# The arms.


def test_the_committed_run_is_what_the_issue_asks_for():
    fits = list(committed())
    assert len({fit.key() for fit in fits}) == len(fits)
    assert len(ANALYTIC) == len(PHOTOGRAPHS) == 8
    for bands in ("4x", "2x", "1x"):
        for draws in (0, 1, 3, 10, 20, 100, "all"):
            assert {dose(image, 0, draws, bands=bands) for image in IMAGES} <= set(fits)
    assert all(fit.steps % fit.epochs == 0 for fit in fits)


def test_quick_and_smoke_are_small():
    assert sum(fit.steps for fit in quick()) <= 28 * STEPS and max(fit.steps for fit in smoke()) == 20


@pytest.mark.parametrize(("draws", "distinct"), [(0, 0), (1, 1), (10, 10), ("all", 20)])
def test_the_number_of_distinct_draws_is_the_one_in_the_name(draws, distinct):
    fit = dose("chelsea", 0, draws, **SHORT)
    clean = pixel_grid(32)[None]
    yielded = {coords.numpy().tobytes() for coords in coordinates(fit)}
    assert fit.draws == distinct
    assert len(yielded - {clean.numpy().tobytes()}) == distinct


def test_a_cycle_has_the_draws_of_the_held_ones_in_turn():
    held = list(coordinates(Fit("chelsea", 0, "outside", 4, **SHORT)))
    cycle = list(coordinates(Fit("chelsea", 0, "reseeded", 5, **SHORT)))
    assert Fit("chelsea", 0, "reseeded", 5, **SHORT).draws == 4
    for step in range(20):
        assert torch.equal(cycle[step], held[5 * (step % 4)])


def test_draws_that_cannot_share_the_steps_are_refused():
    with pytest.raises(ValueError, match="20 steps cannot be shared equally by 3 draws"):
        dose("chelsea", 0, 3, **SHORT)


@pytest.mark.parametrize(
    ("schedule", "epochs", "verdict"),
    [
        ("none", 5, "CLEAN_GRID"), ("outside", 1, "FROZEN"), ("outside", 5, "ONCE_PER_EPOCH"), ("inside", 5, "FRESH"),
        ("reseeded", 5, "CYCLING"),
    ],
)  # fmt: skip
def test_the_probe_gives_each_arm_its_verdict(schedule, epochs, verdict):
    fit = Fit("chelsea", 0, schedule, epochs, **SHORT)
    watched = torch.nn.Identity()
    coords = coordinates(fit)
    with probe_coords(watched) as probe:
        for _ in range(max(2, epochs)):  # one draw for the run is seen as frozen over more than one epoch
            for _ in probe.batches(range(fit.steps // max(2, epochs))):
                watched(next(coords))
    assert probe.to_dict()["verdict"] == verdict


# The trainer.


def test_networks_do_not_touch_each_other():
    fits = [dose("chelsea", 0, "all", **SHORT), dose("rocket", 1, 10, **SHORT), dose("analytic-3", 0, 0, **SHORT)]
    together = train(fits, stacked([fit.image for fit in fits]))
    for place, fit in enumerate(fits):
        alone = train([fit], stacked([fit.image]))
        assert torch.allclose(alone.losses[0], together.losses[place], rtol=1e-4)


def test_arms_of_an_image_start_equal_and_images_do_not():
    fits = [dose("chelsea", 0, 0, **SHORT), dose("chelsea", 0, 1, **SHORT), dose("rocket", 0, 0, **SHORT)]
    networks = train([replace(fit, steps=20, learning_rate=0.0) for fit in fits], stacked(["chelsea"] * 3)).networks
    weights = networks.weights[0]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_held_codes_are_those_that_are_computed_anew():
    """The codes of coordinates that did not change are kept; a fit whose coordinates do change sees the new ones."""
    fits = [dose("chelsea", 0, 1, **SHORT), dose("chelsea", 0, "all", **SHORT)]
    losses = train(fits, stacked(["chelsea"] * 2)).losses
    assert float((losses[0] - losses[1]).abs()[1:].min()) > 0


def test_it_learns_and_what_cannot_be_trained_together_is_refused():
    fits = [dose("chelsea", 0, 0, steps=100, width=32)]
    losses = train(fits, stacked(["chelsea"])).losses[0]
    assert float(losses[-5:].mean()) < 0.2 * float(losses[:5].mean())
    with pytest.raises(ValueError, match="share bands, width, steps"):
        train([*fits, dose("chelsea", 0, 0, **SHORT)], stacked(["chelsea"] * 2))


def test_chunks_hold_what_can_be_trained_together():
    parts = list(chunks(list(committed())))
    assert [fit for part in parts for fit in part] == list(committed())
    assert all(len({(fit.bands, fit.steps) for fit in part}) == 1 and len(part) <= 8 for part in parts)


# The measurements, with their theory.


def test_the_oracle_overshoots_nowhere_and_bicubic_does():
    """The oracle is a weighted mean of near pixels: beyond the 3 × 3 around a point weigh less than 1e-6 of it."""
    pixels = picture("chelsea").pixels
    oracle = measure(lambda at: nadaraya_watson(pixels, at, 0.32), "chelsea", 0.32)
    bicubic = measure(lambda at: interpolate(pixels, at, "bicubic"), "chelsea", 0.32)
    assert oracle["overshoot"] < 1e-3 < bicubic["overshoot"]
    assert oracle["oracle_mse"] == oracle["oracle_mse_1_4"] == 0.0
    assert bicubic["rmse_clean"] == pytest.approx(0.0, abs=1e-3)


def test_shifting_the_truth_gives_the_truth():
    shown = picture("analytic-2")
    measured = measure(lambda at: shown.truth(at, 1 / 32), "analytic-2", 0.32)
    assert min(measured[f"psnr_{key}"] for key in ("shift_1_4", "shift_1_2", "jitter_0.32")) > 100
    assert exam("analytic-2").truth["128_sharp"][1].shape == (1, 128**2, 3)


def test_label_variance_is_the_error_of_one_draws_labels():
    pixels, sigma = picture("rocket").pixels, 0.5
    labels = pixels.flatten(2).transpose(1, 2)
    draw = pixel_grid(32) + torch.randn(1024, 2, generator=torch.Generator().manual_seed(1)) * sigma / 32
    error = float((interpolate(pixels, draw, "bilinear") - labels).square().mean())
    assert label_variance("rocket", sigma) == pytest.approx(error, rel=0.15)
    small, large = label_variance("rocket", 0.05), label_variance("rocket", 0.1)
    assert large / small == pytest.approx(4.0, rel=0.1), "the gradient's energy times σ², for small σ"


def test_spread_is_the_standard_deviation_between_seeds():
    assert spread([{"samples": [0.1, 0.5]}, {"samples": [0.3, 0.5]}]) == pytest.approx(255 * math.sqrt(0.02 / 2))


def test_seeds_are_averaged_within_an_image_first():
    rows = [
        {"arm": "a", "image": image, "seed": seed, "metrics": {"m": value}}
        for image, seed, value in (("x", 0, 1.0), ("x", 1, 3.0), ("y", 0, 5.0))
    ]
    assert Results(tuple(rows)).by_image("a", "m") == {"x": 2.0, "y": 5.0}


# The command.


def test_smoke_fits_are_written_once_and_continue(tmp_path, capsys):
    arguments = ["fit", "--preset", "smoke", "--out", str(tmp_path), "--workers", "1"]
    assert main(arguments) == 0
    rows = read(tmp_path / "fitted.jsonl")
    networks = [row for row in rows if row["kind"] == "network"]
    assert len(networks) == len(list(smoke())) and all(row["claims"] == claims_hash() for row in rows)
    assert all(row["steps"] == 20 and row["pixels_a_step"] == 1024 and row["threads"] == 1 for row in networks)
    assert all(row["final_loss"] > 0 and row["final_psnr"] > 0 and "loss_change" in row for row in networks)
    contents = (tmp_path / "fitted.jsonl").read_bytes()
    (tmp_path / "fitted.jsonl").write_bytes(contents[:-50])  # as a killed run leaves it
    assert main(arguments) == 0
    again = read(tmp_path / "fitted.jsonl")
    assert {row["key"]: row["metrics"] for row in again} == {row["key"]: row["metrics"] for row in rows}
    assert main(["report", str(tmp_path)]) == 0
    text = (tmp_path / "report.md").read_text()
    assert "Smoke preset" in text and "supported" not in text and "refuted" not in text and "## Claims" not in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit", "--preset", "quik"], "unknown preset 'quik' (did you mean quick?)"),
        (["fit", "--workers", "0"], "--workers must be at least 1, not 0"),
        (["prices", "--task", "croop"], "unknown task 'croop' (did you mean crop?)"),
        (["prices", "--seeds", "1"], "--seeds must be at least 2"),
        (["predict"], "required: --draws"),
        (["predict", "--draws", "0"], "draws must be 1 to the number of steps (1200), not 0"),
        (["predict", "--draws", "20", "--bandwidth", "3"], "no law for bandwidth 3x"),
        (["predict", "--draws", "20", "--sigma", "5"], "sigma was measured from"),
    ],
)
def test_bad_requests_are_one_line(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    error = capsys.readouterr().err.strip()
    assert message in error and len(error.splitlines()) == 1


def test_rows_are_json_without_infinities(tmp_path):
    assert main(["fit", "--preset", "smoke", "--out", str(tmp_path), "--workers", "1"]) == 0
    for line in (tmp_path / "fitted.jsonl").read_text().splitlines():
        json.loads(line, parse_constant=lambda name: pytest.fail(name))


def test_subset_and_epochs_are_those_of_the_whole():
    assert set(SUBSET) < set(IMAGES) and EPOCHS == 20
