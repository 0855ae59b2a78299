"""Training on windows of 64 px targets."""

from dataclasses import replace

from reference_model.claims import Claim
from reference_model.recipe import Recipe

QUESTION = "Does training on 32 × 32 windows of true 64 px images help, and does jitter add to it?"
METRICS = ("psnr_clean", "psnr_64_sharp", "psnr_128_sharp", "psnr_shift_1_4", "ring_above_nyquist")
FIGURE = "bars"


def arms(base: Recipe, preset: str) -> dict[str, Recipe]:
    """Windows without and with jitter; their coordinates stay those of the whole image."""
    return {
        "inside": replace(base, schedule="inside"),
        "patches": replace(base, schedule="none", targets="patches"),
        "patches + jitter": replace(base, schedule="inside", targets="patches"),
    }


CLAIMS = (
    Claim(
        "Patches with jitter give better texture at high resolution",
        "psnr_128_sharp",
        "patches + jitter",
        "inside",
        "more",
        0.25,
    ),
    Claim("Jitter adds to training on patches", "psnr_128_sharp", "patches + jitter", "patches", "more", own=True),
)
