"""How much of an image passes through the learned position tokens and the patches."""

from dataclasses import replace

from reference_model.claims import Claim
from reference_model.recipe import Recipe

QUESTION = "Is the resolution limited by the number of learned position tokens and the patch size?"
METRICS = ("psnr_clean", "psnr_shift_1_4", "psnr_128_sharp", "ring_above_nyquist")
FIGURE = "bars"


def arms(base: Recipe, preset: str) -> dict[str, Recipe]:
    """A quarter of the tokens, and patches twice as large, each without and with jitter."""
    few = replace(base.model, lp_tokens=max(4, base.model.lp_tokens // 4))
    large = replace(base.model, patch=base.model.patch * 2)
    models = {"": base.model, "quarter of the LP tokens, ": few, "patches twice as large, ": large}
    return {
        f"{name}{schedule}": replace(base, schedule=schedule, model=model)
        for name, model in models.items()
        for schedule in ("none", "inside")
    }


CLAIMS = (
    Claim(
        "Fewer LP tokens limit the image", "psnr_clean", "quarter of the LP tokens, inside", "inside", "less", 0.25,
    ),
    Claim("Larger patches limit the image", "psnr_clean", "patches twice as large, inside", "inside", "less", own=True),
    Claim(
        "Jitter does not overcome the bottleneck of the LP tokens",
        "psnr_128_sharp", "quarter of the LP tokens, inside", "none", "less",
    ),
)  # fmt: skip
