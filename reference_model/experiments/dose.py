"""The dose of jitter: distinct draws × strength × bandwidth."""

from dataclasses import replace

from reference_model.claims import Claim
from reference_model.recipe import AT_NYQUIST, FOUR_TIMES_NYQUIST, Recipe

QUESTION = "Is the effect a matter of yes or no, or of the number of distinct draws, their strength, the bandwidth?"
METRICS = ("psnr_clean", "psnr_shift_1_4", "psnr_shift_random", "psnr_128_sharp", "oracle_distance")
FIGURE = "dose"
SIGMAS = (0.16, 0.32, 0.5, 0.75)


def arms(base: Recipe, preset: str) -> dict[str, Recipe]:
    """All draw counts at 0.32 px for both bandwidths; the sweep of σ, and samples with draws of their own.

    The preset gpu takes every combination of draws, σ, bandwidth and scope; the others the sweep of σ at all draws
    and 4 times Nyquist only.
    """
    found: dict[str, Recipe] = {}
    for bands, name in ((FOUR_TIMES_NYQUIST, "4× Nyquist"), (AT_NYQUIST, "≤ Nyquist")):
        model = replace(base.model, bands=bands)
        for sigma in SIGMAS:
            for scope in ("shared", "per_sample"):
                whole = preset == "gpu"
                if not whole and (scope, sigma) != ("shared", 0.32) and bands != FOUR_TIMES_NYQUIST:
                    continue
                if not whole and scope == "per_sample" and sigma != 0.32:
                    continue
                every = _draws(replace(base, model=model, sigma=sigma, scope=scope))
                for draws, recipe in every.items():
                    if draws == "0" and (sigma, scope) != (0.32, "shared"):
                        continue  # without a draw neither matters
                    if whole or (sigma, scope) == (0.32, "shared") or draws == "all":
                        own = "" if scope == "shared" else ", per sample"
                        found[f"{draws} draws, {sigma} px, {name}{own}"] = recipe
    return found


def _draws(base: Recipe) -> dict[str, Recipe]:
    """0, 1, a sixth of the epochs, one for each epoch, one for each batch."""
    few = max(2, base.epochs // 6)
    return {
        "0": replace(base, schedule="none", sigma=0.32, scope="shared"),
        "1": replace(base, schedule="before_epochs"),
        "E/6": replace(base, schedule="every_few_epochs", draws=few),
        "E": replace(base, schedule="outside"),
        "all": replace(base, schedule="inside"),
    }


ALL, NONE = "all draws, 0.32 px, 4× Nyquist", "0 draws, 0.32 px, 4× Nyquist"
ALL_LOW, NONE_LOW = "all draws, 0.32 px, ≤ Nyquist", "0 draws, 0.32 px, ≤ Nyquist"
CLAIMS = (
    Claim(
        "One draw for the whole run is like none", "psnr_shift_1_4", "1 draws, 0.32 px, 4× Nyquist", NONE,
        "equal", own=True,
    ),
    Claim(
        "One draw an epoch is worse than one a batch", "psnr_shift_1_4", ALL, "E draws, 0.32 px, 4× Nyquist",
        "more", own=True,
    ),
    Claim(
        "Jitter matters whatever the bandwidth of the network", "psnr_shift_1_4", ALL_LOW, NONE_LOW, "more", own=True,
        note="bands at or below Nyquist",
    ),
    Claim(
        "Jitter, not bandwidth, is the lever: it gains more than bands at Nyquist do", "psnr_shift_1_4", ALL, NONE_LOW,
        "more", own=True,
    ),
)  # fmt: skip
