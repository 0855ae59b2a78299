"""The law: its limits, and that its parameters are found again from what it predicts."""

import math

import pytest

from reference_model.command_line import main
from reference_model.fitted import law
from reference_model.fitted.law import Law, LawError, Parameters, Powers, answer, effective_draws, excess, fit
from reference_model.fitted.measure import label_variance


def test_with_no_memory_lost_draws_weigh_by_their_share_of_the_learning_rate():
    """M -> 0: w_j is the learning rate of draw j, as the first order of exp(-M A) says."""
    shares = [law.remaining(j / 5) - law.remaining((j + 1) / 5) for j in range(5)]
    assert math.fsum(shares) == pytest.approx(1.0)
    assert effective_draws(5, 1e-6) == pytest.approx(1 / math.fsum(share**2 for share in shares), rel=1e-3)


def test_remaining_is_the_integral_of_the_cosine():
    grid = [0.3 + 0.7 * (k + 0.5) / 10_000 for k in range(10_000)]
    integral = math.fsum((1 + math.cos(math.pi * u)) for u in grid) * 0.7 / 10_000
    assert law.remaining(0.3) == pytest.approx(integral, rel=1e-6)
    assert (law.remaining(0.0), law.remaining(1.0)) == pytest.approx((1.0, 0.0))


def test_effective_draws_grow_and_never_exceed_the_draws():
    for memory in (0.1, 5.0, 50.0):
        found = [effective_draws(draws, memory) for draws in (1, 3, 10, 100, 1200)]
        assert found[0] == pytest.approx(1.0) and found == sorted(found)
        assert all(kept <= draws + 1e-9 for kept, draws in zip(found, (1, 3, 10, 100, 1200), strict=True))
    assert effective_draws(20, 50.0) < effective_draws(20, 5.0), "a network that learns faster forgets faster"


def test_many_draws_are_summed_as_few():
    exact = effective_draws(law.SEGMENTS, 30.0)
    assert effective_draws(2 * law.SEGMENTS, 30.0) == pytest.approx(2 * exact, rel=0.01)


def test_plain_averaging_is_ten_decibels_per_tenfold():
    plain = Parameters(amplification=1.0, memory=1e-6, rest=0.0)
    drop = 10 * math.log10(excess(plain, Powers(), 10, 1200, 0.32) / excess(plain, Powers(), 100, 1200, 0.32))
    assert drop == pytest.approx(10.0, abs=0.1)


def rows_of(parameters, powers):
    """Rows as the law would have them, of one image."""
    cases = [(draws, 1200, 0.32) for draws in (1, 3, 10, 20, 100, 1200)]
    cases += [(draws, steps, 0.32) for draws in (1, 10, 100) for steps in (400, 3600)]
    cases += [(draws, 1200, sigma) for draws in (1, 10, 100) for sigma in (0.16, 0.64)]
    return [
        {
            "kind": "network", "schedule": "outside", "bands": "4x", "draws": draws, "steps": steps, "sigma": sigma,
            "image": "chelsea",
            "metrics": {
                "oracle_mse_1_4": label_variance("chelsea", sigma) * excess(parameters, powers, draws, steps, sigma)
            },
        }
        for draws, steps, sigma in cases
    ]  # fmt: skip


def test_the_fit_finds_the_parameters_again():
    parameters, powers = Parameters(8.0, 15.0, 0.15), Powers(0.1, 0.5, -0.8, 0.2, 0.1, -0.3)
    found, of = fit(rows_of(parameters, powers))
    assert vars(found["4x"]) == pytest.approx(vars(parameters), rel=0.02)
    for name, value in vars(powers).items():
        assert getattr(of, name) == pytest.approx(value, abs=0.05), name


EXAMPLE = Law(
    {"4x": Parameters(8.0, 15.0, 0.15)},
    Powers(),
    {"0.16": 1e-4, "0.64": 1e-3},
    {"0.16": 2e-4, "0.64": 9e-4},
    (400, 1200),
)


def test_the_answer_is_a_cost():
    few, many = answer(EXAMPLE, 0.32, 3, 1200, "4x"), answer(EXAMPLE, 0.32, 100, 1200, "4x")
    assert few["cost"] > many["cost"] > 0 == answer(EXAMPLE, 0.32, 1200, 1200, "4x")["cost"]
    assert few["right"] < few["oracle"]
    assert few["cost"] == pytest.approx(few["right"] - few["psnr"])


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ((0.32, 0, 1200, "4x"), "draws must be 1 to"), ((0.32, 1300, 1200, "4x"), "draws must be 1 to"),
        ((0.1, 3, 1200, "4x"), "from 0.16 to 0.64 px"), ((0.32, 3, 1200, "8x"), "there is 4x"),
    ],
)  # fmt: skip
def test_what_was_not_measured_is_not_answered(question, message):
    with pytest.raises(LawError, match=message):
        answer(EXAMPLE, *question)


def test_the_law_survives_its_file(tmp_path):
    law.write(EXAMPLE, tmp_path / "law.json")
    assert law.read(tmp_path / "law.json") == EXAMPLE


def test_the_command_says_the_cost(capsys):
    assert main(["predict", "--sigma", "0.32", "--draws", "20", "--steps", "1200", "--bandwidth", "4"]) == 0
    said = capsys.readouterr().out
    assert "the hoist costs" in said and "20 distinct draws in 1200 steps" in said and "extrapolated" not in said
    assert main(["predict", "--draws", "20", "--steps", "1000000"]) == 0
    assert capsys.readouterr().out.startswith("extrapolated: the law was measured from")
