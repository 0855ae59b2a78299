"""Functions and layers that drop or perturb values unless they are told that the network is evaluated."""

from __future__ import annotations

# torch: `training` is True by default, at this position. torch/nn/functional.py, all versions since 0.4.
FUNCTIONAL = {
    "torch.nn.functional.dropout": 2,
    "torch.nn.functional.dropout1d": 2,
    "torch.nn.functional.dropout2d": 2,
    "torch.nn.functional.dropout3d": 2,
    "torch.nn.functional.alpha_dropout": -1,  # its `training` is False by default: only a constant True counts
    "torch.nn.functional.feature_alpha_dropout": -1,
    "torch.dropout": 2,
    "torch_geometric.utils.dropout_adj": 4,  # since 1.1; dropout_edge and dropout_node since 2.1
    "torch_geometric.utils.dropout_edge": 3,
    "torch_geometric.utils.dropout_node": 4,
    "torch_geometric.utils.dropout_path": 5,
}
DEFAULT_IS_TRAINING = frozenset(name for name, position in FUNCTIONAL.items() if position >= 0)
# Layers that are in training mode when they are made, so that making one in `forward` makes it drop for ever.
TORCH_LAYERS = frozenset(
    f"torch.nn.{name}" for name in "Dropout Dropout1d Dropout2d Dropout3d AlphaDropout FeatureAlphaDropout".split()
)
# No switch at all. tensorflow >= 2.0 (before, a placeholder for the rate was fed).
ALWAYS_ON = frozenset({"tensorflow.nn.dropout", "tensorflow.nn.experimental.stateless_dropout"})
# Flax linen: `deterministic` of the layer or of its call. flax/linen/stochastic.py
FLAX_LAYERS = frozenset({"flax.linen.Dropout", "flax.nnx.Dropout"})

# Arguments with which a network is told its mode, and the value that means training.
MODE_ARGUMENTS = {
    "training": True,
    "train": True,
    "is_training": True,
    "deterministic": False,
    "inference": False,
}
