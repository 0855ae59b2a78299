"""Functions and layers that drop or perturb values unless they are told that the network is evaluated."""

from __future__ import annotations

from jitlint.libraries.facts import What
from jitlint.libraries.tables import all_names, facts

# Functions by the position of `training`; -1 where it is False by default.
FUNCTIONAL = {name: fact.detail for _, fact in facts(What.DROPS) for name in fact.names if isinstance(fact.detail, int)}
DEFAULT_IS_TRAINING = frozenset(name for name, position in FUNCTIONAL.items() if position >= 0)
# Layers that are in training mode when they are made, so that making one in `forward` makes it drop for ever.
TORCH_LAYERS = frozenset(name for name in all_names(What.DROPPING_LAYER) if name.startswith("torch."))
# No switch at all.
ALWAYS_ON = all_names(What.DROPS_ALWAYS)
# `deterministic` of the layer or of its call.
FLAX_LAYERS = all_names(What.DROPPING_LAYER) - TORCH_LAYERS

# Arguments with which a network is told its mode, and the value that means training.
MODE_ARGUMENTS = {
    "training": True,
    "train": True,
    "is_training": True,
    "deterministic": False,
    "inference": False,
}
