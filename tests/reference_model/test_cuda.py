"""On a GPU the same networks learn the same, however they are computed. Skipped where there is none."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from reference_model.evaluate import evaluate, prepare
from reference_model.images import Dataset, load
from reference_model.recipe import preset
from reference_model.train import Trained, train

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")

RECIPE = replace(preset("smoke"), schedule="inside", epochs=2)
SEEDS = (0, 1)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return load("analytic", RECIPE.images, test_images=2, device="cuda")


@pytest.fixture(scope="module")
def on_cpu() -> Trained:
    return train(RECIPE, SEEDS, load("analytic", RECIPE.images, test_images=2))


def test_scenes_rendered_on_it_are_those_of_the_cpu(dataset: Dataset) -> None:
    assert dataset.train.is_cuda
    assert torch.allclose(dataset.train.cpu(), load("analytic", RECIPE.images, test_images=2).train, atol=1e-6)


@pytest.mark.parametrize("stacked", [False, True])
@pytest.mark.parametrize("compiled", [False, True])
def test_it_learns_what_a_cpu_learns(stacked: bool, compiled: bool, dataset: Dataset, on_cpu: Trained) -> None:
    found = train(RECIPE, SEEDS, dataset, device="cuda", stacked=stacked, compile=compiled)
    assert torch.allclose(found.losses, on_cpu.losses, rtol=1e-2)
    assert found.probe["verdict"] == on_cpu.probe["verdict"] == "FRESH"


def test_half_precision_learns_nearly_the_same(dataset: Dataset, on_cpu: Trained) -> None:
    found = train(RECIPE, SEEDS, dataset, device="cuda", bf16=True)
    assert torch.allclose(found.losses, on_cpu.losses, rtol=0.1)


def test_its_networks_are_measured(dataset: Dataset) -> None:
    model = train(replace(RECIPE, epochs=1), [0], dataset, device="cuda").models[0]
    measured = evaluate(lambda images, coords: model(images.cuda(), coords.cuda()), prepare(dataset))
    assert 0 < measured.metrics["psnr_clean"] < 60
