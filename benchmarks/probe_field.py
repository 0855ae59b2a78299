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
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIMIT = 120  # seconds for one program
PRELUDE = "from tests.torchvision_cpu import prepare_torchvision; prepare_torchvision()\nimport runpy, sys\n"
ARGUMENTS = {"c11_no_set_epoch": ("--local_rank", "0")}  # without its own option this program makes no such sampler
VIOLATION = 3


@dataclass(frozen=True)
class Outcome:
    """What one program came to. `obstacle` says why it shows nothing, or is empty."""

    obstacle: str
    is_violation: bool = False
    words: str = ""


def run(program: Path, name: str) -> Outcome:
    """Run a program under the probe; one that ends with an error must do so without it too."""
    arguments = ARGUMENTS.get(name, ())
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = ["runtime_probe", "--strict", "--output", str(report), str(program), *arguments]
        start = f"sys.argv = {command!r}\nrunpy.run_module('runtime_probe', run_name='__main__')"
        watched = _python(f"{PRELUDE}{start}", folder)
        if watched is None:
            return Outcome("takes too long")
        if watched.returncode in (0, VIOLATION):
            return _outcome(json.loads(report.read_text()), watched.returncode)
        script = f"sys.argv = {[str(program), *arguments]!r}\nsys.path[0] = {str(program.parent)!r}\n"
        plain = _python(f"{PRELUDE}{script}runpy.run_path({str(program)!r}, run_name='__main__')", folder)
    if plain is None or plain.returncode == 0:
        raise RuntimeError(f"the probe ends {program}: {watched.stderr}")
    return Outcome("wants a package" if "No module named" in plain.stderr else "wants data")


def _outcome(report: dict[str, object], code: int) -> Outcome:
    if not any(report[part] for part in ("findings", "series", "inputs", "loaders")):
        return Outcome("trains nothing", words="nothing to watch")
    return Outcome("", code == VIOLATION, str(report["headline"]).split(":")[0])


def _python(code: str, folder: str) -> subprocess.CompletedProcess[str] | None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command: Sequence[str] = [sys.executable, "-c", code]
    try:
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directories", nargs="+", type=Path)
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
