"""The programs of the document that the project comes from, as files and as one notebook."""

from __future__ import annotations

import ast
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from jitlint.cli import main

SEED = Path(__file__).parents[1] / "fixtures" / "seed"


def findings(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    """What the command line says in JSON; exit 2 fails."""
    status = main([*arguments, "--format", "json", "--no-cache"])
    assert status in (0, 1)
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    assert bool(found) == (status == 1)
    return found


def program(name: str, folder: Path) -> Path:
    """A copy of a program in a project of its own."""
    return Path(shutil.copy(SEED / name, folder / name))


def roles(finding: dict[str, Any]) -> dict[str, int]:
    return {trace["role"]: trace["line"] for trace in finding["evidence"]}


def line_of(path: Path, words: str) -> int:
    return next(number for number, line in enumerate(path.read_text().splitlines(), 1) if words in line)


def test_commented_out_is_one_story(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = program("commented_out.py", tmp_path)
    found = findings(capsys, str(path))
    assert [item["code"] for item in found] == ["JIT202", "JIT201"]
    definition, comment = line_of(path, "def add_gaussian"), line_of(path, "COMMENTED OUT")
    unused, commented = found
    assert unused["line"] == definition and commented["line"] == comment
    assert comment in roles(unused).values() and definition in roles(commented).values()
    assert commented["confidence"] == "high"


@pytest.mark.parametrize("name", ["hoisted.py", "fragment.py"])
def test_hoisted_jitter_shows_draw_loop_and_consumer(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = SEED / name
    (found,) = findings(capsys, str(path))
    assert (found["code"], found["confidence"]) == ("JIT101", "high")
    assert found["message"].startswith("the same noise reaches the model in every batch of the epoch")
    assert roles(found) == {
        "draw": line_of(path, "coord = add_gaussian"),
        "loop": line_of(path, "for images"),
        "consumer": line_of(path, "pred = model"),
    }


def test_the_corrected_loop_is_clean(capsys: pytest.CaptureFixture[str]) -> None:
    assert findings(capsys, str(SEED / "corrected.py"), "--confidence", "low") == []


def test_the_fix_is_the_one_the_document_gives(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fixed = tmp_path / "fragment.py"
    text = (SEED / "fragment.py").read_text().replace("coord_batch", "coord")
    fixed.write_text(text)
    assert main([str(fixed), "--fix", "--no-cache"]) == 0
    expected = ast.parse((SEED / "corrected.py").read_text())
    assert ast.dump(ast.parse(fixed.read_text())) == ast.dump(expected)
    before = fixed.read_bytes()
    assert main([str(fixed), "--fix", "--no-cache"]) == 0
    assert fixed.read_bytes() == before


def test_one_notebook_tells_all_three(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cells = [(SEED / name).read_text() for name in ("commented_out.py", "fragment.py", "corrected.py")]
    path = tmp_path / "seed.ipynb"
    path.write_text(json.dumps(notebook(cells), indent=1))
    found = [(item["code"], item["cell"], item["line"]) for item in findings(capsys, str(path))]
    # The third cell calls a function of the method's name, so nothing proves that the method is unused.
    assert found == [("JIT201", 2, 16), ("JIT101", 3, 5)]


def test_the_commented_out_method_in_a_notebook_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "trainer.ipynb"
    path.write_text(json.dumps(notebook([(SEED / "commented_out.py").read_text()])))
    found = [(item["code"], item["cell"], item["line"]) for item in findings(capsys, str(path))]
    assert found == [("JIT202", 2, 9), ("JIT201", 2, 16)]


def test_jitter_in_one_cell_and_the_loop_in_the_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head, loop = (SEED / "fragment.py").read_text().split("pbar", 1)
    path = tmp_path / "cells.ipynb"
    path.write_text(json.dumps(notebook([head, "pbar" + loop])))
    (found,) = findings(capsys, str(path))
    places = {trace["role"]: trace["cell"] for trace in found["evidence"]}
    assert places == {"draw": 2, "loop": 3, "consumer": 3}


def test_the_programs_are_never_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The fixtures import nothing that exists under these names; linting a copy that would raise is silent."""
    path = tmp_path / "corrected.py"
    shutil.copy(SEED / "corrected.py", path)
    path.write_text("raise SystemExit('run')\n" + path.read_text())
    assert findings(capsys, str(path)) == []


def notebook(cells: list[str]) -> dict[str, Any]:
    """A version 4 notebook with a heading and these code cells."""
    code = [
        {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": text.splitlines(True)}
        for text in cells
    ]
    heading = {"cell_type": "markdown", "metadata": {}, "source": ["# Jitter\n"]}
    return {"cells": [heading, *code], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
