"""A network for one image, where an epoch is few draws."""

from dataclasses import replace

from reference_model.claims import Claim
from reference_model.recipe import Recipe

QUESTION = "What does the position of the draw cost a coordinate network that learns a single image?"
METRICS = ("psnr_clean", "psnr_shift_1_4", "psnr_shift_random", "psnr_128_sharp", "oracle_distance")
FIGURE = "bars"


def arms(base: Recipe, preset: str) -> dict[str, Recipe]:
    """None, one draw, one an epoch and one a step, on one analytic image; a batch is the image once."""
    single = replace(base, network="inr", data="single0", batch=1, images=max(8, base.batch * 5))
    return {name: replace(single, schedule=name) for name in ("none", "before_epochs", "outside", "inside")}


CLAIMS = (
    Claim("For a single image, inside beats outside", "psnr_shift_1_4", "inside", "outside", "more", 0.25),
    Claim("For a single image, outside ≈ none", "psnr_shift_1_4", "outside", "none", "equal", 0.25),
)
