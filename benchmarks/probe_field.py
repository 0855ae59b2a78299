"""Run small programs with the bugs of public reports, and their mended twins, under `python -m runtime_probe --strict`.

    OMP_NUM_THREADS=1 python benchmarks/probe_field.py tests/field [OTHER_DIRECTORY ...]

A directory holds programs `NAME.py`, each with its twin `NAME_ok.py`. No option is given. A pair counts if both its
programs run here to the end and the buggy one trains, loads or seeds something: a program that only defines functions,
or wants data or a package that are not there, shows nothing at run time. Prints a Markdown table of
the pairs that count, then how many of the others there are and why.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import runpy
import signal
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIMIT = 120  # seconds for one program
ARGUMENTS = {"c11_no_set_epoch": ("--local_rank", "0")}  # without its own option this program makes no such sampler
VIOLATION = 3


@dataclass(frozen=True)
class Outcome:
    """What one program came to. `obstacle` says why it shows nothing, or is empty."""

    obstacle: str
    is_violation: bool = False
    words: str = ""


def prepare() -> None:
    """Import what every program wants: each then runs in a fork of this process."""
    sys.path.insert(0, str(ROOT))
    import torch

    from tests.torchvision_cpu import prepare_torchvision

    torch.set_num_threads(1)
    prepare_torchvision()


def run(program: Path, name: str, seconds: float = LIMIT) -> Outcome:
    """Run a program under the probe; one that ends with an error must do so without it too."""
    arguments = ARGUMENTS.get(name, ())
    with tempfile.TemporaryDirectory() as folder:
        report, errors = Path(folder, "report.json"), Path(folder, "errors.txt")
        watched = _in_fork(lambda: _probed([program, *arguments], report), Path(folder), errors, seconds)
        if watched is None:
            return Outcome("takes too long")
        if watched in (0, VIOLATION):
            return _outcome(json.loads(report.read_text()), watched)
        why = errors.read_text()
        plain = _in_fork(lambda: _plain([program, *arguments]), Path(folder), errors, seconds)
    if plain is None or plain == 0:
        raise RuntimeError(f"the probe ends {program}: {why}")
    return Outcome("wants a package" if "No module named" in why else "wants data")


def _probed(command: Sequence[str | Path], report: Path) -> None:
    from runtime_probe.command_line import main as run_probe

    sys.exit(run_probe(["--strict", "--output", str(report), *map(str, command)]))


def _plain(command: Sequence[str | Path]) -> None:
    sys.argv = list(map(str, command))
    sys.path.insert(0, str(Path(command[0]).parent))
    runpy.run_path(sys.argv[0], run_name="__main__")


def _in_fork(target: Callable[[], None], folder: Path, errors: Path, seconds: float) -> int | None:
    """What a fork of this process ends with, in a process group and a folder of its own; None: it takes too long."""

    def silently() -> None:
        os.setsid()
        os.chdir(folder)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream, file in ((0, nowhere), (1, nowhere), (2, os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC))):
            os.dup2(file, stream)
        target()

    process = multiprocessing.get_context("fork").Process(target=silently)
    process.start()
    process.join(seconds)
    if process.exitcode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid or 0, signal.SIGKILL)
        process.join()
        return None
    return process.exitcode


def _outcome(report: dict[str, object], code: int) -> Outcome:
    if not any(report[part] for part in ("findings", "series", "inputs", "loaders")):
        return Outcome("trains nothing", words="nothing to watch")
    return Outcome("", code == VIOLATION, str(report["headline"]).split(":")[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directories", nargs="+", type=Path)
    prepare()
    obstacles: dict[str, list[str]] = defaultdict(list)
    found = alarms = pairs = 0
    print("| program | bug | twin |\n|---|---|---|")
    for directory in parser.parse_args().directories:
        for twin_file in sorted(directory.resolve().glob("*_ok.py")):
            name = twin_file.stem.removesuffix("_ok")
            bug = run(twin_file.with_name(f"{name}.py"), name)
            twin = run(twin_file, name) if not bug.obstacle else bug
            obstacle = bug.obstacle or (twin.obstacle if not twin.words else "")
            if obstacle:
                obstacles[obstacle].append(name)
                continue
            pairs, found, alarms = pairs + 1, found + bug.is_violation, alarms + twin.is_violation
            missed, alarm = "" if bug.is_violation else " (missed)", " (alarm)" if twin.is_violation else ""
            print(f"| `{name}` | {bug.words}{missed} | {twin.words}{alarm} |", flush=True)
    print(f"\nOf {pairs} pairs that run here {found} bugs are violations, {alarms} twins are.")
    for obstacle, names in obstacles.items():
        print(f"{obstacle}, {len(names)}: {', '.join(names)}")


if __name__ == "__main__":
    main()
