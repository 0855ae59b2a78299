"""Where the jitter is drawn: inside the batch loop, above it, or not at all."""

from dataclasses import replace

from reference_model.claims import Claim
from reference_model.recipe import Recipe

QUESTION = "Does it matter whether the jitter is drawn inside the batch loop, above it, or not at all?"
METRICS = (
    "psnr_clean", "psnr_shift_1_8", "psnr_shift_1_4", "psnr_shift_3_8", "psnr_shift_1_2", "psnr_shift_random",
    "psnr_64_sharp", "psnr_128_sharp", "psnr_128_same", "oracle_distance",
)  # fmt: skip
FIGURE = "pictures"
NO_EFFECT = 0.25  # dB: a difference that nobody would act on


def arms(base: Recipe, preset: str) -> dict[str, Recipe]:
    """The three of the seed's experiment 1, and the trainer whose jitter call is a comment."""
    return {name: replace(base, schedule=name) for name in ("none", "commented_out", "outside", "inside")}


CLAIMS = (
    Claim(
        "Inside beats outside for sub-pixel shifts: (2) > (1)",
        "psnr_shift_1_4", "inside", "outside", "more", NO_EFFECT, note="at +1/4 px",
    ),
    Claim(
        "Outside is about as bad as none for sub-pixel shifts: (1) ≈ (3)",
        "psnr_shift_1_4", "outside", "none", "equal", NO_EFFECT, note="at +1/4 px",
    ),
    Claim(
        "A commented-out call is no jitter at all", "psnr_shift_1_4", "commented_out", "none", "equal", NO_EFFECT,
    ),
    Claim(
        "Inside and none are similar at 64×64: no new frequencies",
        "psnr_64_sharp", "inside", "none", "equal", NO_EFFECT,
    ),
    Claim(
        "Inside and none are similar at 128×128: no new frequencies",
        "psnr_128_sharp", "inside", "none", "equal", NO_EFFECT,
    ),
    Claim(
        "Outside and none are similar at 64×64: no new frequencies",
        "psnr_64_sharp", "outside", "none", "equal", NO_EFFECT,
    ),
    Claim(
        "Outside and none are similar at 128×128: no new frequencies",
        "psnr_128_sharp", "outside", "none", "equal", NO_EFFECT,
    ),
    Claim(
        "Inside and outside are similar at 64×64", "psnr_64_sharp", "inside", "outside", "equal", NO_EFFECT,
    ),
    Claim(
        "Inside and outside are similar at 128×128", "psnr_128_sharp", "inside", "outside", "equal", NO_EFFECT,
    ),
    Claim(
        "Keep the jitter: it improves quality, at 32×32", "psnr_clean", "inside", "none", "more", NO_EFFECT,
    ),
)  # fmt: skip
