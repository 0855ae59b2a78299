"""`jitlint doctor script.py`: read, run, join, fix, and run again to see whether the fix took effect.

Nothing runs and nothing is edited before the person said yes, or `--yes`. The program runs in a process of its own,
under `python -m runtime_probe`; the linter itself still imports no training library.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import NoReturn

from jitlint.errors import UsageError
from jitlint.evidence import Evidence, read_evidence
from jitlint.terminal import is_terminal, say, write

__all__ = ["doctor"]

FIXED, LEFT, FAILED = 0, 1, 2
_GRACE = 30.0  # seconds that an interrupted program has to write its evidence
_ADVICE = 'pip install "jitlint[probe]" (from a clone: ".[probe]")'


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"`jitlint doctor`: {message}")


@dataclass(frozen=True)
class Patient:
    """A script, how to run it, and what may be done without asking."""

    script: Path
    arguments: tuple[str, ...]
    python: str
    seconds: float
    yes: bool
    unsafe: bool

    @property
    def command(self) -> str:
        """What is run, for a person."""
        return " ".join([os.fspath(self.script), *self.arguments])


def doctor(arguments: Sequence[str]) -> int:
    """The whole visit; the exit status: 0 nothing is wrong (any more), 1 something is, 2 it could not be told."""
    patient = _patient(arguments)
    with tempfile.TemporaryDirectory(prefix="jitlint-doctor-") as folder:
        return _visit(patient, Path(folder))


def _visit(patient: Patient, folder: Path) -> int:
    _head(f"1. What the source says: jitlint {patient.script}")
    _lint([os.fspath(patient.script)])
    _head(f"2. What the run says: python -m runtime_probe {patient.command}")
    if not _agrees(patient, f"Run it now? It is interrupted after {patient.seconds:g} s."):
        write(["Not run."])
        return FAILED
    before = _run(patient, folder / "before.json")
    _tell(before)
    _head("3. Both together")
    paths = _files(patient, before)
    status = _lint(["--format", "concise", "--evidence", before.name, *paths])
    if _has_failed(before):
        write([f"{patient.script} fails by itself (exit status {before.content['exit_code']}); mend that first."])
        return FAILED
    if status == 0 and not before.content["findings"]:
        write(["Nothing to fix."])
        return FIXED
    return _treat(patient, before, paths, folder)


def _treat(patient: Patient, before: Evidence, paths: Sequence[str], folder: Path) -> int:
    """Offer the fix, and see what it changed."""
    _head("4. The fix")
    options = ["--evidence", before.name]
    extra = _fix_options(patient, options, paths)
    if extra is None:
        write(["No fix can be made for you; `jitlint rule CODE` says what to write instead."])
        return LEFT
    judgement = " It needs your judgement." if extra else ""
    if not _agrees(patient, f"Apply this change?{judgement}"):
        write(["Not changed."])
        return LEFT
    originals = {path: Path(path).read_bytes() for path in paths}
    with redirect_stdout(StringIO()):  # what is left is told after the second run
        status = _lint([*options, "--quiet", "--fix", *extra, *paths])
    if status == FAILED:
        return FAILED
    _head("5. The second run")
    after = _run(patient, folder / "after.json")
    if _has_failed(after):
        _restore(originals)
        write(["The changed program fails, so the change was taken back."])
        return FAILED
    _tell(after)
    status = _lint(["--format", "concise", "--evidence", after.name, *paths])
    write(["", f"before: {_verdict(before)}", f"after:  {_verdict(after)}"])
    return LEFT if status or after.content["findings"] else FIXED


def _fix_options(patient: Patient, options: Sequence[str], paths: Sequence[str]) -> list[str] | None:
    """Show the safe fixes, or those that need judgement if there are no others; None if there are none at all."""
    for extra in ([], ["--unsafe-fixes"]):
        if extra and patient.yes and not patient.unsafe:
            break
        if _lint([*options, "--diff", "--quiet", *extra, *paths]) == LEFT:
            return extra
    return None


def _restore(originals: dict[str, bytes]) -> None:
    from jitlint.fixes.write import write_atomically

    for path, data in originals.items():
        if Path(path).read_bytes() != data:
            write_atomically(Path(path), data, tree=Path(path).parent)


# --------------------------------------------------------------------------------------------- the parts


def _lint(arguments: Sequence[str]) -> int:
    """The linter as a person would call it; the exit status."""
    from jitlint.command import Command
    from jitlint.options import parse_options

    return Command(parse_options(["--format", "full", *arguments])).run()


def _files(patient: Patient, evidence: Evidence) -> list[str]:
    """The script, and the files of the current directory that the run used."""
    script = os.path.abspath(patient.script)  # noqa: PTH100 - keeps links
    used = [evidence.path_here(name) for name in evidence.files if not os.path.isabs(name)]  # noqa: PTH117
    found = [path for path in used if path is not None and path != script]
    return [os.fspath(patient.script), *(os.path.relpath(path, evidence.cwd) for path in sorted(found))]


def _run(patient: Patient, file: Path) -> Evidence:
    """Run the script under the probe; its output is the person's to see."""
    probe = [patient.python, "-m", "runtime_probe", "--evidence", os.fspath(file), "--output", f"{file}.report.txt"]
    sys.stdout.flush()
    process = subprocess.Popen([*probe, os.fspath(patient.script), *patient.arguments])
    try:
        is_over = _wait(process, patient.seconds)
    except KeyboardInterrupt:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
        process.kill()
        raise
    if not file.exists() and not is_over:
        raise UsageError(f"`jitlint doctor`: {patient.seconds:g} s were too short to start the program; see --seconds")
    if not file.exists():
        raise UsageError(
            f"`jitlint doctor`: the run left no evidence (exit status {process.returncode}); "
            f"{patient.python} needs PyTorch and the probe: {_ADVICE}"
        )
    return read_evidence(file, Path.cwd())


