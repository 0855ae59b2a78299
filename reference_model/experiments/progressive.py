"""Training on 32, then 48, then 64 px targets."""

from dataclasses import replace

from reference_model.claims import Claim
from reference_model.recipe import Recipe

QUESTION = "Does raising the resolution of the targets step by step help more than mixing resolutions?"
METRICS = ("psnr_clean", "psnr_64_sharp", "psnr_128_sharp", "psnr_shift_1_4", "ring_above_nyquist")
FIGURE = "bars"


def arms(base: Recipe, preset: str) -> dict[str, Recipe]:
    """Progressive targets without and with jitter, beside mixed resolutions."""
    return {
        "inside": replace(base, schedule="inside"),
        "multi-scale + jitter": replace(base, schedule="inside", targets="multiscale"),
        "progressive": replace(base, schedule="none", targets="progressive"),
        "progressive + jitter": replace(base, schedule="inside", targets="progressive"),
    }


CLAIMS = (
    Claim(
        "Progressive training with jitter generalises to higher resolutions",
        "psnr_128_sharp",
        "progressive + jitter",
        "inside",
        "more",
        own=True,
    ),
    Claim(
        "Jitter adds to progressive training", "psnr_128_sharp", "progressive + jitter", "progressive", "more", own=True
    ),
)
