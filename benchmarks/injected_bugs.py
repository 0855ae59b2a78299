"""Plant mistakes in real training files and count how many the linter finds.

    python benchmarks/injected_bugs.py DIR [DIR ...] [--files 400] [--each 3] [--misses FILE]

`planted_bugs.py` has the mistakes. The folders' Python files are copied, and each mistake is written into the copy
and linted there as `jitlint FILE` would, so what a file imports is read too. A mistake is found if one of the rules
it belongs to has a new finding at medium confidence or higher; an alarm is such a finding in the program without the
mistake. The files are read, never run. `--each` bounds how often one file gives one kind; `--misses` writes where
the missed ones are.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from planted_bugs import Planted, mistakes

from jitlint.api import lint_paths
from jitlint.config import Settings
from jitlint.diagnostic import Confidence

TRAINS = re.compile(r"\.backward\(|random\.split\(")


def findings(text: str, path: Path) -> Counter[str]:
    """How many findings a file has with another text, by code and confidence, those of low confidence too."""
    own = path.read_bytes()
    path.write_text(text)
    try:
        report = lint_paths([path], Settings(root=path.parent, confidence=Confidence.LOW))
    finally:
        path.write_bytes(own)
    if report.problems:
        raise RuntimeError(report.problems)
    return Counter(f"{item.code} {item.confidence.label}" for item in report.diagnostics)


def outcome(case: Planted, before: Counter[str], after: Counter[str]) -> str:
    """How sure the linter is of a mistake: the highest confidence that got a finding more."""
    for label in ("high", "medium", "low"):
        if any(after[f"{code} {label}"] > before[f"{code} {label}"] for code in case.codes):
            return label
    return "missed"


def training_files(folders: list[Path], limit: int) -> Iterator[tuple[Path, str]]:
    """Python files that train, in a fixed random order."""
    files = sorted(path for folder in folders for path in folder.rglob("*.py") if path.is_file())
    random.Random(1).shuffle(files)
    for path in files:
        text = path.read_text(errors="replace").replace("\r\n", "\n")
        if limit > 0 and "\t" not in text and TRAINS.search(text):
            limit -= 1
            yield path, text


def copied(folders: list[Path], target: Path) -> list[Path]:
    """Copies of the Python files of folders, in folders of their own."""
    copies = [target / str(number) / folder.resolve().name for number, folder in enumerate(folders)]
    for folder, copy in zip(folders, copies, strict=True):
        for path in (path for path in folder.rglob("*.py") if path.is_file()):
            place = copy / path.relative_to(folder)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
    return copies


def main() -> None:
    """Print a table."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("folders", nargs="+", type=Path)
    ask.add_argument("--files", type=int, default=400)
    ask.add_argument("--each", type=int, default=3)
    ask.add_argument("--misses", type=Path)
    options = ask.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as target:
        count(training_files(copied(options.folders, Path(target)), options.files), options.each, options.misses)


def count(files: Iterator[tuple[Path, str]], each: int, misses_file: Path | None) -> None:
    """Plant every mistake, and print how many were found."""
    table: dict[str, Counter[str]] = {}
    misses: list[str] = []
    seen = 0
    for path, text in files:
        try:
            cases = list(mistakes(text))
        except (SyntaxError, ValueError, RecursionError):
            continue
        seen += 1
        known: dict[str, Counter[str]] = {}
        given: Counter[str] = Counter()
        for case in cases:
            given[case.kind] += 1
            if given[case.kind] > each:
                continue
            if case.original not in known:
                known[case.original] = findings(case.original, path)
            before, after = known[case.original], findings(case.text, path)
            counts = table.setdefault(case.kind, Counter())
            how = outcome(case, before, after)
            counts[how] += 1
            counts["alarms"] += any(before[f"{code} {label}"] for code in case.codes for label in ("high", "medium"))
            if how in ("low", "missed"):
                misses.append(f"{how}\t{case.kind}\t{given[case.kind]}\t{path}")
    columns = ("high", "medium", "low", "missed", "alarms")
    print(f"{seen} files\n\n| planted | programs | {' | '.join(columns)} | found |\n|---|{'---|' * 7}")
    for kind, counts in sorted(table.items()):
        print(row(kind, counts, columns))
    print(row("all", sum(table.values(), Counter()), columns))
    if misses_file:
        misses_file.write_text("\n".join(sorted(misses)) + "\n")


def row(kind: str, counts: Counter[str], columns: tuple[str, ...]) -> str:
    """One line of the table; an alarm is in the program without the mistake."""
    programs = counts.total() - counts["alarms"]
    found = (counts["high"] + counts["medium"]) / programs
    return f"| {kind} | {programs} | {' | '.join(str(counts[c]) for c in columns)} | {found:.2f} |"


if __name__ == "__main__":
    main()
