"""Shared by the probe's tests: run a program of `programs/` under the probe, in this process."""

import os
import sys
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from runtime_probe.report import Report
from runtime_probe.run import Options, Outcome, Program, run

PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture(autouse=True)
def one_thread_and_the_same_numbers():
    """Every test starts from one state of the generators, whatever ran before it in its process."""
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture
def outcome_of():
    """Run `programs/<name>.py` as `python -m runtime_probe` does; returns the Outcome."""

    def outcome_of(name: str, *arguments: str, **options) -> Outcome:
        before = set(sys.modules)
        try:
            return run(Program(str(PROGRAMS / f"{name}.py"), arguments), Options(**options))
        finally:
            for module in (set(sys.modules) - before) & {"small"}:
                del sys.modules[module]

    return outcome_of


@pytest.fixture
def report_of(outcome_of):
    """The same, but the program must succeed; returns the Report."""

    def report_of(name: str, *arguments: str, **options) -> Report:
        outcome = outcome_of(name, *arguments, **options)
        assert outcome.exit_code == 0
        return outcome.report

    return report_of


def pytest_addoption(parser):
    parser.addoption("--overwrite", action="store_true", help="write the golden files of the probe's reports anew")
