"""The law: how far jitter of k distinct draws leaves a network from the oracle, in closed form.

Training with k draws, each held for an equal share of the run, averages over fewer than k: what was learned under an
early draw is overwritten under the later ones. With the learning rate η(t) falling as a cosine, and M the number of
times that the whole run could learn the image anew, what is learned at time u of [0, 1] survives to the end as

    S(u) = exp(-M A(u)),    A(u) = 1 - u - sin(πu) / π,    A(0) = 1: the share of the learning rate that is left.

Draw j, held from u to v, weighs w = S(v) - S(u), and the effective number of draws is k' = (Σw)² / Σw². The squared
distance from the oracle is then that of an average of k' noisy images, and a rest that no draw removes:

    D = V (c / k' + r),    PSNR = -10 log10(B + D),

V = E_i E_ε |y_i - b(x_i + ε)|², how wrong the labels of one draw are (b: bilinear interpolation), and B, the oracle's
own error against the truth, follow from the image alone. M, c and r are fitted for each bandwidth, and follow powers of
steps and σ.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

from reference_model.fitted.arms import BANDS, SIGMA, STEPS
from reference_model.fitted.measure import decibels, label_variance
from reference_model.fitted.rows import Row
from reference_model.store import rounded

PARAMETERS = Path(__file__).parents[1] / "results" / "law.json"
SEGMENTS = 2000  # of a run in which every step has its own draw: the sum has converged


class LawError(Exception):
    """A question that the law cannot answer; the message is one line."""


@dataclass(frozen=True)
class Parameters:
    """Of one bandwidth at STEPS steps and SIGMA pixels: amplification c, memory M, rest r."""

    amplification: float
    memory: float
    rest: float


@dataclass(frozen=True)
class Powers:
    """How the parameters change: each times (steps / STEPS) ** one power, and (sigma / SIGMA) ** another."""

    amplification_steps: float = 0.0
    memory_steps: float = 0.0
    rest_steps: float = 0.0
    amplification_sigma: float = 0.0
    memory_sigma: float = 0.0
    rest_sigma: float = 0.0


@dataclass(frozen=True)
class Law:
    """`bands` name -> parameters, the powers, what holds for the median image, and the steps it was measured at."""

    bands: dict[str, Parameters]
    powers: Powers
    variance: dict[str, float]  # σ -> V
    bias: dict[str, float]  # σ -> B
    steps: tuple[int, ...]


def remaining(u: float) -> float:
    """A(u): the share of the cosine's learning rate that comes after u of [0, 1]."""
    return 1 - u - math.sin(math.pi * u) / math.pi


def effective_draws(draws: int, memory: float) -> float:
    """k': the number of independent draws whose plain average is as noisy as what `draws` held ones leave."""
    segments = min(draws, SEGMENTS)
    survives = [math.exp(-memory * remaining(j / segments)) for j in range(segments + 1)]
    weights = [later - earlier for earlier, later in pairwise(survives)]
    kept = math.fsum(weights) ** 2 / math.fsum(weight**2 for weight in weights)
    return kept * draws / segments


def excess(
    parameters: Parameters, powers: Powers, draws: int, steps: int, sigma: float, *, cycled: bool = False
) -> float:
    """D / V for 1 <= draws <= steps; `sigma` in pixels. Draws in a cycle are never forgotten: k' = k."""
    longer, stronger = math.log(steps / STEPS), math.log(sigma / SIGMA)

    def scaled(value: float, name: str) -> float:
        of_steps, of_sigma = getattr(powers, f"{name}_steps"), getattr(powers, f"{name}_sigma")
        return value * math.exp(of_steps * longer + of_sigma * stronger)

    kept = draws if cycled else effective_draws(draws, scaled(parameters.memory, "memory"))
    return scaled(parameters.amplification, "amplification") / kept + scaled(parameters.rest, "rest")


def is_dose(row: Row) -> bool:
    """Whether a row is of the law's kind: distinct draws held one after another, or one a step."""
    return row["kind"] == "network" and row["schedule"] in ("outside", "inside")


def fit(rows: Iterable[Row], memory: float | None = None) -> tuple[dict[str, Parameters], Powers]:
    """The parameters with the least squared error in dB of D / V, and then the powers with the second factors.

    `memory`, when given, is not fitted: near 0 nothing is forgotten, and k' is proportional to k.
    """
    from scipy.optimize import least_squares

    doses = [row for row in rows if is_dose(row)]
    plain = [row for row in doses if (row["steps"], row["sigma"]) == (STEPS, SIGMA)]
    found = {}
    for band in BANDS:
        own = [row for row in plain if row["bands"] == band]
        if len({row["draws"] for row in own}) >= 3:
            start = [math.log(10.0), math.log(0.2)] + ([math.log(20.0)] if memory is None else [])

            def misses(x: Sequence[float], own: Sequence[Row] = own) -> list[float]:
                return _misses(own, _parameters(x, memory), Powers())

            found[band] = _parameters(least_squares(misses, start, loss="soft_l1").x, memory)
    other = [row for row in doses if row not in plain and row["bands"] in found]
    if not other:
        return found, Powers()
    names = [name for name in asdict(Powers()) if _varies(other, name.rpartition("_")[2])]

    def wrong(x: Sequence[float]) -> list[float]:
        powers = Powers(**dict(zip(names, x, strict=True)))
        return [miss for row in other for miss in _misses([row], found[row["bands"]], powers)]

    result = least_squares(wrong, [0.0] * len(names), loss="soft_l1")
    return found, Powers(**dict(zip(names, map(float, result.x), strict=True)))


