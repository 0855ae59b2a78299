"""What the seed document claims, against what was measured: supported, refuted or undecided."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from reference_model.metrics import Interval, interval, paired

Values = Callable[[str, str], Mapping[int | None, float]]  # (label, metric) -> value of each seed


@dataclass(frozen=True)
class Claim:
    """A sentence as a comparison of two arms, with a margin that is the same wherever the metric is the same.

    The quantity is `metric` of `first` minus that of `second`, paired over seeds. `second` may be a reference
    (bicubic, oracle 0.32 px), which has no seeds, or None: then it is the metric itself. `expects` "more" claims a
    quantity above `margin`, "less" one below -margin, "equal" one within ±margin. A negative margin turns "more"
    into "hardly less" and "less" into "hardly more". `unit` is for the reader. `own` claims are not in the seed
    document: they are hypotheses about what it leaves open.
    """

    text: str
    metric: str
    first: str
    second: str | None
    expects: str
    margin: float = 0.25
    unit: str = "dB"
    note: str = ""
    own: bool = False

    @property
    def needs_sight(self) -> str:
        """The word that the absence of an effect gives: a network too coarse to show any effect gives it too."""
        if self.expects == "equal" or self.margin < 0:
            return "supported"
        return "refuted"


@dataclass(frozen=True)
class Verdict:
    """`word` is supported, refuted or undecided, "not testable" where the networks are too coarse to tell, or
    unmeasured without at least two seeds of both arms."""

    claim: Claim
    word: str
    measured: Interval | None


def judge(claim: Claim, values: Values, *, blind: bool = False) -> Verdict:
    """The verdict from the 95 % interval of the quantity.

    Supported when the whole interval agrees with the claim, refuted when the whole interval contradicts it,
    undecided when it reaches over the margin. `blind` says that both networks are far coarser than interpolation:
    then a difference that is seen counts, but that none is seen says nothing, except of equal bits.
    """
    measured = _measure(claim, values)
    if measured is None or measured.count < 2:
        return Verdict(claim, "unmeasured", measured)
    low, high = measured.low, measured.high
    if claim.expects == "less":
        low, high = -high, -low
    if claim.expects == "equal":
        inside, outside = -claim.margin <= low and high <= claim.margin, high < -claim.margin or low > claim.margin
    else:
        inside, outside = low > claim.margin, high < claim.margin
    word = "supported" if inside else "refuted" if outside else "undecided"
    is_same = low == high == 0
    if blind and word == claim.needs_sight and not is_same and not _is_seen(claim, low, high):
        word = "not testable"
    return Verdict(claim, word, measured)


def _is_seen(claim: Claim, low: float, high: float) -> bool:
    """Whether the quantity lies beyond the margin on either side: then there is an effect, whatever its sign."""
    margin = abs(claim.margin)
    return claim.expects != "equal" and claim.margin >= 0 and (low > margin or high < -margin)


def _measure(claim: Claim, values: Values) -> Interval | None:
    first = values(claim.first, claim.metric)
    if claim.second is None:
        return interval([first[seed] for seed in sorted(first, key=str)]) if first else None
    second = values(claim.second, claim.metric)
    if None in second:
        second = dict.fromkeys(first, second[None])
    shared = sorted(set(first) & set(second), key=str)
    if not shared:
        return None
    return paired([first[seed] for seed in shared], [second[seed] for seed in shared])
