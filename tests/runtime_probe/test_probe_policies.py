"""What happens at a violation, when, and what it says."""

import pytest
import torch

from runtime_probe import (
    AbsentJitterError,
    Family,
    MisplacedJitterError,
    RepeatedCoordinatesError,
    StaleCoordinatesError,
    Verdict,
    probe_coords,
)
from runtime_probe.policy import CoordinateWarning
from tests.runtime_probe.programs.small import Decoder, grid, jitter


def train(draw, batches=3, epochs=1, **options):
    """Returns the number of forwards made; `draw(epoch, batch)` gives the coordinates (16, 16, 2)."""
    model = Decoder()
    made = 0
    with probe_coords(model, **options) as probe:
        for epoch in range(epochs):
            for batch in probe.batches(range(batches)):
                train.forwards = made = made + 1
                model(torch.rand(2, 3, 16, 16), draw(epoch, batch).expand(2, 16, 16, 2)).mean().backward()
    return probe


torch.manual_seed(0)
FROZEN = jitter(grid())


def walk():
    coord = grid()

    def draw(epoch, batch):
        return coord.add_(torch.randn_like(coord) * 0.005)

    return draw


def seeded(epoch, batch):
    return grid() + torch.randn(16, 16, 2, generator=torch.Generator().manual_seed(batch)) * 0.02


@pytest.mark.parametrize(
    ("error", "draw", "options"),
    [
        (StaleCoordinatesError, lambda epoch, batch: FROZEN, {}),
        (AbsentJitterError, lambda epoch, batch: grid(), {}),
        (RepeatedCoordinatesError, seeded, {"epochs": 2}),
        (MisplacedJitterError, walk(), {"batches": 8}),
    ],
)
def test_each_family_has_its_error(error, draw, options):
    with pytest.raises(error):
        train(draw, on_violation="raise", **options)


def test_two_equal_batches_of_one_epoch_are_enough():
    with pytest.raises(StaleCoordinatesError):
        train(lambda epoch, batch: FROZEN, batches=100, on_violation="raise")
    assert train.forwards == 3  # the second batch is over when the third begins
    with pytest.raises(StaleCoordinatesError):
        train(lambda epoch, batch: FROZEN, batches=2, on_violation="raise")


def test_after_waits():
    with pytest.raises(StaleCoordinatesError):
        train(lambda epoch, batch: FROZEN, batches=100, on_violation="raise", after=10)
    assert train.forwards == 12


def test_the_message_says_what_which_values_and_what_to_do():
    with pytest.raises(StaleCoordinatesError) as caught:
        train(lambda epoch, batch: FROZEN, on_violation="raise")
    lines = str(caught.value).splitlines()
    assert lines[0] == "FROZEN: every batch got the same coordinates, off the lattice: drawn once, used for all"
    assert lines[1] == "  argument: Decoder(coord)"
    assert lines[2] == "  seen: all 2 batches of 1 epoch got the same coordinates"
    assert lines[3].startswith("  values: float32 (16, 16, 2) in [")
    assert "std 0.0" in lines[3] and "px" in lines[3]
    assert lines[-2] == "  to do: draw inside the batch loop"
    assert lines[-1] == "  find it in the source: jitlint --select JIT101,JIT102,JIT103,JIT104"


def test_warn_warns_once():
    with pytest.warns(CoordinateWarning, match="FROZEN") as caught:
        train(lambda epoch, batch: FROZEN, epochs=3, on_violation="warn")
    assert len(caught) == 1


def test_a_callable_gets_the_finding_and_may_raise_what_it_likes():
    class StopError(Exception):
        pass

    findings = []

    def stop(finding):
        findings.append(finding)
        raise StopError

    with pytest.raises(StopError):
        train(lambda epoch, batch: FROZEN, on_violation=stop)
    assert (findings[0].word, findings[0].family) == (Verdict.FROZEN, Family.STALE)


def test_report_only_reports():
    assert train(lambda epoch, batch: FROZEN, epochs=2).verdict is Verdict.FROZEN


def test_a_fresh_run_raises_nothing():
    probe = train(lambda epoch, batch: jitter(grid()), batches=10, epochs=2, on_violation="raise")
    assert probe.verdict is Verdict.FRESH


def test_gan_reuse_inside_a_batch_does_not_raise():
    model = Decoder()
    with probe_coords(model, on_violation="raise") as probe:
        for _ in probe.batches(range(5)):
            coord = jitter(grid()).expand(2, 16, 16, 2)
            for _ in range(2):
                model(torch.rand(2, 3, 16, 16), coord).mean().backward()
    assert probe.verdict is Verdict.FRESH


@pytest.mark.parametrize(
    "options", [{"after": -1}, {"max_steps": 0}, {"provenance": -1}, {"on_violation": "explode"}], ids=str
)
def test_impossible_options(options):
    with pytest.raises(ValueError):
        probe_coords(Decoder(), **options)


@pytest.mark.parametrize("models", [(), ("model",)], ids=str)
def test_impossible_models(models):
    with pytest.raises(ValueError):
        probe_coords(*models)
