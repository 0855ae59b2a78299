"""Training on windows of 64 px targets."""

from dataclasses import replace

from reference_model.recipe import Recipe

QUESTION = "Does training on 32 × 32 windows of true 64 px images help, and does jitter add to it?"
METRICS = ("psnr_clean", "psnr_64_sharp", "psnr_128_sharp", "psnr_shift_1_4", "ring_above_nyquist")


def arms(base: Recipe, preset: str) -> dict[str, Recipe]:
    """Windows without and with jitter; their coordinates stay those of the whole image."""
    return {
        "inside": replace(base, schedule="inside"),
        "patches": replace(base, schedule="none", targets="patches"),
        "patches + jitter": replace(base, schedule="inside", targets="patches"),
    }
