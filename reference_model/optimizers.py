"""What takes the steps: Adam, or Muon for the weight matrices beside it."""

from __future__ import annotations

import torch
from torch import nn

from reference_model.recipe import Recipe

OPTIMIZERS = ("adam", "muon")


def optimizers(network: nn.Module, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """The optimizers of a recipe, which share its learning rate; ValueError for a name that does not exist.

    "adam" is Adam for all parameters. "muon" is Muon (Jordan et al. 2024: momentum whose singular values are made
    equal) for the weights of linear layers, in the scale of Adam's steps (0.2 √max(m, n) for m × n; Liu et al. 2025,
    arXiv:2502.16982), and Adam for the rest: biases, normalisations, the LP tokens, and the layers that give colours.
    """
    if recipe.optimizer not in OPTIMIZERS:
        raise ValueError(f"unknown optimizer {recipe.optimizer!r}: there is {', '.join(OPTIMIZERS)}")
    matrices = weight_matrices(network, recipe.model.channels) if recipe.optimizer == "muon" else []
    if recipe.optimizer == "muon" and not matrices:
        raise ValueError("Muon takes matrices, not stacks of them: stacked networks train with Adam")
    apart = {id(matrix) for matrix in matrices}
    rest = [parameter for parameter in network.parameters() if id(parameter) not in apart]
    adam = torch.optim.Adam(rest, lr=recipe.learning_rate, betas=(0.9, recipe.second_moment), fused=True)
    if not matrices:
        return [adam]
    muon = torch.optim.Muon(matrices, lr=recipe.learning_rate, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")
    return [adam, muon]


def weight_matrices(network: nn.Module, channels: int) -> list[torch.Tensor]:
    """The weights (out, in) of the linear layers, but of those with `channels` outputs: they give colours."""
    layers = [module for module in network.modules() if isinstance(module, nn.Linear)]
    return [layer.weight for layer in layers if layer.out_features != channels]
