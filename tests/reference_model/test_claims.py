"""Verdicts from intervals."""

import pytest

from reference_model.claims import Claim, judge
from reference_model.experiments import NAMES, experiments
from reference_model.recipe import PRESETS, preset
from reference_model.report.results import METRIC_NAMES
from reference_model.runner import wanted


def verdict(expects, differences, margin=0.5, blind=False):
    claim = Claim("x", "m", "a", "b", expects, margin)
    first = {seed: 10.0 + difference for seed, difference in enumerate(differences)}
    return judge(claim, lambda label, metric: first if label == "a" else dict.fromkeys(first, 10.0), blind=blind).word


@pytest.mark.parametrize(
    ("expects", "differences", "word"),
    [
        ("more", [1.0, 1.1, 0.9], "supported"),
        ("more", [0.1, 0.0, -0.1], "refuted"),
        ("more", [0.4, 0.5, 0.6], "undecided"),
        ("less", [-1.0, -1.1, -0.9], "supported"),
        ("less", [0.1, 0.0, -0.1], "refuted"),
        ("less", [-0.4, -0.5, -0.6], "undecided"),
        ("equal", [0.1, 0.0, -0.1], "supported"),
        ("equal", [1.0, 1.1, 0.9], "refuted"),
        ("equal", [-1.0, -1.1, -0.9], "refuted"),
        ("equal", [0.4, 0.5, 0.6], "undecided"),
        ("more", [3.0], "unmeasured"),
        ("more", [], "unmeasured"),
    ],
)
def test_the_verdict_follows_from_the_whole_interval(expects, differences, word):
    assert verdict(expects, differences) == word


NEAR, ABOVE, BELOW = [0.1, 0.0, -0.1], [1.0, 1.1, 0.9], [-1.0, -1.1, -0.9]


@pytest.mark.parametrize(
    ("expects", "margin", "differences", "word"),
    [
        ("more", 0.5, NEAR, "not testable"),
        ("more", 0.5, ABOVE, "supported"),
        ("more", 0.5, BELOW, "refuted"),  # an effect, of the other sign
        ("more", -0.5, NEAR, "not testable"),  # "does no harm"
        ("more", -0.5, BELOW, "refuted"),
        ("less", 0.5, NEAR, "not testable"),
        ("less", 0.5, BELOW, "supported"),
        ("less", -0.5, NEAR, "not testable"),  # "no more than"
        ("less", -0.5, ABOVE, "refuted"),
        ("equal", 0.5, NEAR, "not testable"),
        ("equal", 0.5, ABOVE, "refuted"),
        ("equal", 0.5, [0.0, 0.0, 0.0], "supported"),  # the same bits
        ("equal", 0.5, [0.4, 0.5, 0.6], "undecided"),
    ],
)
def test_coarse_networks_show_effects_but_not_their_absence(expects, margin, differences, word):
    assert verdict(expects, differences, margin, blind=True) == word
    assert verdict(expects, differences, margin) != "not testable"


def test_pairing_cancels_what_seeds_share():
    claim = Claim("x", "m", "a", "b", "more", 0.5)
    values = {"a": {0: 11.0, 1: 21.1, 2: 30.9}, "b": {0: 10.0, 1: 20.0, 2: 30.0}}
    assert judge(claim, lambda label, metric: values[label]).word == "supported"
    assert (
        judge(claim, lambda label, metric: {**values[label], 3: 0.0} if label == "b" else values["a"]).measured.count
        == 3
    )


def test_a_reference_has_no_seeds_and_no_second_is_the_value_itself():
    values = {"a": {0: 3.0, 1: 3.1}, "bicubic": {None: 1.0}}
    against = judge(Claim("x", "m", "a", "bicubic", "more", 0.5), lambda label, metric: values[label])
    alone = judge(Claim("x", "m", "a", None, "more", 0.5), lambda label, metric: values[label])
    assert against.measured.mean == pytest.approx(2.05) and alone.measured.mean == pytest.approx(3.05)


@pytest.mark.parametrize("size", PRESETS)
def test_every_claim_names_arms_and_metrics_that_exist(size):
    references = {"nearest", "bilinear", "bicubic", "oracle 0.32 px"}
    for experiment in experiments(optional=True):
        arms = experiment.arms(preset(size), size)
        for claim in experiment.claims:
            assert claim.first in arms and (claim.second is None or claim.second in {*arms, *references})
            assert claim.metric in METRIC_NAMES and claim.expects in ("more", "less", "equal")
        assert set(experiment.metrics) <= set(METRIC_NAMES)


def test_arms_are_shared_between_experiments():
    found = wanted(experiments(), preset("cpu"), "cpu")
    named = sum(len(experiment.arms(preset("cpu"), "cpu")) for experiment in experiments())
    assert len(experiments(optional=True)) == len(NAMES) == len(experiments()) + 1 == 15
    assert len(found) < named
    none = preset("cpu").digest()
    assert none in found  # the base recipe itself


def test_the_gpu_preset_takes_the_whole_dose_and_the_cpu_preset_a_stated_part():
    dose = next(experiment for experiment in experiments() if experiment.name == "dose")
    whole, part = dose.arms(preset("gpu"), "gpu"), dose.arms(preset("cpu"), "cpu")
    assert len(whole) == 2 * (1 + 4 * 2 * 4)  # bands × (none + σ × scopes × draws)
    assert set(part) < set(whole)
    assert len([label for label in part if ", 0.32 px," in label and "sample" not in label]) == 10