def _varies(rows: Sequence[Row], factor: str) -> bool:
    return {row[factor] for row in rows} != {{"steps": STEPS, "sigma": SIGMA}[factor]}


def _parameters(logs: Sequence[float], memory: float | None) -> Parameters:
    amplification, rest = math.exp(logs[0]), math.exp(logs[1])
    return Parameters(amplification, math.exp(logs[2]) if memory is None else memory, rest)


def _misses(rows: Sequence[Row], parameters: Parameters, powers: Powers) -> list[float]:
    """Predicted minus measured D / V, in dB."""
    misses = []
    for row in rows:
        measured = row["metrics"]["oracle_mse_1_4"] / label_variance(row["image"], row["sigma"])
        predicted = excess(parameters, powers, row["draws"], row["steps"], row["sigma"])
        misses.append(10 * math.log10(predicted / measured))
    return misses


def predicted_psnr(law: Law, row: Row, oracle_error: float) -> float:
    """PSNR at +1/4 px of a row's arm on its image, of which only V and the oracle's error B are used."""
    cycled = row["schedule"] == "reseeded"
    share = excess(law.bands[row["bands"]], law.powers, row["draws"], row["steps"], row["sigma"], cycled=cycled)
    return decibels(oracle_error + share * label_variance(row["image"], row["sigma"]))


def typical(rows: Iterable[Row]) -> tuple[dict[str, float], dict[str, float], tuple[int, ...]]:
    """V and B of the median image for each σ, and all numbers of steps."""
    rows = list(rows)
    variance, bias = {}, {}
    for sigma in sorted({row["sigma"] for row in rows if is_dose(row)}):
        images = {row["image"] for row in rows if is_dose(row) and row["sigma"] == sigma}
        errors = [row["metrics"]["psnr_shift_1_4"] for row in rows if row["arm"] == f"oracle {sigma:g} px"]
        variance[f"{sigma:g}"] = median(label_variance(image, sigma) for image in images)
        bias[f"{sigma:g}"] = 10 ** (-median(errors) / 10)
    return variance, bias, tuple(sorted({row["steps"] for row in rows if is_dose(row)}))


def answer(law: Law, sigma: float, draws: int, steps: int, band: str) -> dict[str, float]:
    """What `draws` distinct draws cost a typical image at +1/4 px: PSNR of them, of one a step, and the difference.

    LawError for what was not measured: other bandwidths, no draw, more draws than steps, σ or steps outside the range.
    """
    if band not in law.bands:
        raise LawError(f"no law for bandwidth {band}: there is {', '.join(law.bands)} (times the Nyquist frequency)")
    if not 1 <= draws <= steps:
        raise LawError(f"draws must be 1 to the number of steps ({steps}), not {draws}")
    low, high = min(map(float, law.variance)), max(map(float, law.variance))
    if not low <= sigma <= high:
        raise LawError(f"sigma was measured from {low:g} to {high:g} px, not {sigma:g}")
    variance, bias = _between(law.variance, sigma), _between(law.bias, sigma)

    def psnr(number: int) -> float:
        return decibels(bias + variance * excess(law.bands[band], law.powers, number, steps, sigma))

    return {"psnr": psnr(draws), "right": psnr(steps), "cost": psnr(steps) - psnr(draws), "oracle": decibels(bias)}


def _between(table: dict[str, float], sigma: float) -> float:
    """Interpolation of log value over log σ."""
    known = sorted((math.log(float(key)), math.log(value)) for key, value in table.items())
    at = math.log(sigma)
    for (x0, y0), (x1, y1) in pairwise(known):
        if at <= x1 + 1e-12:
            return math.exp(y0 + (y1 - y0) * (at - x0) / (x1 - x0))
    return math.exp(known[-1][1])


def write(law: Law, path: Path = PARAMETERS) -> None:
    """The law as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rounded(asdict(law)), indent=1) + "\n", encoding="utf-8")


def read(path: Path = PARAMETERS) -> Law:
    """The law of the committed run; LawError when it is not there."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise LawError(f"no law in {path}: python -m reference_model report writes it from the rows") from None
    bands = {name: Parameters(**band) for name, band in values["bands"].items()}
    return Law(bands, Powers(**values["powers"]), values["variance"], values["bias"], tuple(values["steps"]))
