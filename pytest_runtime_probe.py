"""pytest: the fixture `probe_coords`, `assert_fresh`, the marker `fresh_coordinates`, and `--probe-report`.

A module of its own, outside `runtime_probe`: pytest imports installed plugins at every start, and importing the
package imports PyTorch (four seconds, or an error for people who only installed the linter). Nothing of the package is
imported before the fixture or the marker is used.

def test_training(probe_coords):
    with probe_coords(model) as probe:
        train(model)
    assert_fresh(probe)

@pytest.mark.fresh_coordinates          # every model that the test trains, found by itself
def test_everything(): ...
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from runtime_probe.probe import Probe

PROPERTY = "runtime_probe"  # user properties travel with the reports of a test, also from the workers of xdist


def assert_fresh(probe: Probe) -> None:
    """Fail unless every batch had new coordinates and nothing is stale, absent, repeated or misplaced.

    Raises AssertionError with the findings, or with what is missing when too little was seen.
    A probe that is switched off by RUNTIME_PROBE=off passes.
    """
    __tracebackhide__ = True
    from runtime_probe.probe import is_off
    from runtime_probe.verdict import Verdict

    report = probe.report()
    if is_off():
        return
    if report.violations:
        raise AssertionError("\n".join(finding.message for finding in report.violations))
    if report.verdict is not Verdict.FRESH:
        raise AssertionError(f"{report.conclusion}: {report.conclusion.sentence}")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--probe-report`."""
    group = parser.getgroup("runtime_probe")
    group.addoption("--probe-report", action="store_true", help="print the report of every probe at the end")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line(
        "markers",
        "fresh_coordinates(argument=None): fail unless every model trained in the test gets new coordinates "
        "in every batch",
    )


@pytest.fixture
def probe_coords(request: pytest.FixtureRequest) -> Iterator[Callable[..., Probe]]:
    """`runtime_probe.probe_coords`; the reports are printed at the end with `--probe-report`."""
    from runtime_probe.probe import probe_coords as make

    probes: list[Probe] = []

    def probe_coords(*models: Any, **options: Any) -> Probe:
        probes.append(make(*models, **options))
        return probes[-1]

    yield probe_coords
    _remember(request.node, probes)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Run marked tests under a probe that finds the models."""
    marker = item.get_closest_marker("fresh_coordinates")
    if marker is None:
        return (yield)
    from runtime_probe.probe import Probe

    probe = Probe(*marker.args, **{**marker.kwargs, "everything": True})
    with probe:
        result = yield
    _remember(item, [probe])
    assert_fresh(probe)
    return result


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the reports."""
    if not config.getoption("--probe-report"):
        return
    told = set()
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, text in getattr(report, "user_properties", ()):
                if name == PROPERTY and (report.nodeid, text) not in told:
                    told.add((report.nodeid, text))
                    terminalreporter.section(f"probe report: {report.nodeid}")
                    terminalreporter.write_line(text)


def _remember(node: pytest.Item, probes: list[Probe]) -> None:
    if node.config.getoption("--probe-report"):
        node.user_properties += [(PROPERTY, str(probe.report())) for probe in probes]
