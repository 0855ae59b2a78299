"""A notebook's finding keeps its place where people work: GitHub, GitLab, SARIF, VS Code; and marimo's cells."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from jitlint.marimo import joined
from jitlint.report.notebook_lines import line_in_file
from tests.jitlint.command_line import HOISTED, Shell

ROOT = Path(__file__).resolve().parents[2]
MATCHER = ROOT / "editors" / "github-problem-matcher.json"

CELLS = ['import torch\n\nx = \'"cells": [{"\'\n', "# é\ny = 1", "", "print('\\\\')\n\n\nz = 2\n"]


def notebook(split: bool, indent: int | None, old: bool = False) -> bytes:
    """The cells behind one of text, in the ways in which tools write them."""
    key = "input" if old else "source"
    written = [
        {
            "cell_type": "code",
            "metadata": {"cells": {"source": "no cell"}},
            "outputs": [{"text": ["a\n", "b"]}],
            key: source,
        }
        for source in ([cell.splitlines(keepends=True) for cell in CELLS] if split else CELLS)
    ]
    cells = [{"cell_type": "markdown", "source": ["# Title\n", "text"]}, *written]
    document = {"worksheets": [{"cells": cells}], "nbformat": 3} if old else {"cells": cells, "nbformat": 4}
    return json.dumps(document, indent=indent, ensure_ascii=False).encode()


@pytest.mark.parametrize("indent", [1, 4, None])
@pytest.mark.parametrize("old", [False, True])
def test_every_line_of_a_cell_is_found_in_the_file(indent: int | None, old: bool) -> None:
    data = notebook(True, indent, old)
    lines = data.decode().split("\n")
    for cell, text in enumerate(CELLS, start=2):
        for number, line in enumerate(text.splitlines(), start=1):
            assert json.dumps(line, ensure_ascii=False)[1:-1] in lines[line_in_file(data, cell, number) - 1]


def test_a_cell_in_one_string_is_where_the_string_is() -> None:
    data = notebook(False, 1)
    lines = data.decode().split("\n")
    assert "z = 2" in lines[line_in_file(data, 5, 4) - 1]
    assert line_in_file(data, 5, 4) == line_in_file(data, 5, 1)


@pytest.mark.parametrize("data", [b"", b"[", b"\xff", b'{"cells": [', b'{"cells": [{"source": ["a'])
def test_what_is_no_notebook_has_a_first_line(data: bytes) -> None:
    assert line_in_file(data, 1, 1) == 1


def test_a_long_output_takes_linear_time() -> None:
    """4 MB in one string, as pictures are written."""
    data = json.dumps({"cells": [{"outputs": [{"png": "\\\\" * 1_000_000}], "source": ["x\n", "y"]}]}).encode()
    assert line_in_file(data, 1, 2) == 1


@pytest.mark.parametrize("place", ["train.py:5:13", "nb.ipynb:cell 2:5:13"])
def test_the_problem_matcher_keeps_file_line_and_code(shell: Shell, place: str) -> None:
    shell.write("train.py", HOISTED)
    cells = [{"cell_type": "markdown", "source": ["text"]}, {"cell_type": "code", "source": HOISTED}]
    shell.write("nb.ipynb", json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    pattern = json.loads(MATCHER.read_text())["problemMatcher"][0]["pattern"][0]
    (line,) = [line for line in shell.run("--format", "concise").lines if line.startswith(place)]
    found = re.search(pattern["regexp"], line)
    assert found is not None
    told = {key: found[pattern[key]] for key in ("file", "line", "column", "code")}
    assert told == {"file": place.partition(":")[0], "line": "5", "column": "13", "code": "JIT102"}


# ------------------------------------------------------------------------------------------------ marimo

MARIMO = """\
import marimo

app = marimo.App(width="medium")


@app.cell
def _():
    import torch
    from torch.utils.data import DataLoader
    return DataLoader, torch


@app.cell(hide_code=True)
def _(torch):
    noise = torch.randn(3, 32, 32) * 0.1
    return (
        noise,
    )


@app.cell
async def train(
    DataLoader,
    data, model, noise, opt,
):
    for images, _ in DataLoader(data):
        def scale(x):
            return x * 2
        {0}
        loss = model(scale(images) + noise).mean()
        loss.backward()
        opt.step()
    return


if __name__ == "__main__":
    app.run()
"""


def test_marimo_cells_are_one_module(shell: Shell) -> None:
    shell.write("nb.py", MARIMO.format("pass"))
    (line,) = shell.run().lines
    assert line.startswith("nb.py:15:13: JIT102 the same draw is used in every batch of the epoch")
    shell.write("nb.py", MARIMO.format("noise = torch.randn(3, 32, 32) * 0.1"))
    assert shell.run().code == 0


def test_marimo_keeps_every_other_character_in_its_place() -> None:
    text = MARIMO.format("pass")
    module = joined(text)
    assert len(module) == len(text)
    compile(module, "nb.py", "exec")
    differs = {a for a, b in zip(text.split("\n"), module.split("\n"), strict=True) if a != b}
    assert {"    import torch", "            return x * 2", "        loss.backward()"} & differs == set()


def test_marimo_suppressions_are_written_where_they_belong(shell: Shell) -> None:
    path = shell.write("nb.py", MARIMO.format("pass"))
    assert shell.run("--add-ignore", "as in the paper").code == 0
    line = "    noise = torch.randn(3, 32, 32) * 0.1"
    assert path.read_text() == MARIMO.format("pass").replace(line, f"{line}  # jitlint: ignore[JIT102] as in the paper")


def test_a_file_that_only_speaks_of_marimo_is_read_as_it_is(shell: Shell) -> None:
    shell.write("train.py", f'"""\n@app.cell\n"""\n{HOISTED}')
    assert len(shell.run().lines) == 1
