"""A model that jitters its coordinates by itself is no bug; the draws of its layers are no jitter."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from runtime_probe import Flag, StaleCoordinatesError, Verdict, probe_coords
from runtime_probe.errors import AbsentJitterError
from tests.runtime_probe.programs.small import grid


class Network(nn.Module):
    """Coordinates of shape (16, 16, 2), moved or not before the first layer."""

    def __init__(self, move):
        super().__init__()
        self.move = move
        self.body = nn.Linear(2, 2)

    def forward(self, coord):
        return self.body(self.move(self, coord))


def noise(model, coord):
    return coord + 0.01 * torch.randn_like(coord) if model.training else coord


def noise_in_place(model, coord):
    moved = coord.clone()
    return moved.add_(torch.empty_like(moved).normal_(0, 0.01))


def noise_on_a_view(model, coord):
    shift = torch.rand(1, 2) - 0.5
    return (2 * coord - 1).view(-1, 2) + shift / 16 if model.training else coord


def rotation(model, coord):
    angle = torch.rand(())
    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()]).view(2, 2)
    return (coord - 0.5) @ turn


def nothing(model, coord):
    return coord


def dropped_residual(model, coord):
    return coord + functional.dropout(model.body(coord), 0.5)


def noisy_features(model, coord):
    hidden = model.body(coord)
    return hidden + torch.randn_like(hidden)


def fixed_features(model, coord):
    if not hasattr(model, "directions"):
        model.directions = model.body.weight.new_ones(2, 2).normal_()
    return coord @ model.directions + model.body.bias


def unused_noise(model, coord):
    torch.randn_like(coord).add_(1)
    return coord


MOVED = [noise, noise_in_place, noise_on_a_view, rotation]
NOT_MOVED = [nothing, fixed_features, dropped_residual, noisy_features, unused_noise]


def train(move, on_violation="report", evaluate_first=False, **options):
    model = Network(move)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    coord = grid()
    model(coord)
    with probe_coords(model, on_violation=on_violation, **options) as probe:
        if evaluate_first:
            model.eval()
            for _ in range(3):
                model(coord)
            model.train()
        for _ in range(5):
            model(coord).square().mean().backward()
            optimizer.step()
    return probe.report()


@pytest.mark.parametrize("move", MOVED)
@pytest.mark.parametrize("evaluate_first", [False, True])
def test_noise_inside_the_model_is_no_violation_and_is_named(move, evaluate_first):
    report = train(move, on_violation="raise", evaluate_first=evaluate_first)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert not report.violations
    assert f"in {move.__name__}, inside the model" in str(report)
    assert "probe_coords(model.part)" in str(report)


@pytest.mark.parametrize("move", NOT_MOVED)
def test_other_draws_inside_the_model_excuse_nothing(move):
    assert train(move).verdict is Verdict.CLEAN_GRID
    with pytest.raises(AbsentJitterError):
        train(move, on_violation="raise")


def test_the_part_that_gets_the_moved_coordinates_can_be_watched():
    model = Network(noise)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with probe_coords(model.body) as probe:
        for _ in range(5):
            model(grid()).square().mean().backward()
            optimizer.step()
    assert probe.verdict is Verdict.FRESH


def test_outputs_and_random_numbers_are_those_of_a_run_without_a_probe():
    torch.manual_seed(0)
    model = Network(noise)
    expected = [model(grid()) for _ in range(4)]
    torch.manual_seed(0)
    model = Network(noise)
    with probe_coords(model):
        found = [model(grid()) for _ in range(4)]
    assert all(torch.equal(one, other) for one, other in zip(expected, found, strict=True))


def rays(fresh):
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with probe_coords(model, argument=0) as probe:
        points = 8 * torch.rand(4, 64, 3) - 4
        for _ in range(3):
            for batch in points:
                moved = batch + torch.rand_like(batch) if fresh else batch
                model(moved).square().mean().backward()
                optimizer.step()
    return probe.report()


def test_values_that_come_back_without_a_draw_are_not_called_seeded():
    report = rays(fresh=False)
    assert str(report.conclusion) == "CYCLING(4)"
    assert "nothing is drawn between the forwards" in str(report)
    assert "JIT201" in str(report)
    assert not rays(fresh=True).violations


def test_another_domain_is_not_far_outside_of_the_unit_square():
    assert Flag.OUT_OF_DOMAIN not in rays(fresh=True).flags


def test_a_frozen_draw_outside_is_still_stale():
    model = Network(nothing)
    moved = grid() + 0.01 * torch.randn_like(grid())
    with pytest.raises(StaleCoordinatesError), probe_coords(model, on_violation="raise") as probe:
        for _ in probe.batches(range(4)):
            model(moved).mean().backward()


def test_noise_inside_one_model_does_not_hide_the_verdict_on_another():
    models = [Network(noise), Network(nothing)]
    with probe_coords(*models) as probe:
        for _ in probe.batches(range(4)):
            coord = grid()
            models[0](coord).mean().backward()
            half = torch.cat([coord[:8] + 0.01 * torch.randn_like(coord[:8]), coord[8:]])
            models[1](half).mean().backward()
    report = probe.report()
    assert report.verdict is Verdict.PARTIAL
    assert [str(series.conclusion) for series in report.series] == ["PARTIAL", "INCONCLUSIVE"]
