"""The plugin, in the real flake8."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("flake8")

from tests.jitlint.command_line import CORRECT, HOISTED


def flake8(folder: Path, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flake8", "--isolated", *arguments]
    return subprocess.run(command, cwd=folder, input=text, capture_output=True, text=True, timeout=120)


def test_select_jit(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(HOISTED)
    (tmp_path / "fine.py").write_text(CORRECT)
    run = flake8(tmp_path, "--select", "JIT")
    assert run.stderr == ""
    assert run.stdout.splitlines() == [
        "./train.py:5:13: JIT102 the same draw is used in every batch of the epoch: `noise` is drawn outside the loop"
    ]
    assert "jitlint" in flake8(tmp_path, "--version").stdout


def test_noqa_ignore_and_standard_input(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(HOISTED.replace("* 0.1", "* 0.1  # noqa: JIT102"))
    assert flake8(tmp_path, "--select", "JIT").stdout == ""
    (tmp_path / "train.py").write_text(HOISTED)
    assert flake8(tmp_path, "--select", "JIT", "--extend-ignore", "JIT1").stdout == ""
    assert "stdin:5:13: JIT102" in flake8(tmp_path, "--select", "JIT", "-", text=HOISTED).stdout
