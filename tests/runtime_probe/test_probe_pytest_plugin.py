"""The pytest plugin, run in a pytest of its own."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

TESTS = """
import pytest, torch
from runtime_probe.pytest_plugin import assert_fresh
from tests.runtime_probe.programs.small import Decoder, grid, jitter

def train(fresh):
    model = Decoder()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    def loop(batches):
        coord = jitter(grid())
        for _ in batches:
            if fresh:
                coord = jitter(grid())
            model(torch.rand(2, 3, 16, 16), coord.expand(2, 16, 16, 2)).mean().backward()
            optimizer.step()
    return model, loop

@pytest.mark.parametrize("fresh", [True, False])
def test_fixture(probe_coords, fresh):
    model, loop = train(fresh)
    with probe_coords(model) as probe:
        loop(probe.batches(range(4)))
    assert_fresh(probe)

@pytest.mark.fresh_coordinates
@pytest.mark.parametrize("fresh", [True, False])
def test_marker(fresh):
    train(fresh)[1](range(4))

@pytest.mark.fresh_coordinates(argument="coord")
def test_nothing_is_trained():
    pass
"""


@pytest.fixture
def run(pytester, monkeypatch, pytestconfig):
    def run(*options):
        monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
        pytester.makepyfile(TESTS)
        installed = pytestconfig.pluginmanager.has_plugin("runtime_probe")  # by its entry point
        plugin = () if installed else ("-p", "runtime_probe.pytest_plugin")
        return pytester.runpytest_subprocess("--strict-markers", *plugin, "-p", "no:cacheprovider", *options)

    return run


def test_fixture_marker_assert_fresh_and_report(run):
    result = run("--probe-report")
    result.assert_outcomes(passed=2, failed=3)
    result.stdout.re_match_lines_random(
        [
            ".*AssertionError: FROZEN: every batch got the same coordinates.*",
            ".*AssertionError: INCONCLUSIVE: no training forward.*",
            ".*probe report: .*test_fixture.True.*",
            "runtime_probe: FRESH.*",
            ".*probe report: .*test_fixture.False.*",
            "runtime_probe: FROZEN.*",
            ".*probe report: .*test_marker.False.*",
        ]
    )


def test_off_by_environment(run, monkeypatch):
    monkeypatch.setenv("RUNTIME_PROBE", "off")
    run().assert_outcomes(passed=5)


def test_reports_come_back_from_the_workers_of_xdist(run):
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    result = run("--probe-report", "-n", "2")
    result.assert_outcomes(passed=2, failed=3)
    result.stdout.re_match_lines_random([".*probe report: .*test_fixture.True.*", "runtime_probe: FRESH.*"])
