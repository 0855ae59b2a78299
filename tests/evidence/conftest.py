"""Running a program under the probe, then the linter with the evidence; both in this process."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")

from runtime_probe.command_line import main as probe
from tests.jitlint.command_line import Shell
from tests.jitlint.conftest import cache_home, shell  # noqa: F401 - fixtures

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"

Watched = Callable[..., Path]
_KNOWN: dict[str, str] = {}  # evidence by the text of the program: it names no folder, so one run serves all tests


@pytest.fixture
def watched(shell: Shell) -> Watched:  # noqa: F811
    """Write a program (or copy one of `examples/`) as train.py, run it, return the file of evidence."""

    def run(text: str | Path, status: int = 0) -> Path:
        program = text.read_text(encoding="utf-8") if isinstance(text, Path) else text
        shell.write("train.py", program)
        if program not in _KNOWN:
            folder = Path.cwd()
            code = probe(["--evidence", "evidence.json", "--output", "report.json", "train.py"])
            os.chdir(folder)  # the program may have changed it
            assert code == status
            _KNOWN[program] = (shell.folder / "evidence.json").read_text(encoding="utf-8")
        return shell.write("evidence.json", _KNOWN[program])

    return run
