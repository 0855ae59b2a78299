"""All tables of libraries, and the questions that are asked of them."""

from __future__ import annotations

from jitlint.libraries.augmenting import ALBUMENTATIONS, AUDIOMENTATIONS, IMGAUG, KORNIA, MONAI, TORCHAUDIO, TORCHVISION
from jitlint.libraries.facts import Fact, Library, What
from jitlint.libraries.frameworks import EQUINOX, FLAX, JAX, KERAS, NUMPY, OPTAX, OTHER_JAX, PYTHON, TORCH
from jitlint.libraries.training import (
    ACCELERATE,
    DATASETS,
    DGL,
    GYMNASIUM,
    LIGHTNING,
    TIMM,
    TORCH_GEOMETRIC,
    TRAINERS,
    TRANSFORMERS,
)

LIBRARIES = (
    PYTHON, NUMPY, TORCH, TORCHVISION, ALBUMENTATIONS, KORNIA, IMGAUG, MONAI, TORCHAUDIO, AUDIOMENTATIONS, KERAS, JAX,
    FLAX, EQUINOX, OPTAX, OTHER_JAX, DATASETS, LIGHTNING, ACCELERATE, TRANSFORMERS, TRAINERS, TIMM, GYMNASIUM,
    TORCH_GEOMETRIC, DGL,
)  # fmt: skip


def facts(what: What) -> tuple[tuple[Library, Fact], ...]:
    """Every fact of one kind, with its library."""
    return tuple((library, fact) for library in LIBRARIES for fact in library.facts if fact.what is what)


def all_names(what: What) -> frozenset[str]:
    """The names of every fact of one kind, whatever the version: no name means two things."""
    return frozenset(name for _, fact in facts(what) for name in fact.names)
