"""A few trials of `benchmarks/interrupted.py`: killed runs, a full disk, what is read-only, two runs at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_no_run_leaves_a_file_half_mended() -> None:
    command = [sys.executable, "benchmarks/interrupted.py", "--kills", "3"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr + run.stdout
    tried = dict(line.strip("| ").split(" | ") for line in run.stdout.splitlines()[2:])
    assert sum(int(number) for what, number in tried.items() if what.startswith("killed")) == 3
    others = {"full disk": "4", "read-only files": "1", "read-only tree": "1", "two runs at once": "1"}
    assert tried.items() >= {**others, "**broken promises**": "0"}.items()
