"""An adversary that demands sharpness, alone and with everything else."""

from dataclasses import replace

from reference_model.claims import Claim
from reference_model.recipe import Recipe

QUESTION = "Does an adversarial loss on true 64 px windows give sharp and true detail, and does jitter add to it?"
METRICS = ("psnr_clean", "psnr_64_sharp", "psnr_128_sharp", "energy_above_nyquist", "ring_above_nyquist")
FIGURE = "bars"


def arms(base: Recipe, preset: str) -> dict[str, Recipe]:
    """Windows of 64 px with an adversary, without and with jitter, and multi-scale windows with both."""
    patches = replace(base, schedule="none", targets="patches")
    return {
        "inside": replace(base, schedule="inside"),
        "patches": patches,
        "adversarial": replace(patches, adversarial=True),
        "adversarial + jitter": replace(patches, adversarial=True, schedule="inside"),
        "multi-scale + patches + adversarial + jitter": replace(
            patches, targets="multiscale_patches", adversarial=True, schedule="inside"
        ),
    }


CLAIMS = (
    Claim(
        "An adversary sharpens: more energy above Nyquist than without",
        "energy_above_nyquist", "adversarial", "patches", "more", 0.01, "of the energy",
    ),
    Claim(
        "The detail that it adds is true", "ring_above_nyquist", "adversarial", "patches", "more", 0.05,
        "ring correlation",
    ),
    Claim(
        "Combinations give true super-resolution: better than plain training with jitter",
        "psnr_128_sharp", "multi-scale + patches + adversarial + jitter", "inside", "more",
    ),
)  # fmt: skip
