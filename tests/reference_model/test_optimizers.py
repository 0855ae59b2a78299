"""Which parameter is learned by what, and how large the steps are."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from reference_model.model import Lainr, build
from reference_model.optimizers import optimizers, weight_matrices
from reference_model.recipe import Recipe, preset

MUON = replace(preset("smoke"), optimizer="muon", learning_rate=0.01)


def network() -> Lainr:
    return build(MUON.model, 0)


@pytest.mark.parametrize("recipe", [MUON, replace(MUON, optimizer="adam")])
def test_every_parameter_is_learned_by_one_optimizer(recipe: Recipe) -> None:
    model = network()
    learned = [
        parameter
        for optimizer in optimizers(model, recipe)
        for group in optimizer.param_groups
        for parameter in group["params"]
    ]
    assert sorted(map(id, learned)) == sorted(map(id, model.parameters()))


def test_what_gives_colours_and_the_tokens_are_not_matrices_of_muon() -> None:
    model = network()
    matrices = {id(matrix) for matrix in weight_matrices(model, MUON.model.channels)}
    names = {name for name, parameter in model.named_parameters() if id(parameter) in matrices}
    assert {"encoder.embed.weight", "encoder.layers.0.to_qkv.weight", "decoder.refine.0.weight"} <= names
    assert not {name for name in names if "to_colour" in name or "lp_tokens" in name or "norm" in name}


def test_a_step_of_muon_turns_all_directions_alike() -> None:
    """Its singular values are nearly equal, about 0.2 √max(m, n) learning rates each, whatever the gradient's are."""
    model = network()
    weight = model.encoder.layers[0].to_qkv.weight  # (48, 16)
    before = weight.detach().clone()
    steps = torch.logspace(0, -3, 16)  # singular values of the gradient, three decades apart
    left, right = torch.linalg.qr(torch.randn(48, 16)).Q, torch.linalg.qr(torch.randn(16, 16)).Q
    weight.grad = left @ torch.diag(steps) @ right
    for optimizer in optimizers(model, MUON):
        optimizer.step()
    singular = torch.linalg.svdvals(before - weight.detach()) / (MUON.learning_rate * 0.2 * 48**0.5)
    assert all(0.5 < value < 1.5 for value in singular[:12]), singular
    assert all(larger >= smaller for larger, smaller in pairwise(singular))
