"""Training on 32, 48 and 64 px targets."""

from dataclasses import replace

from reference_model.recipe import Recipe

QUESTION = "Does training on several true resolutions give super-resolution, and does jitter add to it?"
METRICS = ("psnr_clean", "psnr_64_sharp", "psnr_128_sharp", "psnr_shift_1_4", "ring_above_nyquist")


def arms(base: Recipe, preset: str) -> dict[str, Recipe]:
    """Multi-scale targets without and with jitter, beside training on 32 px only."""
    return {
        "none": replace(base, schedule="none"),
        "inside": replace(base, schedule="inside"),
        "multi-scale": replace(base, schedule="none", targets="multiscale"),
        "multi-scale + jitter": replace(base, schedule="inside", targets="multiscale"),
    }
