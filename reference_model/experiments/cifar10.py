"""The first experiment on CIFAR-10, the data of the seed. It needs the files, so `run all` leaves it out."""

from dataclasses import replace

from reference_model.claims import Claim
from reference_model.recipe import Recipe

QUESTION = "Do the answers hold on CIFAR-10, where nothing finer than 32×32 is known?"
METRICS = ("psnr_clean", "oracle_distance", "energy_above_nyquist")
FIGURE = "bars"


def arms(base: Recipe, preset: str) -> dict[str, Recipe]:
    """None, outside and inside."""
    return {name: replace(base, schedule=name, data="cifar10") for name in ("none", "outside", "inside")}


CLAIMS = (
    Claim("On CIFAR-10, keeping the jitter improves quality at 32×32", "psnr_clean", "inside", "none", "more"),
    Claim(
        "On CIFAR-10, inside is nearer to what the theory predicts than none", "oracle_distance", "inside", "none",
        "more", own=True,
    ),
    Claim(
        "On CIFAR-10, outside is about as far from it as none", "oracle_distance", "outside", "none", "equal", own=True,
    ),
    Claim(
        "On CIFAR-10, smoother roll-off with jitter", "energy_above_nyquist", "inside", "none", "less", 0.01,
        "of the energy",
    ),
)  # fmt: skip
