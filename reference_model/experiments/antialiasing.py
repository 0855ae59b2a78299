"""Moiré of gratings above Nyquist."""

from dataclasses import replace

from reference_model.recipe import Recipe

QUESTION = "Does jitter remove aliasing: the moiré of point-sampled gratings above the Nyquist frequency?"
METRICS = ("moire", "psnr_clean", "psnr_128_sharp", "energy_above_nyquist")


def arms(base: Recipe, preset: str) -> dict[str, Recipe]:
    """None and inside, on point-sampled gratings of 18 to 28 cycles/image at 32 px."""
    return {name: replace(base, schedule=name, data="gratings") for name in ("none", "inside")}
