"""Every kind of bug of `kinds.py` is a violation without any option, and no twin is."""

import linecache

import pytest

from runtime_probe.run import Options, Program, exit_code, run
from tests.runtime_probe.kinds import KINDS


@pytest.fixture
def outcome(tmp_path):
    def outcome(kind, bug):
        script = tmp_path / "train.py"
        script.write_text(kind.source(bug))
        linecache.clearcache()
        outcome = run(Program(str(script)), Options(strict=True))
        assert outcome.exit_code == 0
        assert not any("failed" in note for note in outcome.report.notes)
        return outcome

    return outcome


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_bug_is_a_violation_that_names_its_cause(outcome, kind):
    found = outcome(kind, bug=True)
    assert exit_code(found, Options(strict=True)) == 3
    report = found.report
    assert kind.word in [finding.word.value for finding in report.violations], str(report)
    assert kind.says in str(report)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_twin_is_not(outcome, kind):
    report = outcome(kind, bug=False).report
    assert not report.violations, str(report)
    assert kind.twin in ("", report.verdict.value), str(report)
