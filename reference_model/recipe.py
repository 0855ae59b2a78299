"""What determines a trained model: `Recipe`, and the three presets."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any

FOUR_TIMES_NYQUIST = (128, 32)  # Fourier bands whose first reaches 64 cycles/image: 4 times the Nyquist of 32 px


@dataclass(frozen=True)
class ModelConfig:
    """The network. Defaults are the full size."""

    size: int = 32  # pixels a side of the images the encoder sees
    channels: int = 3
    patch: int = 2  # pixels a side of a token
    width: int = 256  # features of a token and of the decoder
    layers: int = 6  # encoder depth
    feed_forward: int = 1024  # hidden features of an encoder layer
    encoder_heads: int = 4
    lp_tokens: int = 256  # learned position tokens, the code of an image
    heads: int = 2  # of the cross-attention of a query over the LP tokens
    head_width: int = 64
    bands: tuple[int, ...] = FOUR_TIMES_NYQUIST  # σ_l, coarse to fine is from the last to the first
    query_band: int = 16  # σ_q
    locality: float = 100.0  # α of the attention bias -α |x - token|², in 1/[0, 1]²


@dataclass(frozen=True)
class Recipe:
    """Everything that determines a trained model except its seed."""

    schedule: str = "none"  # a name of jitter.SCHEDULES
    sigma: float = 0.32  # std of the jitter in pixels of the training grid; 0.32 px is 0.01 of 32 px
    distribution: str = "gaussian"  # or "uniform"
    scope: str = "shared"  # or "per_sample"
    data: str = "analytic"  # a name of images.DATASETS
    images: int = 50_000  # samples an epoch; where the data set has fewer images, they repeat
    targets: str = "pixels"  # a name of targets.TARGETS; the others learn real pixels of 48 or 64 a side too
    epochs: int = 40
    warmup: int = 5  # epochs of linear warm-up
    batch: int = 16
    optimizer: str = "adam"  # a name of optimizers.OPTIMIZERS
    learning_rate: float = 5e-4
    second_moment: float = 0.999  # β₂ of Adam
    model: ModelConfig = field(default_factory=ModelConfig)

    @property
    def batches(self) -> int:
        """Training steps of an epoch: whole batches only."""
        return self.images // self.batch

    def to_dict(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self)

    def digest(self) -> str:
        """A short name of everything but the seed: equal for equal recipes, in every process and Python version."""
        text = json.dumps(self.to_dict(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def recipe_from(values: dict[str, Any]) -> Recipe:
    """The recipe that `to_dict` wrote, also after a way through JSON."""
    model = dict(values["model"])
    model["bands"] = tuple(model["bands"])
    return Recipe(**{**values, "model": ModelConfig(**model)})


SMALL = ModelConfig(
    # The locality decides how soon the network sees: a query's kernel of 0.57 px, a quarter of the tokens' spacing
    width=64, layers=1, feed_forward=128, encoder_heads=4, head_width=32, locality=1600,
)  # fmt: skip

PRESETS: dict[str, Recipe] = {
    "smoke": Recipe(
        images=48,
        epochs=6,
        warmup=1,
        batch=8,
        model=ModelConfig(
            patch=8, width=16, layers=1, feed_forward=32, encoder_heads=2, lp_tokens=9, heads=2, head_width=8
        ),
    ),
    "cpu": Recipe(
        data="unseen",
        images=4000,
        epochs=6,
        warmup=1,
        batch=4,
        optimizer="muon",
        learning_rate=1e-2,
        second_moment=0.99,
        model=SMALL,
    ),
    "gpu": Recipe(),
}


def preset(name: str) -> Recipe:
    """The base recipe of a preset: "smoke" (seconds, for tests), "cpu" (two cores) or "gpu" (full size)."""
    if name not in PRESETS:
        raise ValueError(f"unknown preset {name!r}: there is {', '.join(PRESETS)}")
    return PRESETS[name]
