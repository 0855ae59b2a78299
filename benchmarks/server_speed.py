"""How long the language server takes to lint a file again after a key was pressed: `python benchmarks/server_speed.py`.

The file is a training script of 1,000 lines with no finding, one, or five. Each time one line is different, as while
typing; the time is that of linting and of making the protocol's diagnostics, in the server's process.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from jitlint.server.documents import Document, Session

TARGET = 30.0  # milliseconds
HELPER = """\
def block_{0}(x, width={0}):
    \"\"\"A layer of the network.\"\"\"
    hidden = torch.relu(x @ weights[{0}] + bias[{0}])
    for step in range(width):
        hidden = hidden + residual(hidden, step) * 0.5
    return hidden.mean(dim=-1)


"""
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
    for number in range(max(findings, 5)):
        above, inside = ("    " + JITTER, "") if number < findings else ("", "        x = torch.randn(3)\n")
        text += TRAINING.format(number, above=above, inside=inside)
    number = 0
    while text.count("\n") < lines:
        text += HELPER.format(number)
        number += 1
    return text


def milliseconds(text: str, folder: Path, times: int) -> tuple[float, int]:
    """The median time of one lint while the last line changes, and how many findings there are."""
    session = Session(str(folder))
    path = str(folder / "train.py")
    found = session.lint(Document(path, text.encode()), {})
    taken = []
    for number in range(times):
        document = Document(path, f"{text}x = {number}\n".encode())
        start = time.perf_counter()
        found = session.lint(document, {path: document.data})
        taken.append((time.perf_counter() - start) * 1000)
    return statistics.median(taken), len(found)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20)
    options = parser.parse_args()
    print("| lines | findings | ms | |\n|--:|--:|--:|---|")
    with tempfile.TemporaryDirectory() as name:
        for findings in (0, 1, 5):
            taken, found = milliseconds(program(1000, findings), Path(name), options.times)
            assert found == findings, f"{found} findings instead of {findings}"
            print(f"| 1,000 | {findings} | {taken:.1f} | {'ok' if taken <= TARGET else 'too slow'} |")


if __name__ == "__main__":
    main()