def _wait(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Let the program run for so long, then interrupt it as Ctrl-C would, then kill it; whether it ended by itself."""
    try:
        process.wait(seconds)
        return True
    except subprocess.TimeoutExpired:
        say(f"jitlint: {seconds:g} s are over; the program is interrupted")
        process.send_signal(signal.SIGINT if os.name != "nt" else signal.SIGTERM)
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        return False


_INTERRUPTED = 130


def _has_failed(evidence: Evidence) -> bool:
    return evidence.content["exit_code"] not in (0, _INTERRUPTED)


def _tell(evidence: Evidence) -> None:
    write([f"The run: {_verdict(evidence)}"])


def _verdict(evidence: Evidence) -> str:
    content = evidence.content
    return f"{content['verdict']}: {content['sentence']}"


def _head(title: str) -> None:
    write(["", title, "─" * len(title), ""])


def _agrees(patient: Patient, question: str) -> bool:
    """Ask, and take anything but yes for no."""
    if patient.yes:
        return True
    write([f"{question} [y/N]"])
    try:
        return input().strip().lower() in ("y", "yes")
    except EOFError:
        return False


# ---------------------------------------------------------------------------------------------- the options


def _patient(arguments: Sequence[str]) -> Patient:
    known = _parser().parse_args(list(arguments))
    if not known.program:
        raise UsageError("`jitlint doctor` takes a script and its arguments: jitlint doctor train.py --epochs 2")
    script = Path(known.program[0])
    if not script.is_file():
        raise UsageError(f"`jitlint doctor`: no such script: {script}")
    if known.python is None and find_spec("torch") is None:
        raise UsageError(
            f"`jitlint doctor` runs the script and needs PyTorch: {_ADVICE}, or name the Python that has both: --python"
        )
    if not known.yes and not is_terminal(sys.stdin):
        raise UsageError("`jitlint doctor` asks before it runs or edits; where nobody can answer, pass --yes")
    python = known.python or sys.executable
    rest = tuple(known.program[1:])
    return Patient(script, rest, python, known.seconds, known.yes, known.unsafe_fixes)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="jitlint doctor",
        description="Lint a training script, run it under the probe, join both reports, offer the fix, run again.",
        epilog="exit status: 0 nothing is wrong (any more), 1 something is, 2 it could not be told",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--yes", "-y", action="store_true", help="run, and apply safe fixes, without asking")
    add("--unsafe-fixes", action="store_true", help="with --yes: apply fixes that need judgement, too")
    add(
        "--seconds", type=_seconds, default=120.0, metavar="N", help="interrupt each run after N seconds (default: 120)"
    )
    add(
        "--python",
        metavar="FILE",
        help="the Python that runs the script, with PyTorch and the probe (default: this one)",
    )
    add("program", nargs=argparse.REMAINDER, metavar="SCRIPT", help="the script and its arguments")
    return parser


def _seconds(word: str) -> float:
    try:
        seconds = float(word)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e7:
        raise argparse.ArgumentTypeError(f'invalid number of seconds "{word}"')
    return seconds
