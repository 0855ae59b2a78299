"""Jitter at test time: the notebook's Cell 15."""

from dataclasses import replace

from reference_model.claims import Claim
from reference_model.recipe import Recipe

QUESTION = "How fast does the image degrade when the coordinates are jittered at test time?"
METRICS = ("psnr_clean", "robustness_drop")
FIGURE = "robustness"


def arms(base: Recipe, preset: str) -> dict[str, Recipe]:
    """None, outside and inside."""
    return {name: replace(base, schedule=name) for name in ("none", "outside", "inside")}


CLAIMS = (
    Claim(
        "With jitter in training, PSNR degrades more slowly under jitter at test time",
        "robustness_drop", "inside", "none", "less", 0.25, note="drop from 0 to 0.32 px",
    ),
    Claim(
        "Without jitter in training, PSNR drops sharply at small jitter: by more than 1 dB",
        "robustness_drop", "none", None, "more", 1.0, note="drop from 0 to 0.32 px",
    ),
    Claim(
        "With jitter in training, the drop is slow: less than 1 dB",
        "robustness_drop", "inside", None, "less", -1.0, note="drop from 0 to 0.32 px",
    ),
)  # fmt: skip
