"""How much of an image passes through the learned position tokens and the patches."""

from dataclasses import replace

from reference_model.recipe import Recipe

QUESTION = "Is the resolution limited by the number of learned position tokens and the patch size?"
METRICS = ("psnr_clean", "psnr_shift_1_4", "psnr_128_sharp", "ring_above_nyquist")


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
