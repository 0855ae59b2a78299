"""What jitter does to the spectrum of the 128 px enlargement."""

from dataclasses import replace

from reference_model.claims import Claim
from reference_model.recipe import Recipe

QUESTION = "Does jitter add frequencies above the Nyquist of the training images, or only smooth the roll-off?"
METRICS = ("energy_above_nyquist", "ring_above_nyquist", "psnr_128_sharp", "psnr_128_same")
FIGURE = "spectrum"
NO_MORE = -0.05  # "less" than this negative margin: at most 0.05 more


def arms(base: Recipe, preset: str) -> dict[str, Recipe]:
    """The seed's experiment 2 trains with and without jitter; outside the loop stands between."""
    return {name: replace(base, schedule=name) for name in ("none", "outside", "inside")}


CLAIMS = (
    Claim(
        "Jitter gives a smoother roll-off: less energy above Nyquist",
        "energy_above_nyquist", "inside", "none", "less", 0.01, "of the energy",
    ),
    Claim(
        "No new high frequencies without jitter: no more true detail above Nyquist than bicubic",
        "ring_above_nyquist", "none", "bicubic", "less", NO_MORE, "ring correlation",
    ),
    Claim(
        "No new high frequencies with jitter: no more true detail above Nyquist than bicubic",
        "ring_above_nyquist", "inside", "bicubic", "less", NO_MORE, "ring correlation",
    ),
    Claim(
        "Without jitter, the cutoff is that of 32×32: no more energy above Nyquist than bicubic",
        "energy_above_nyquist", "none", "bicubic", "less", -0.01, "of the energy",
    ),
    Claim(
        "With jitter, the cutoff is that of 32×32: no more energy above Nyquist than bicubic",
        "energy_above_nyquist", "inside", "bicubic", "less", -0.01, "of the energy",
    ),
    Claim(
        "Jitter adds no frequencies above Nyquist that are true",
        "ring_above_nyquist", "inside", "none", "less", NO_MORE, "ring correlation",
    ),
)  # fmt: skip
