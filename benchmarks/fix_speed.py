"""What fixes cost: one file of 504 lines with and without a shown fix, many copies of a file with a finding, and one
function with ever more findings.

    python benchmarks/fix_speed.py [--runs 5] [--most 1000]

The report is Markdown on standard output.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from pathlib import Path

from measure import Command, Cost, interleaved

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
LINES = 504
COPIES = (10, 40, 160)
LOOPS = (64, 250, 1000)
CALLS = (100, 400)
FILLER = "\n\ndef helper_{number}(a, b):\n    c = a + b\n    for k in range(a):\n        c += k * b\n    return c\n"


def jitlint(folder: Path, *options: str) -> Command:
    """A run over a folder, without a cache and in one process."""
    command = (sys.executable, "-m", "jitlint", "--isolated", "--no-cache", "--jobs", "1", "--quiet", *options, ".")
    return Command(command, folder)


def filled(program: Path) -> str:
    """The program, and functions that are of no interest, up to the number of lines."""
    text = program.read_text()
    number = 0
    while text.count("\n") + FILLER.count("\n") <= LINES:
        text += FILLER.format(number=number)
        number += 1
    return text + "# the end\n" * (LINES - text.count("\n"))


def copies(count: int, folder: Path) -> tuple[Path, Path]:
    """A folder with that many copies of a file of 99 lines, and one with a file of all of them."""
    text = (EXAMPLES / "augmentation" / "buggy.py").read_text()
    apart, together = folder / f"{count}_files", folder / f"{count}_in_one"
    for place in (apart, together):
        place.mkdir()
    body = text.replace("from __future__ import annotations\n", "")
    for number in range(count):
        (apart / f"train_{number}.py").write_text(text)
        renamed = re.sub(r"^(def|class) ", rf"\1 n{number}_", body, flags=re.MULTILINE)
        with (together / "train.py").open("a") as file:
            file.write(renamed)
    return apart, together


def loops(count: int) -> str:
    """A function with that many training loops, each with a draw above it."""
    return "import torch\n\n\ndef train(model, loader, opt):\n" + "".join(
        f"    n{number} = torch.randn(3)\n    for b in loader:\n        loss = model(b + n{number})\n"
        "        loss.backward()\n        opt.step()\n"
        for number in range(count)
    )


def commented_calls(count: int) -> str:
    """A function with that many calls of an augmentation in comments."""
    lines = "".join(f"        # b = augment(b, {number})\n        b = b.cuda()\n" for number in range(count))
    head = "import torch\n\n\ndef augment(b, i):\n    return b + i * torch.randn(3)\n\n\n"
    tail = "        model(b).backward()\n        opt.step()\n"
    return f"{head}def train(model, loader, opt):\n    for b in loader:\n{lines}{tail}"


def one_function(folder: Path, runs: int, most: int) -> None:
    """Print what one function with more and more findings costs."""
    print("\nOne function with more and more findings:\n")
    print("| | findings | lines | CPU s | ms a finding |\n|---|--:|--:|--:|--:|")
    for what, write, counts in (("training loops", loops, LOOPS), ("commented calls", commented_calls, CALLS)):
        for count in (count for count in counts if count <= most):
            text = write(count)
            place = folder / f"{write.__name__}_{count}"
            place.mkdir()
            (place / "train.py").write_text(text)
            cost = interleaved({"": jitlint(place, "--format", "concise")}, runs)[""]
            lines = text.count("\n")
            print(f"| {what} | {count} | {lines:,} | {cost.cpu:.2f} | {1000 * cost.cpu / count:.0f} |", flush=True)


def one_file(folder: Path, runs: int) -> dict[str, Cost]:
    """The costs of one file."""
    for name in ("correct", "buggy"):
        (folder / name).mkdir()
        (folder / name / "train.py").write_text(filled(EXAMPLES / "coordinates" / f"{name}.py"))
    import_copy = folder / "import"
    import_copy.mkdir()
    (import_copy / "train.py").write_text(filled(EXAMPLES / "augmentation" / "buggy.py"))
    return interleaved(
        {
            "clean file": jitlint(folder / "correct"),
            "a finding, in a format without fixes": jitlint(folder / "buggy", "--format", "github"),
            "a finding, with its fix shown": jitlint(folder / "buggy", "--format", "full"),
            "a fix that adds an import": jitlint(import_copy, "--format", "full"),
        },
        runs,
    )


def main() -> None:
    """Print the tables."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--runs", type=int, default=5)
    ask.add_argument("--most", type=int, default=1000, help="findings in one function")
    options = ask.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"One file of {LINES} lines:\n\n| | CPU s | peak MiB |\n|---|--:|--:|")
        for what, cost in one_file(folder, options.runs).items():
            print(f"| {what} | {cost.cpu:.2f} | {cost.peak_mib:.0f} |")
        print("\nCopies of a file of 99 lines with a finding and a fix:\n")
        print("| copies | lines | CPU s, as files | CPU s, in one file |\n|--:|--:|--:|--:|")
        for count in COPIES:
            apart, together = copies(count, folder)
            options_shown = ("--format", "concise")
            commands = {"apart": jitlint(apart, *options_shown), "together": jitlint(together, *options_shown)}
            costs = interleaved(commands, max(options.runs // 2, 1))
            print(f"| {count} | {99 * count:,} | {costs['apart'].cpu:.2f} | {costs['together'].cpu:.2f} |", flush=True)
        one_function(folder, max(options.runs // 2, 1), options.most)


if __name__ == "__main__":
    main()
