"""The images and their truth."""

import math

import pytest
import torch
from torch.nn import functional

from reference_model.grids import pixel_grid, shifted
from reference_model.images import PHOTOGRAPHS, DataError, box_average, load, photograph
from reference_model.scenes import disc_share, edge_share, gratings, natural


@pytest.mark.parametrize("make", [natural, gratings])
def test_box_pixels_are_the_average_of_many_points(make):
    """64 × 64 points in each of 8 × 8 boxes; discs and edges leave an error of the order of 1 / 64²."""
    scenes = make(3, 5)
    exact = scenes.values(pixel_grid(8), 1 / 8)
    points = scenes.values(pixel_grid(512), 0.0).reshape(3, 8, 64, 8, 64, 3)
    assert torch.allclose(points.mean((2, 4)).reshape(3, 64, 3), exact, atol=3e-4)


def test_a_small_box_is_a_point():
    scenes = natural(3, 5)
    coords = torch.rand(100, 2, generator=torch.Generator().manual_seed(0))
    difference = (scenes.values(coords, 1e-4) - scenes.values(coords, 0.0)).abs()
    assert float(difference.median()) < 1e-4  # not the largest: a box may touch an edge


def test_closed_forms_of_shapes():
    radius = torch.tensor(0.3, dtype=torch.float64)
    whole = disc_share(torch.zeros(2, dtype=torch.float64), radius, 1.0)
    assert float(whole) == pytest.approx(math.pi * 0.09, rel=1e-9)
    half = disc_share(torch.tensor([0.5, 0.0], dtype=torch.float64), radius, 1.0)
    assert float(half) == pytest.approx(math.pi * 0.09 / 2, rel=1e-9)
    normal = torch.tensor([math.sqrt(0.5)] * 2, dtype=torch.float64)
    assert float(edge_share(torch.tensor(0.0, dtype=torch.float64), normal, 0.2)) == pytest.approx(0.5)
    corner = torch.tensor(-0.5 * math.sqrt(0.5), dtype=torch.float64)  # the line through two neighbouring midpoints
    assert float(edge_share(corner, normal, 1.0)) == pytest.approx(1 / 8)


def test_values_stay_in_range_and_depend_on_the_seed_alone():
    points = natural(16, 3).values(torch.rand(4000, 2, generator=torch.Generator().manual_seed(1)), 0.0)
    assert float(points.min()) >= 0.0 and float(points.max()) <= 1.0
    assert torch.equal(natural(4, 7).base, natural(4, 7).base)
    assert not torch.equal(natural(4, 7).base, natural(4, 8).base)


@pytest.mark.parametrize("name", ["analytic", "gratings", "photographs"])
def test_each_data_set_has_consistent_truth(name):
    data = load(name, 6, test_images=4)
    assert data.train.shape[1:] == data.test.shape[1:] == (3, 32, 32)
    assert data.train.dtype == torch.float32 and 0 <= float(data.train.min()) <= float(data.train.max()) <= 1
    assert data.truth is not None
    pixels = data.truth(pixel_grid(32), 0.0 if name == "gratings" else 1 / 32)
    assert torch.allclose(pixels, data.test.flatten(2).transpose(1, 2), atol=2e-5)
    fine = data.target(64)
    coarse = functional.avg_pool2d(fine, 2)
    if name != "gratings":  # whose input is point-sampled on purpose
        assert torch.allclose(coarse, data.train, atol=2e-5)


def test_train_and_test_images_are_different():
    data = load("analytic", 4, test_images=4)
    assert not torch.allclose(data.train, data.test)
    assert not set(PHOTOGRAPHS["train"]) & set(PHOTOGRAPHS["test"])


def test_gratings_alias_at_32_px_and_not_at_128():
    data = load("gratings", 2, test_images=8)
    assert data.fast is not None and bool((data.fast.abs().amax(1) > 16).all())
    assert data.truth is not None
    averaged = data.truth(pixel_grid(32), 1 / 32).transpose(1, 2).unflatten(-1, (32, 32))
    assert float((averaged - data.test).std()) > 0.05  # area sampling would have removed most of the grating


def test_box_average_of_photographs_is_area_sampling_and_moves_with_the_box():
    fine = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    averaged = box_average(fine, pixel_grid(4), 1 / 4).transpose(1, 2).unflatten(-1, (4, 4))
    assert torch.allclose(averaged, functional.avg_pool2d(fine, 4), atol=1e-6)
    moved = box_average(fine, shifted(pixel_grid(4), 0.25, 0.0, 4), 1 / 4).transpose(1, 2).unflatten(-1, (4, 4))
    rolled = functional.avg_pool2d(torch.cat([fine[:, :, 1:], fine[:, :, -1:]], 2), 4)  # a quarter of 4 px is one
    assert torch.allclose(moved, rolled, atol=1e-6)
    assert torch.allclose(box_average(fine, pixel_grid(16), 0.0), fine.flatten(2).transpose(1, 2), atol=1e-6)


@pytest.mark.parametrize("name", [*PHOTOGRAPHS["train"], *PHOTOGRAPHS["test"], "motorcycle", "grace_hopper"])
def test_photographs_ship_with_the_packages(name):
    pixels = photograph(name)
    assert pixels.shape[0] == 3 and min(pixels.shape[1:]) >= 128 and 0 <= float(pixels.min()) < float(pixels.max()) <= 1


def test_what_is_not_there_is_one_line(tmp_path):
    with pytest.raises(DataError, match="unknown data 'imagenet'"):
        load("imagenet", 1)
    with pytest.raises(DataError) as caught:
        load("cifar10", 1, root=tmp_path)
    assert "no CIFAR-10 in" in str(caught.value) and "--download" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_cifar10_files_that_are_broken_are_one_line(tmp_path):
    (tmp_path / "cifar-10-batches-py").mkdir()
    (tmp_path / "cifar-10-batches-py" / "data_batch_1").write_bytes(b"not a pickle")
    with pytest.raises(DataError, match="no CIFAR-10 in"):
        load("cifar10", 1, root=tmp_path)


def test_cifar10_is_read_from_its_files(cifar10_files):
    data = load("cifar10", 30, test_images=5, root=cifar10_files)
    assert data.train.shape == (30, 3, 32, 32) and data.test.shape == (5, 3, 32, 32) and data.truth is None
    assert data.target(32) is data.train and 0 <= float(data.train.min()) < float(data.train.max()) <= 1
    with pytest.raises(DataError, match="no true images of 64 px"):
        data.target(64)
