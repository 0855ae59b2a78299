"""How long the language server takes to lint a file again after a key was pressed: `python benchmarks/server_speed.py`.

The file has 1,000 lines of this repository's trainer and its surroundings, and no finding, one, or five. Each time its
last line is different, as while typing. Measured is the CPU time of one lint in the server's process; fixes are made
when they are asked for. `ast.parse` of the same text tells how fast the machine is just now.
"""

from __future__ import annotations

import argparse
import ast
import statistics
import tempfile
import time
from pathlib import Path

from jitlint.server.documents import Document, Session

TARGET = 30.0  # milliseconds
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


def program(lines: int, findings: int) -> str:
    """A script of so many lines with so many findings."""
    text = "import torch\nimport torch.nn.functional as F\n\n\n"
    for number in range(findings):
        text += TRAINING.format(number, above=f"    {JITTER}", inside="")
    for name in ("train", "evaluate", "model", "runner", "store"):
        text += (
            (ROOT / "reference_model" / f"{name}.py")
            .read_text(encoding="utf-8")
            .replace("from __future__ import annotations\n", "")
        )
    return "\n".join(text.split("\n")[:lines]) + "\n"


def milliseconds(text: str, folder: Path, times: int, *, fixes: bool) -> tuple[float, int]:
    """The median CPU time of one lint while the last line changes, and how many findings there are."""
    session = Session(str(folder))
    path = str(folder / "train.py")
    found = session.lint(Document(path, text.encode()), {}, fixes=fixes)
    taken = []
    for number in range(times):
        document = Document(path, f"{text}x = {number}\n".encode())
        start = time.process_time()
        found = session.lint(document, {path: document.data}, fixes=fixes)
        taken.append((time.process_time() - start) * 1000)
    return statistics.median(taken), len(found)


def parse_time(text: str) -> float:
    """The median CPU time of `ast.parse`, in milliseconds."""
    taken = []
    for _ in range(20):
        start = time.process_time()
        ast.parse(text)
        taken.append((time.process_time() - start) * 1000)
    return statistics.median(taken)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20, help="changes of the file (default: 20)")
    options = parser.parse_args()
    print("| lines | findings | CPU ms | | with fixes | ast.parse |\n|--:|--:|--:|---|--:|--:|")
    with tempfile.TemporaryDirectory() as name:
        for findings in (0, 1, 5):
            text = program(1000, findings)
            taken, found = milliseconds(text, Path(name), options.times, fixes=False)
            asked, _ = milliseconds(text, Path(name), options.times, fixes=True)
            assert found == findings, f"{found} findings instead of {findings}"
            verdict = "ok" if taken <= TARGET else "too slow"
            print(f"| 1,000 | {findings} | {taken:.1f} | {verdict} | {asked:.1f} | {parse_time(text):.1f} |")


if __name__ == "__main__":
    main()
