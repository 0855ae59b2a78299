"""Moiré of gratings above Nyquist."""

from dataclasses import replace

from reference_model.claims import Claim
from reference_model.recipe import Recipe

QUESTION = "Does jitter remove aliasing: the moiré of point-sampled gratings above the Nyquist frequency?"
METRICS = ("moire", "psnr_clean", "psnr_128_sharp", "energy_above_nyquist")
FIGURE = "bars"


def arms(base: Recipe, preset: str) -> dict[str, Recipe]:
    """None and inside, on point-sampled gratings of 18 to 28 cycles/image at 32 px."""
    return {name: replace(base, schedule=name, data="gratings") for name in ("none", "inside")}


CLAIMS = (
    Claim(
        "Jitter reduces aliasing artifacts", "moire", "inside", "none", "less", 0.05, "of the grating",
        note="moiré amplitude relative to the true grating",
    ),
)  # fmt: skip
