"""Where the jitter is drawn: inside the batch loop, above it, or not at all."""

from dataclasses import replace

from reference_model.recipe import Recipe

QUESTION = "Does it matter whether the jitter is drawn inside the batch loop, above it, or not at all?"
METRICS = (
    "psnr_clean", "psnr_shift_1_8", "psnr_shift_1_4", "psnr_shift_3_8", "psnr_shift_1_2", "psnr_shift_random",
    "psnr_64_sharp", "psnr_128_sharp", "energy_above_nyquist", "ring_above_nyquist", "oracle_distance",
)  # fmt: skip


def arms(base: Recipe, preset: str) -> dict[str, Recipe]:
    """The three of the seed's experiment 1."""
    return {name: replace(base, schedule=name) for name in ("none", "outside", "inside")}
