"""The small tasks: doses that are what they are called, the exact answer of the diffusion model, the table."""

import json

import pytest
import torch

from reference_model.command_line import main
from reference_model.metrics import Interval
from reference_model.prices import diffusion, digits, table, text
from reference_model.prices.digits import BATCH, BATCHES, EPOCHS, TRAINING, WORKERS
from reference_model.prices.stack import Perceptrons


def test_crops_are_drawn_as_often_as_their_name_says():
    def distinct(name, axis):
        return torch.unique(digits._crop_offsets(name, 0).reshape(EPOCHS, BATCHES, BATCH), dim=axis).shape[axis]

    assert [distinct(name, 0) for name in ("none", "run", "reseeded", "workers")] == [1] * 4
    assert distinct("epoch", 0) > 5 and distinct("epoch", 1) == distinct("epoch", 2) == 1
    assert distinct("batch", 2) == 1 < distinct("batch", 1) == distinct("right", 1)
    workers = digits._crop_offsets("workers", 0)[0].reshape(BATCHES, BATCH)
    assert torch.equal(workers[0], workers[WORKERS - 1]) and not torch.equal(workers[0], workers[WORKERS])
    assert digits._crop_offsets("sample", 0).shape == (TRAINING,)
    assert distinct("right", 0) == EPOCHS


def test_the_crop_in_the_middle_is_the_image():
    from sklearn.datasets import load_digits

    assert torch.equal(digits._data()[0][digits.CENTRE], torch.tensor(load_digits().data / 16, dtype=torch.float32))


def test_orders():
    assert len(torch.unique(digits._samples(0, "once").orders, dim=0)) == 1
    assert len(torch.unique(digits._samples(0).orders, dim=0)) == EPOCHS
    stored = digits._samples(0, "stored")
    labels = digits._data()[1][stored.chosen[stored.orders[0]]]
    assert torch.equal(labels, labels.sort().values)
    assert set(stored.chosen.tolist()) == set(digits._samples(0).chosen.tolist())
    assert not set(stored.chosen.tolist()) & set(stored.held_out.tolist())


def test_mixup_shares():
    assert digits._shares("none", 0).unique().tolist() == [1.0]
    counts = [len(digits._shares(name, 0).unique()) for name in ("run", "epoch", "right")]
    assert counts[0] == 1 and counts[1] == EPOCHS and counts[2] > 0.9 * EPOCHS * BATCHES


def test_the_exact_noise_prediction_is_the_conditional_mean():
    """Points whose noisy versions fall near a place: the mean of their noises is the prediction there."""
    generator = torch.Generator().manual_seed(3)
    time = torch.full((2_000_000, 1), 0.5)
    noise = torch.randn(len(time), 2, generator=generator)
    noisy = diffusion._noisy(diffusion._points(len(time), generator), noise, time)
    for place in ((0.3, 0.2), (0.9, -0.1), (0.0, 0.0)):
        near = (noisy - torch.tensor(place)).norm(dim=1) < 0.03
        expected = diffusion.exact(torch.tensor([place]), time[:1])[0]
        assert int(near.sum()) > 500
        assert noise[near].mean(0).tolist() == pytest.approx(expected.tolist(), abs=0.1)


def test_networks_side_by_side_are_networks_alone():
    together, alone = Perceptrons((4, 8, 3), [5, 7]), Perceptrons((4, 8, 3), [7])
    inputs = torch.rand(1, 6, 4)
    assert torch.allclose(together(inputs.expand(2, -1, -1))[1], alone(inputs)[0], atol=1e-6)


def test_hoisted_masks_hide_something():
    assert text._not_empty(torch.zeros(1, text.WINDOW, dtype=torch.bool)).sum() == 1
    some = torch.zeros(1, text.WINDOW, dtype=torch.bool)
    some[0, 3] = True
    assert torch.equal(text._not_empty(some), some)
    assert text._windows().shape[1] == text.WINDOW and int(text._windows().max()) < text.LETTERS


@pytest.mark.parametrize(
    ("mean", "half", "words"),
    [(1.0, 0.5, "cost"), (0.3, 0.5, "no measurable cost"), (-1.0, 0.5, "gain"), (0.0, 0.0, "the right way")],
)
def test_the_reading_follows_from_the_interval(mean, half, words):
    assert table.reading(Interval(mean, half, 5)) == words


def test_the_command_writes_paired_prices_with_the_rules(tmp_path, capsys):
    assert main(["prices", "--task", "order", "--seeds", "3", "--out", str(tmp_path)]) == 0
    contents = json.loads((tmp_path / "prices.json").read_text())
    rows = {row["dose"]: row for row in contents["rows"]}
    assert contents["schema"] == table.SCHEMA and len(rows) == 3
    right = rows["every epoch (right)"]
    assert right["price"] == right["low"] == right["high"] == 0 and right["reading"] == "the right way"
    once = rows["shuffled once, or the sampler's epoch not set"]
    assert once["rules"] == ["JIT107", "JIT306"] and once["low"] <= once["price"] <= once["high"]
    assert once["price"] == pytest.approx(once["measured"] - once["right"], abs=1e-5)
    assert "3 seeds" in once["interval_over"] and "digits of scikit-learn" in once["measured_on"]
    assert main(["report", str(tmp_path)]) == 0
    assert "shuffled once, or the sampler's epoch not set" in (tmp_path / "report.md").read_text()


def test_crops_frozen_per_sample_cost_more_than_copied_to_workers():
    outcome = digits.crops(range(2))
    errors = {dose.name: sum(values) / 2 for dose, values in outcome.values.items()}
    right = errors["every batch (right)"]
    assert errors["no crop"] > errors["one crop a sample, kept for ever"] > right + 3
    assert abs(errors[f"generator copied to {WORKERS} workers"] - right) < 5
