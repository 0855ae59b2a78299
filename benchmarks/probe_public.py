"""Run public training programs, unmodified, under `python -m runtime_probe --strict`, then with bugs planted.

    python benchmarks/probe_public.py DIRECTORY [NAME ...]

DIRECTORY holds checkouts of the repositories that `public_programs.py` names. Each program is copied to a temporary
folder, gets tiny synthetic data there, and runs on CPU plainly and under the probe, with the same seeds: parameters and
the states of the generators must be the same bits after every step. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from public_programs import PROGRAMS, Bug, Program

ROOT = Path(__file__).parents[1]
LIMIT = 580  # seconds for one run
VIOLATION = 3


@dataclass(frozen=True)
class Ran:
    """One run: its exit code, the end of what it printed, the digest with CPU seconds, and the probe's report."""

    code: int
    printed: str
    digest: dict[str, Any]
    report: dict[str, Any]

    @property
    def words(self) -> str:
        """The headline's verdicts, or what went wrong."""
        if not self.report:
            return f"exit code {self.code}: {self.printed.strip().splitlines()[-1:]}"
        return str(self.report["headline"]).split(":")[0]

    @property
    def is_violation(self) -> bool:
        return self.code == VIOLATION


def run(program: Program, folder: Path, directory: Path, watched: bool) -> Ran:
    """Run in the program's own folder, with the seeds set and the shims that it needs."""
    with tempfile.TemporaryDirectory() as outside:
        report, digest = Path(outside, "report.json"), Path(outside, "digest.json")
        here = Path(__file__).parent
        paths = [str(ROOT), str(here)]
        settings = {"file": str(digest), "steps": program.steps, "shims": program.shims, "paths": paths}
        path = os.pathsep.join(map(str, (here / "public_environment", ROOT, directory / program.beside, folder)))
        environment = os.environ | {
            "PROBE_PUBLIC": json.dumps(settings), "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0",
            "CUDA_VISIBLE_DEVICES": "", "MPLBACKEND": "agg", "WANDB_MODE": "offline", "DDE_BACKEND": "pytorch",
            "HF_HUB_OFFLINE": "1",
        }  # fmt: skip
        probe = ["-m", "runtime_probe", "--strict", "--output", str(report)] if watched else []
        done = subprocess.run(
            [sys.executable, *probe, program.script, *shlex.split(program.arguments)],
            cwd=folder / program.where, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", timeout=LIMIT,
        )  # fmt: skip
        read = [json.loads(file.read_text()) if file.exists() else {} for file in (digest, report)]
        return Ran(done.returncode, done.stdout, *read)


def measure(program: Program, directory: Path, bug: Bug | None, verbose: bool) -> str:
    """One row of the table."""
    with tempfile.TemporaryDirectory() as temporary:
        runs = []
        for watched in (False, True):
            folder = Path(temporary, "watched" if watched else "plain", program.folder)
            shutil.copytree(directory / program.folder, folder, symlinks=True, ignore=shutil.ignore_patterns(".git"))
            program.data(folder)
            if bug is not None:
                bug.plant(folder)
            runs.append(run(program, folder, directory, watched))
    plain, watched_run = runs
    if verbose or plain.code or watched_run.code not in (0, VIOLATION):
        print(plain.printed[-1500:], watched_run.printed[-5000:], file=sys.stderr)
    if verbose:
        print(json.dumps(watched_run.report, indent=1)[:6000], file=sys.stderr)
    commit = subprocess.check_output(["git", "rev-parse", "--short", "HEAD"], cwd=directory / program.folder, text=True)
    return row(program, commit.strip(), bug, plain, watched_run)


def row(program: Program, commit: str, bug: Bug | None, plain: Ran, watched: Ran) -> str:
    expected = bug.verdicts if bug else program.verdicts
    is_bug = bug is not None or program.violation
    right = any(verdict in watched.words for verdict in expected) and watched.is_violation == is_bug
    same = plain.digest.get("bits") == watched.digest.get("bits") and bool(plain.digest.get("steps"))
    seconds = [ran.digest.get("seconds", 0.0) for ran in (plain, watched)]
    what = f"planted: {bug.what}" if bug else program.truth
    cells = [
        program.name, commit, what, watched.words, "yes" if right else "**no**",
        _where(watched.report), str(plain.digest.get("steps")), "yes" if same else "**no**",
        f"{seconds[0]:.1f} → {seconds[1]:.1f}",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _where(report: dict[str, Any]) -> str:
    """The first place in the program that the report's worst finding names."""
    for finding in report.get("findings", ()):
        if finding.get("where"):
            return str(finding["where"][0])
    return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("names", nargs="*", help="only programs whose name contains one of these")
    parser.add_argument("--verbose", action="store_true", help="what the runs print, on standard error")
    parser.add_argument("--no-bugs", action="store_true", help="only the programs as they are")
    options = parser.parse_intermixed_args()
    print("| program | commit | truth | verdict | right | line | steps | same bits | CPU s, plain → watched |")
    print("|---|---|---|---|---|---|--:|---|--:|")
    for program in PROGRAMS:
        if not options.names or any(name in program.name for name in options.names):
            for bug in (None, *(() if options.no_bugs else program.bugs)):
                print(measure(program, options.directory.resolve(), bug, options.verbose), flush=True)


if __name__ == "__main__":
    main()
