"""Verdicts from intervals over images, and the frozen file."""

import pytest

from reference_model.claims import Claim, claims, frozen, judge, sight
from reference_model.fitted.arms import IMAGES, committed
from reference_model.fitted.results import Results
from reference_model.report.content import METRICS

IMAGE_NAMES = [f"image {k}" for k in range(9)]


def word(expects, differences, margin=0.5, sees=True):
    claim = Claim("x", "seed", "m", "a", "b", expects, margin)
    second = dict.fromkeys(IMAGE_NAMES, 10.0)
    first = {name: 10.0 + differences[k % 3] for k, name in enumerate(IMAGE_NAMES)}
    return judge(claim, first, second, 0.95, sees=sees).word


NEAR, ABOVE, BELOW, ACROSS = (0.1, 0.0, -0.1), (1.0, 1.1, 0.9), (-1.0, -1.1, -0.9), (0.2, 0.5, 0.8)
WIDE = (-3.0, 0.0, 3.0)
CASES = [
    ("more", 0.5, ABOVE, "supported"), ("more", 0.5, NEAR, "refuted"), ("more", 0.5, ACROSS, "undecided"),
    ("less", -0.5, BELOW, "supported"), ("less", -0.5, NEAR, "refuted"),
    ("less", 0.5, NEAR, "supported"), ("less", 0.5, ABOVE, "refuted"),  # "no more than"
    ("equal", 0.5, NEAR, "supported"), ("equal", 0.5, ABOVE, "refuted"), ("equal", 0.5, BELOW, "refuted"),
    ("equal", 0.5, ACROSS, "undecided"), ("equal", 0.5, WIDE, "undecided"),
]  # fmt: skip


@pytest.mark.parametrize(("expects", "margin", "differences", "expected"), CASES)
def test_the_verdict_follows_from_the_whole_interval(expects, margin, differences, expected):
    assert word(expects, differences, margin) == expected


@pytest.mark.parametrize(("expects", "margin", "differences", "expected"), CASES)
def test_networks_that_do_not_see_decide_nothing_in_either_direction(expects, margin, differences, expected):
    assert word(expects, differences, margin, sees=False) == "not testable"


def test_few_images_and_no_rows_give_no_verdict():
    claim = Claim("x", "seed", "m", "a", "b", "more", 0.0)
    assert judge(claim, {}, {}, 0.95, sees=True).word == "not measured"
    few = dict.fromkeys(IMAGE_NAMES[:7], 1.0)
    assert judge(claim, few, dict.fromkeys(few, 0.0), 0.95, sees=True).word == "too few images"
    enough = dict.fromkeys(IMAGE_NAMES[:8], 1.0)
    assert judge(claim, enough, dict.fromkeys(enough, 0.0), 0.95, sees=True).word == "supported"


def test_pairing_over_images_cancels_what_they_share():
    claim = Claim("x", "seed", "m", "a", "b", "more", 0.5)
    first = {name: 10.0 * k + 1.0 for k, name in enumerate(IMAGE_NAMES)}
    second = {name: 10.0 * k for k, name in enumerate([*IMAGE_NAMES, "another"])}
    verdict = judge(claim, first, second, 0.95, sees=True)
    assert verdict.word == "supported" and verdict.measured.half == pytest.approx(0.0, abs=1e-9)


def test_a_stricter_level_is_a_wider_interval():
    claim = Claim("x", "seed", "m", "a", "b", "more", 0.5)
    first = {name: 1.0 + 0.1 * k for k, name in enumerate(IMAGE_NAMES)}
    second = dict.fromkeys(IMAGE_NAMES, 0.0)
    wide, narrow = (judge(claim, first, second, level, sees=True).measured.half for level in (0.999, 0.95))
    assert wide > 1.5 * narrow


def row(arm, metric, value, image):
    return {"arm": arm, "image": image, "seed": 0, "metrics": {"ring_sight": value, "mse_clean": metric}}


@pytest.mark.parametrize(
    ("ring", "error", "passes"), [(0.91, 1e-4, True), (0.89, 1e-4, False), (0.95, 1e-2, False)]
)  # bilinear has 1.0, the thumbnail an error of 1e-3
def test_seeing_is_resolution_and_fit(ring, error, passes):
    right = frozen()["arms"]["right"]
    rows = [
        made
        for image in ("x", "y")
        for made in (
            row(right, error, ring, image),
            row("bilinear", 0.0, 1.0, image),
            row("thumbnail 8", 1e-3, 0, image),
        )
    ]
    assert sight(Results(tuple(rows))).passes is passes
    assert sight(Results(())) is None


def test_the_frozen_file_names_arms_and_metrics_that_exist():
    arms = {fit.arm for fit in committed()} | {"bilinear", "bicubic"}
    assert set(frozen()["arms"].values()) <= arms
    for claim in claims():
        assert {claim.first, claim.second} <= set(frozen()["arms"])
        assert (
            claim.metric in METRICS and claim.expects in ("more", "less", "equal") and claim.source in ("seed", "own")
        )
    assert len(claims()) <= 15
    half = frozen()["law"]["fitted-on"]
    assert set(half) < set(IMAGES) and len(half) == len(IMAGES) // 2
