"""A network for one image, trained until it resolves the pixels: here no other error hides what the bug costs."""

from dataclasses import replace

from reference_model.claims import Claim
from reference_model.recipe import AT_NYQUIST, Recipe

QUESTION = (
    "What does each bug cost a coordinate network that learns a single image, where little else is left of the error?"
)
METRICS = (
    "psnr_clean", "psnr_shift_1_4", "psnr_shift_1_2", "psnr_shift_random", "psnr_64_sharp", "psnr_128_sharp",
    "robustness_drop", "energy_above_nyquist", "ring_above_nyquist", "oracle_distance",
)  # fmt: skip
FIGURE = "bars"
STEPS = {"smoke": 40}  # an epoch; a step is the whole image once
SCHEDULES = ("none", "commented_out", "before_epochs", "outside", "inside", "reseeded", "accumulating", "clamped")


def arms(base: Recipe, preset: str) -> dict[str, Recipe]:
    """Every schedule on one analytic image, a few draws, bands at Nyquist, and other strengths."""
    single = replace(base, network="inr", data="single0", batch=1, images=STEPS.get(preset, 160))
    low = replace(single, model=replace(base.model, bands=AT_NYQUIST))
    found = {name: replace(single, schedule=name) for name in SCHEDULES}
    found["E/6 draws"] = replace(single, schedule="every_few_epochs", draws=max(2, base.epochs // 6))
    found |= {f"{name}, ≤ Nyquist": replace(low, schedule=name) for name in ("none", "inside")}
    return found | {f"inside, {sigma} px": replace(single, schedule="inside", sigma=sigma) for sigma in (0.16, 0.5)}


CLAIMS = (
    Claim("One image: inside beats outside, (2) > (1)", "psnr_shift_1_4", "inside", "outside", "more", note="+1/4 px"),
    Claim("One image: outside is about as bad as none, (1) ≈ (3)", "psnr_shift_1_4", "outside", "none", "equal"),
    Claim("One image: a commented-out call is no jitter at all", "psnr_shift_1_4", "commented_out", "none", "equal"),
    Claim("One image: inside and none are similar at 64×64", "psnr_64_sharp", "inside", "none", "equal"),
    Claim("One image: inside and none are similar at 128×128", "psnr_128_sharp", "inside", "none", "equal"),
    Claim("One image: inside and outside are similar at 128×128", "psnr_128_sharp", "inside", "outside", "equal"),
    Claim("One image: keeping the jitter improves quality at 32×32", "psnr_clean", "inside", "none", "more"),
    Claim(
        "One image: without jitter, half-pixel shifts are poor: worse than bilinear interpolation",
        "psnr_shift_1_2", "none", "bilinear", "less",
    ),
    Claim("One image: with jitter, they are better than without", "psnr_shift_1_2", "inside", "none", "more"),
    Claim(
        "One image: with jitter, PSNR degrades more slowly under jitter at test time",
        "robustness_drop", "inside", "none", "less", note="drop from 0 to 0.32 px",
    ),
    Claim(
        "One image: without jitter, PSNR drops sharply at small jitter: by more than 1 dB",
        "robustness_drop", "none", None, "more", 1.0, note="drop from 0 to 0.32 px",
    ),
    Claim(
        "One image: with jitter, the drop is slow: less than 1 dB",
        "robustness_drop", "inside", None, "less", -1.0, note="drop from 0 to 0.32 px",
    ),
    Claim(
        "One image: smoother roll-off with jitter", "energy_above_nyquist", "inside", "none", "less", 0.01,
        "of the energy",
    ),
    Claim(
        "One image: without jitter, the cutoff is that of 32×32: no more energy above Nyquist than bicubic",
        "energy_above_nyquist", "none", "bicubic", "less", -0.01, "of the energy",
    ),
    Claim(
        "One image: with jitter, the cutoff is that of 32×32: no more energy above Nyquist than bicubic",
        "energy_above_nyquist", "inside", "bicubic", "less", -0.01, "of the energy",
    ),
    Claim(
        "One image: no new high frequencies that are true, with jitter",
        "ring_above_nyquist", "inside", "bicubic", "less", -0.05, "ring correlation",
    ),
    Claim(
        "One image: one draw for the whole run is like none", "psnr_shift_1_4", "before_epochs", "none", "equal",
        own=True,
    ),
    Claim(
        "One image: more draws are better: E over E/6", "psnr_shift_1_4", "outside", "E/6 draws", "more", own=True,
    ),
    Claim(
        "One image: the same draws in every epoch are worse than fresh ones", "psnr_shift_1_4", "reseeded", "inside",
        "less", own=True,
    ),
    Claim("One image: a random walk costs quality", "psnr_shift_1_4", "accumulating", "inside", "less", own=True),
    Claim("One image: a clamp to [0, 1] does no harm", "psnr_shift_1_4", "clamped", "inside", "more", -0.25, own=True),
    Claim(
        "One image: jitter matters also with bands at or below Nyquist",
        "psnr_shift_1_4", "inside, ≤ Nyquist", "none, ≤ Nyquist", "more", own=True,
    ),
    Claim(
        "One image: jitter is a larger lever than bands at Nyquist", "psnr_shift_1_4", "inside", "none, ≤ Nyquist",
        "more", own=True,
    ),
)  # fmt: skip
