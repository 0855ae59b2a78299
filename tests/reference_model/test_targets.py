"""The points of a batch and their colours belong together, at every resolution."""

import pytest
import torch
from torch import Tensor

from reference_model.grids import pixel_grid
from reference_model.images import Dataset
from reference_model.targets import POINTS, RESOLUTIONS, SIZE, TARGETS, TargetPlan

COUNT, EPOCHS, BATCHES = 5, 6, 8


def positions(size: int) -> Tensor:
    """Images whose first two channels are the coordinates of the pixel and whose third is the image's number."""
    places = pixel_grid(size).T.reshape(1, 2, size, size).expand(COUNT, -1, -1, -1)
    number = torch.arange(COUNT).float().reshape(-1, 1, 1, 1).expand(-1, 1, size, size)
    return torch.cat([places, number], dim=1)


def plan(name: str, seeds: tuple[int, ...] = (0, 1)) -> TargetPlan:
    dataset = Dataset("positions", positions(SIZE), positions(SIZE), None, positions)
    return TargetPlan(name, dataset, seeds, EPOCHS, torch.device("cpu"))


@pytest.mark.parametrize("name", TARGETS)
def test_colours_are_those_of_the_coordinates(name: str) -> None:
    targets = plan(name)
    samples = torch.tensor([[0, 3, 2], [4, 4, 1]])
    for epoch in range(EPOCHS):
        for batch in range(BATCHES):
            grid, colours = targets.grid(epoch, batch), targets.colours_of(epoch, batch, samples)
            assert grid.shape == (2, POINTS, 2) and colours.shape == (2, 3, POINTS, 3)
            assert torch.equal(colours[..., :2], grid.unsqueeze(1).expand(-1, 3, -1, -1))
            assert torch.equal(colours[..., 2], samples.float().unsqueeze(-1).expand(-1, -1, POINTS))


def sizes(name: str) -> list[int]:
    return [plan(name).size(epoch, batch) for epoch in range(EPOCHS) for batch in range(BATCHES)]


def test_resolutions_of_a_run() -> None:
    assert set(sizes("pixels")) == {32} and set(sizes("patches")) == {64}
    assert set(sizes("multiscale")) == set(RESOLUTIONS)


def test_patches_are_windows_with_the_coordinates_of_the_whole_image() -> None:
    targets = plan("patches")
    windows = targets.grid(0, 0).reshape(2, SIZE, SIZE, 2)
    down, right = windows[:, 1:, :, 0] - windows[:, :-1, :, 0], windows[:, :, 1:, 1] - windows[:, :, :-1, 1]
    assert torch.allclose(down % 1, torch.tensor(1 / 64)) and torch.allclose(right % 1, torch.tensor(1 / 64))
    corners = {tuple(targets.grid(0, batch)[0, 0].tolist()) for batch in range(BATCHES)}
    assert len(corners) > 1, "windows lie at different places"


def test_patches_decode_every_place_equally_often() -> None:
    targets, batches = plan("patches"), 1500
    chosen = torch.cat([targets.chosen(0, batch).flatten() for batch in range(batches)])
    often = torch.bincount(chosen, minlength=64**2) / (2 * batches)
    border = torch.ones(64, 64, dtype=torch.bool)
    border[2:-2, 2:-2] = False
    expected, spread = SIZE**2 / 64**2, 6 * (0.25 * 0.75 / (2 * batches)) ** 0.5
    assert often.sub(expected).abs().max() < spread
    assert abs(float(often[border.flatten()].mean()) - expected) < 0.01


@pytest.mark.parametrize("name", TARGETS)
def test_points_of_a_seed_do_not_depend_on_its_neighbours(name: str) -> None:
    assert torch.equal(plan(name, (7, 3)).grid(2, 5)[1], plan(name, (3,)).grid(2, 5)[0])
