"""The first experiment again, on photographs."""

from dataclasses import replace

from reference_model.claims import Claim
from reference_model.recipe import Recipe

QUESTION = "Do the answers hold on photographs (crops of 128 px, split by photograph)?"
METRICS = (
    "psnr_clean", "psnr_shift_1_4", "psnr_shift_1_2", "psnr_shift_random", "psnr_64_sharp", "psnr_128_sharp",
    "ring_above_nyquist",
)  # fmt: skip
FIGURE = "bars"


def arms(base: Recipe, preset: str) -> dict[str, Recipe]:
    """None, outside and inside."""
    return {name: replace(base, schedule=name, data="photographs") for name in ("none", "outside", "inside")}


CLAIMS = (
    Claim(
        "On photographs too, inside beats outside: (2) > (1)", "psnr_shift_1_4", "inside", "outside", "more", own=True
    ),
    Claim("On photographs too, outside ≈ none: (1) ≈ (3)", "psnr_shift_1_4", "outside", "none", "equal", own=True),
    Claim("On photographs, all are similar at 128×128", "psnr_128_sharp", "inside", "none", "equal", own=True),
)
