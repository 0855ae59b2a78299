"""The steps of action.yml, run by bash as a runner of GitHub does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml")

from tests.jitlint.command_line import CORRECT, HOISTED  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")


def lint(folder: Path, text: str, **inputs: str) -> tuple[subprocess.CompletedProcess[str], str, Path]:
    """Run the step that lints, with the jitlint of this environment in the place where the action installs it."""
    temporary = folder / "runner temp"
    command = temporary / "jitlint" / "bin" / "jitlint"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m jitlint "$@"\n')
    command.chmod(0o755)
    project = folder / "project"
    project.mkdir(parents=True)
    (project / "train.py").write_text(text)
    (step,) = [step for step in ACTION["runs"]["steps"] if step.get("id") == "lint"]
    given = {name: inputs.get(name, about["default"]) for name, about in ACTION["inputs"].items()}
    values = {name: given[value.split("inputs.")[1].split()[0]] for name, value in step["env"].items()}
    output = folder / "output"
    environment = {**os.environ, **values, "RUNNER_TEMP": str(temporary), "GITHUB_OUTPUT": str(output)}
    script = folder / "step.sh"
    script.write_text(step["run"])
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)]
    run = subprocess.run(shell, cwd=project, env=environment, capture_output=True, text=True, timeout=120)
    return run, output.read_text() if output.exists() else "", temporary / "jitlint.sarif"


def test_findings_annotate_and_fail(tmp_path: Path) -> None:
    run, output, sarif = lint(tmp_path, HOISTED)
    assert run.returncode == 1, run.stderr
    assert run.stdout.startswith("::error title=JIT102 (hoisted-noise),file=train.py,line=5")
    assert output == "findings=1\n"
    assert len(json.loads(sarif.read_text())["runs"][0]["results"]) == 1


def test_no_findings_or_no_wish_to_fail_pass(tmp_path: Path) -> None:
    assert lint(tmp_path / "clean", CORRECT)[:2][1] == "findings=0\n"
    run, output, _ = lint(tmp_path / "tolerated", HOISTED, fail="false")
    assert (run.returncode, output) == (0, "findings=1\n")
    run, output, _ = lint(tmp_path / "ignored", HOISTED, args="--ignore JIT102 --no-cache", paths="train.py .")
    assert (run.returncode, output) == (0, "findings=0\n")


def test_what_cannot_be_done_fails_in_any_case(tmp_path: Path) -> None:
    run, output, _ = lint(tmp_path, CORRECT, args="--selct JIT1", fail="false")
    assert (run.returncode, output) == (2, "")
    assert "unknown option" in run.stderr


def test_every_input_is_used() -> None:
    steps = json.dumps(ACTION["runs"]["steps"])
    assert all(f"inputs.{name}" in steps for name in ACTION["inputs"])
