"""`jitlint doctor`: lint, run, join, fix, run again. The scripts run for real, in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jitlint import doctor
from tests.evidence.conftest import EXAMPLES
from tests.jitlint.command_line import Shell

BUGGY = (EXAMPLES / "coordinates" / "buggy.py").read_text(encoding="utf-8")
SLOW = """\
import time
import torch

print("started", flush=True)
while True:
    time.sleep(0.1)
"""


def visit(folder: Path, *arguments: str, **kwargs: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "jitlint", "doctor", *arguments]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": str(folder / "cache")}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, env=env, **kwargs)  # type: ignore[call-overload,no-any-return]


@pytest.fixture
def answers() -> Iterator[Callable[[str], int]]:
    """A terminal on which a person has typed something."""
    pty = pytest.importorskip("pty")  # not on Windows
    master, slave = pty.openpty()

    def typed(text: str) -> int:
        os.write(master, text.encode())
        return slave

    yield typed
    os.close(master)
    os.close(slave)


def test_from_a_bug_to_a_fix_that_the_run_confirms(tmp_path: Path, answers: Callable[[str], int]) -> None:
    (tmp_path / "train.py").write_text(BUGGY)
    result = visit(tmp_path, "train.py", stdin=answers("y\ny\n"))
    assert result.returncode == 0, result.stdout + result.stderr
    assert "[confirmed by the run: CoordinateDecoder(coord): 8 epochs: new coordinates at each epoch" in result.stdout
    assert "before: ONCE_PER_EPOCH" in result.stdout
    assert "after:  FRESH: 128 batches, every one with new coordinates" in result.stdout
    assert "    for (images,) in loader:\n        coord = make_grid(size)\n" in (tmp_path / "train.py").read_text()


def test_the_right_program_needs_nothing(tmp_path: Path) -> None:
    right = (EXAMPLES / "coordinates" / "correct.py").read_text(encoding="utf-8")
    (tmp_path / "train.py").write_text(right)
    result = visit(tmp_path, "--yes", "train.py")
    assert (result.returncode, result.stdout.splitlines()[-1]) == (0, "Nothing to fix.")
    assert (tmp_path / "train.py").read_text() == right


def test_a_fix_that_needs_judgement_is_not_made_by_yes_alone(tmp_path: Path) -> None:
    buggy = (EXAMPLES / "trainer" / "buggy.py").read_text(encoding="utf-8")
    (tmp_path / "train.py").write_text(buggy)
    result = visit(tmp_path, "--yes", "train.py")
    assert result.returncode == 1
    assert "No fix can be made for you" in result.stdout
    assert (tmp_path / "train.py").read_text() == buggy


def test_a_program_that_fails_is_left_alone(tmp_path: Path) -> None:
    broken = BUGGY.replace("    print(f", "    raise RuntimeError('no disk')\n    print(f")
    (tmp_path / "train.py").write_text(broken)
    result = visit(tmp_path, "--yes", "train.py")
    assert result.returncode == 2
    assert "RuntimeError: no disk" in result.stderr
    assert "train.py fails by itself (exit status 1); mend that first." in result.stdout
    assert (tmp_path / "train.py").read_text() == broken


def test_a_program_that_goes_on_is_interrupted(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SLOW)
    result = visit(tmp_path, "--yes", "--seconds", "30", "train.py")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "jitlint: 30 s are over; the program is interrupted" in result.stderr
    assert "The run: INCONCLUSIVE" in result.stdout


def test_nothing_runs_before_a_yes(tmp_path: Path, answers: Callable[[str], int]) -> None:
    (tmp_path / "train.py").write_text("open('ran', 'w')\n")
    result = visit(tmp_path, "train.py", stdin=answers("no\n"))
    assert (result.returncode, result.stdout.splitlines()[-1]) == (2, "Not run.")
    assert not (tmp_path / "ran").exists()


def test_where_nobody_can_answer_it_asks_for_yes(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("open('ran', 'w')\n")
    result = visit(tmp_path, "train.py", stdin=subprocess.DEVNULL)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        "jitlint: `jitlint doctor` asks before it runs or edits; where nobody can answer, pass --yes\n"
    )
    assert not (tmp_path / "ran").exists()


def test_without_torch_it_says_what_to_install(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.write("train.py", BUGGY)
    monkeypatch.setattr(doctor, "find_spec", lambda name: None)
    result = shell.run("doctor", "--yes", "train.py")
    assert (result.code, result.out) == (2, "")
    assert 'runs the script and needs PyTorch: pip install "jitlint[probe]"' in result.err


def test_a_python_without_the_probe_is_told(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(BUGGY)
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "$@"\n')
    bare.chmod(0o755)
    result = visit(tmp_path, "--yes", "--python", str(bare), "train.py")
    assert result.returncode == 2
    assert "the run left no evidence (exit status 1)" in result.stderr
    assert (tmp_path / "train.py").read_text() == BUGGY


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "takes a script and its arguments: jitlint doctor train.py --epochs 2"),
        (("none.py",), "no such script: none.py"),
        (("--seconds", "soon", "train.py"), 'invalid number of seconds "soon"'),
    ],
)
def test_what_it_cannot_mean_is_one_line(shell: Shell, arguments: tuple[str, ...], message: str) -> None:
    shell.write("train.py", BUGGY)
    result = shell.run("doctor", *arguments)
    assert (result.code, result.out, len(result.err.splitlines())) == (2, "", 1)
    assert message in result.err
