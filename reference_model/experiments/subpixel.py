"""Reconstruction between the training pixels."""

from dataclasses import replace

from reference_model.claims import Claim
from reference_model.recipe import Recipe

QUESTION = "How good is the image between the training pixels, from 0 to half a pixel away?"
METRICS = (
    "psnr_clean", "psnr_shift_1_8", "psnr_shift_1_4", "psnr_shift_3_8", "psnr_shift_1_2", "psnr_shift_random",
)  # fmt: skip
FIGURE = "shifts"


def arms(base: Recipe, preset: str) -> dict[str, Recipe]:
    """None, outside and inside; the oracle is what inside converges to."""
    return {name: replace(base, schedule=name) for name in ("none", "outside", "inside")}


CLAIMS = (
    Claim(
        "With jitter, half-pixel shifts are reconstructed better than without",
        "psnr_shift_1_2", "inside", "none", "more", 0.25,
    ),
    Claim("Jitter improves any sub-pixel shift", "psnr_shift_random", "inside", "none", "more", 0.25),
)  # fmt: skip
