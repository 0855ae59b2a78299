"""How long the language server takes to lint a file again after a key was pressed: `python benchmarks/server_speed.py`.

The file has 1,000 lines of this repository's trainer and its surroundings, and no finding, one, or five; it lies beside
the package that it imports. Each time something in it is different, as while typing: its last line, a number inside a
function, a call in the loop that trains, or one more line at the top, which moves everything below. Measured is the CPU
time of one lint in the server's process; fixes are made when they are asked for. `ast.parse` of the same text, in turn
with the lints, tells how fast the machine is just now.
"""

from __future__ import annotations

import argparse
import ast
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from jitlint.server.documents import Document, Session

TARGET = 30.0  # milliseconds
LINES = 1000
ROOT = Path(__file__).resolve().parent.parent
TRAINING = """\
def train_{0}(model, loader, optimizer, size):
    coord = make_grid(size)
{above}    for images, _ in loader:
{inside}        loss = F.mse_loss(model(images, coord), images)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


"""
JITTER = "coord = coord + torch.randn_like(coord) * 0.01\n"
FILES = ("train", "evaluate", "model", "runner", "store")
EDITS: dict[str, Callable[[str, int], str]] = {
    "the last line": lambda text, number: f"{text}x = {number}\n",
    "inside a function": lambda text, number: text.replace("TIMES = 1", f"TIMES = 1{number}"),
    "the step of the training": lambda text, number: text.replace(".backward()", f".backward(retain_graph={number})"),
    "a line more at the top": lambda text, number: "\n" * number + text,
}


def program(findings: int) -> str:
    """A script of 1,000 lines with so many findings; it ends where a function of the last file does."""
    text = "import torch\nimport torch.nn.functional as F\n\n\n"
    text += "def repeated(values):\n    TIMES = 1\n    return list(values) * TIMES\n\n\n"
    for number in range(findings):
        text += TRAINING.format(number, above=f"    {JITTER}", inside="")
    for name in FILES:
        source = (ROOT / "reference_model" / f"{name}.py").read_text(encoding="utf-8")
        text += source.replace("from __future__ import annotations\n", "")
    lines = text.split("\n")
    ends = (statement.end_lineno or 0 for statement in ast.parse(text).body)
    last = max(end for end in ends if end <= LINES)
    return "\n".join([*lines[:last], *["#"] * (LINES - last)]) + "\n"


def milliseconds(
    text: str, edit: Callable[[str, int], str], folder: Path, times: int, *, fixes: bool
) -> tuple[float, float, int]:
    """The CPU times of one lint while the text changes, and of `ast.parse` in turn with it; the number of findings.

    Lower quartiles: other work on the machine makes times longer, never shorter.
    """
    session = Session(str(folder))
    path = str(folder / "train.py")
    found = session.lint(Document(path, text.encode()), {}, fixes=fixes)
    taken, parsed = [], []
    for number in range(times):
        document = Document(path, edit(text, number + 1).encode())
        start = time.process_time()
        found = session.lint(document, {path: document.data}, fixes=fixes)
        between = time.process_time()
        ast.parse(document.data)
        taken.append((between - start) * 1000)
        parsed.append((time.process_time() - between) * 1000)
    return _quartile(taken), _quartile(parsed), len(found)


def _quartile(times: list[float]) -> float:
    return sorted(times)[len(times) // 4]


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20, help="changes of the file (default: 20)")
    options = parser.parse_args()
    print("| lines | findings | changed | CPU ms | | of `ast.parse` | with fixes |\n|--:|--:|---|--:|---|--:|--:|")
    with tempfile.TemporaryDirectory() as name:
        shutil.copytree(ROOT / "reference_model", Path(name, "reference_model"))
        os.chdir(name)  # as the server does
        for findings in (0, 1, 5):
            text = program(findings)
            for what, edit in EDITS.items():
                taken, parsed, found = milliseconds(text, edit, Path(name), options.times, fixes=False)
                asked, *_ = milliseconds(text, edit, Path(name), max(options.times // 4, 1), fixes=True)
                assert found == findings, f"{found} findings instead of {findings}"
                verdict = "ok" if taken <= TARGET else "too slow"
                row = f"{findings} | {what} | {taken:.1f} | {verdict} | {taken / parsed:.1f} | {asked:.1f}"
                print(f"| {LINES:,} | {row} |", flush=True)


if __name__ == "__main__":
    main()
