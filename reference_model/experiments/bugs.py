"""The other ways to get jitter wrong."""

from dataclasses import replace

from reference_model.claims import Claim
from reference_model.recipe import Recipe

QUESTION = "What do the other bugs cost: one draw before the epochs, a seed in every epoch, a random walk, a clamp?"
METRICS = ("psnr_clean", "psnr_shift_1_4", "psnr_shift_random", "psnr_128_sharp", "oracle_distance")
FIGURE = "bars"


def arms(base: Recipe, preset: str) -> dict[str, Recipe]:
    """Correct jitter and every buggy schedule."""
    names = ("inside", "outside", "before_epochs", "reseeded", "accumulating", "clamped", "none")
    return {name: replace(base, schedule=name) for name in names}


CLAIMS = (
    Claim("A random walk costs image quality", "psnr_shift_1_4", "accumulating", "inside", "less", own=True),
    Claim(
        "The same draws in every epoch are worse than fresh ones",
        "psnr_shift_1_4",
        "reseeded",
        "inside",
        "less",
        own=True,
    ),
    Claim("A clamp to [0, 1] does no harm", "psnr_shift_1_4", "clamped", "inside", "more", -0.25, own=True),
)
