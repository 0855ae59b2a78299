"""The frozen claims on networks that serve many images, judged on rows that are written here."""

import pytest
import torch

from reference_model import networks
from reference_model.evaluate import LABELS, Curve
from reference_model.experiments import experiment
from reference_model.recipe import preset
from reference_model.report.networks import networks_section
from reference_model.runner import _loss_curve
from reference_model.store import Row

PSNR = {"none": 26.0, "outside": 29.0, "inside": 30.0, "multi-scale": 31.0, "multi-scale + jitter": 31.0}
BILINEAR = Row(
    "unseen bilinear", "bilinear", "reference", "cpu", None, recipe={"data": "unseen"}, metrics={"ring_12": 0.9}
)

BICUBIC = Row("unseen bicubic", "bicubic", "reference", "cpu", None, recipe={"data": "unseen"})
BICUBIC.metrics["psnr_128_sharp"] = 48.25


def rows(ring=0.85, thumbnail=20.0, claims=None, seeds=(0, 1)):
    """Two seeds of each arm on nine images; the seeds differ by 0.2 dB."""
    found = [BILINEAR, BICUBIC]
    for name in PSNR:
        recipe = networks.arms()[name]
        for seed in seeds:
            values = [PSNR[name] + 0.2 * seed + image for image in range(9)]
            mean = sum(values) / 9
            metrics = dict.fromkeys(("psnr_clean", "psnr_shift_1_4", "psnr_128_sharp"), mean)
            found.append(Row(
                recipe.digest(), name, "model", "cpu", seed, recipe=recipe.to_dict(),
                metrics={**metrics, "ring_12": ring, "psnr_thumbnail": thumbnail},
                by_image=dict.fromkeys(metrics, values), claims=claims or networks.claims_hash(),
            ))  # fmt: skip
    return found


def words(given):
    return [verdict.word for verdict in networks.verdicts(given)]


def test_verdicts_follow_from_the_images_of_both_seeds():
    judged = networks.verdicts(rows())
    first_five = ["supported", "refuted", "supported", "refuted", "supported"]
    assert [verdict.word for verdict in judged] == [*first_five, "supported", "refuted", "not measured"]
    assert judged[0].measured.mean == pytest.approx(1.0) and judged[0].measured.count == 9


@pytest.mark.parametrize("lacking", [{"ring": 0.79}, {"thumbnail": 40.0}])
def test_networks_that_do_not_see_decide_nothing(lacking):
    assert set(words(rows(**lacking))) == {"not testable", "not measured"}  # no row of patches


def test_one_seed_decides_nothing():
    assert set(words(rows(seeds=(0,)))) == {"too few seeds", "not measured"}


def test_rows_for_other_claims_are_not_judged():
    assert words(rows(claims="another file")) == [] and words([]) == []


def test_the_report_shows_every_claim_with_each_seed():
    text = str(networks_section(rows()))
    assert all(claim.text in text for claim in networks.claims()) and "+1.00, +1.00" in text
    assert networks.claims_hash() in text and "Muon for the weight matrices" in text
    assert "bicubic interpolation of the 32 px pixels has 48.25 dB" in text
    assert "bottleneck" not in text  # both of its arms that have rows are in the table before


def test_the_report_says_where_seeds_disagree():
    assert "seeds disagree" not in str(networks_section(rows()))
    split = rows()
    better = next(row for row in split if (row.label, row.seed) == ("multi-scale + jitter", 1))
    better.metrics["psnr_128_sharp"] += 0.6  # of this seed only: its difference is above the margin of 0.25 dB
    assert "seeds disagree on “Jitter helps multi-scale training to higher resolutions”" in str(networks_section(split))


def test_what_jitter_adds_to_larger_images_is_told_apart():
    assert "Jitter alone adds +0.00 dB to multi-scale at 128 px" in str(networks_section(rows()))
    alone = [row for row in rows() if row.label != "multi-scale"]
    assert "Jitter alone" not in str(networks_section(alone))


def test_the_learning_curve_is_the_mean_of_each_tenth():
    curve = _loss_curve(torch.arange(40).float())
    assert curve.x == [float(4 * k) for k in range(1, 11)] and curve.y == [4 * k + 1.5 for k in range(10)]
    assert _loss_curve(torch.tensor([3.0, 1.0])) == Curve([1.0, 2.0], [3.0, 1.0])


def test_the_frozen_claims_name_arms_and_metrics_that_exist():
    arms = networks.arms()
    assert networks.frozen()["eligibility"]["arm"] in arms
    for claim in networks.claims():
        assert {claim.first, claim.second} <= set(arms) and claim.metric in LABELS and claim.source == "seed"


def test_an_arm_of_several_experiments_is_one_arm():
    for name in networks.frozen()["experiments"]:
        for label, recipe in experiment(name).arms(preset("cpu"), "cpu").items():
            assert recipe == networks.arms()[label]
