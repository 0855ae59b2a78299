"""The first experiment on CIFAR-10, the data of the seed. It needs the files, so `run all` leaves it out."""

from dataclasses import replace

from reference_model.recipe import Recipe

QUESTION = "Do the answers hold on CIFAR-10, where nothing finer than 32×32 is known?"
METRICS = ("psnr_clean", "oracle_distance", "energy_above_nyquist")


def arms(base: Recipe, preset: str) -> dict[str, Recipe]:
    """None, outside and inside."""
    return {name: replace(base, schedule=name, data="cifar10") for name in ("none", "outside", "inside")}
