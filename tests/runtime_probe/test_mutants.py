"""The linter's mutators on the examples: the running program shows each mistake, and that `--fix` mends it."""

import linecache
import subprocess
import sys
from pathlib import Path

import pytest

from runtime_probe import Verdict
from runtime_probe.run import Options, Program, run
from tests.mutators import mutants

ROOT = Path(__file__).parents[2]
FIXED = {"hoist", "comment_out", "accumulate"}  # kinds for which the linter has a fix that restores the jitter


def example():
    """The coordinate example, with fewer images and epochs so that a run takes a fraction of a second."""
    text = (ROOT / "examples" / "coordinates" / "correct.py").read_text()
    short = text.replace("make_images(256, size)", "make_images(64, size)").replace("range(8)", "range(2)")
    assert short != text
    return short


def report_of(script, text):
    script.write_text(text)
    linecache.clearcache()
    outcome = run(Program(str(script)), Options())
    assert outcome.exit_code == 0
    return outcome.report


def fixed(script, text):
    """The program after `jitlint --fix --unsafe-fixes`."""
    script.write_text(text)
    command = [sys.executable, "-m", "jitlint", "--fix", "--unsafe-fixes", "--no-cache", str(script)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    return script.read_text()


def test_the_example_is_fresh(tmp_path):
    report = report_of(tmp_path / "train.py", example())
    assert report.verdict is Verdict.FRESH
    assert not report.violations


@pytest.mark.parametrize("mutant", mutants(example()), ids=str)
def test_each_mutants_verdict_flips(tmp_path, mutant):
    assert report_of(tmp_path / "train.py", mutant.text).violations


@pytest.mark.parametrize("mutant", [m for m in mutants(example()) if m.kind in FIXED], ids=str)
def test_and_back_after_the_fix(tmp_path, mutant):
    script = tmp_path / "train.py"
    report = report_of(script, fixed(script, mutant.text))
    assert report.verdict is Verdict.FRESH
    assert not report.violations


def test_every_kind_with_a_fix_is_tried():
    assert {mutant.kind for mutant in mutants(example())} >= FIXED
