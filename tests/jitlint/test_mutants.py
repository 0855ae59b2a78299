"""Every mistake put into a correct program is found, and mending a hoisted augmentation gives the program back."""

from __future__ import annotations

import ast
import io
import json
from collections import Counter
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from jitlint.api import lint_text
from jitlint.cache import Cache
from jitlint.config import Settings
from jitlint.diagnostic import Applicability, Diagnostic
from jitlint.engine import Run
from jitlint.files import File
from jitlint.fixing import fix
from jitlint.workers import Workers
from tests.mutators import Mutant, mutants
from tests.torchvision_cpu import prepare_torchvision

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = sorted((ROOT / "tests" / "fixtures" / "correct").glob("*.py"))
PROGRAMS = [*FIXTURES, *sorted((ROOT / "examples").glob("*/correct.py"))]
KINDS = {"hoist", "comment_out", "reseed", "discard", "bind_unread", "accumulate", "freeze"}
MUTANTS = [
    pytest.param(mutant, id=f"{path.parent.name}/{path.stem}-{mutant}")
    for path in PROGRAMS
    for mutant in mutants(path.read_text())
]
HOISTED = [param for param in MUTANTS if param.values[0].kind == "hoist"]


def findings(text: str, path: str = "train.py") -> tuple[Diagnostic, ...]:
    return lint_text(text, path, Settings()).diagnostics


def mended(text: str | bytes, unsafe: bool = False, path: str = "train.py") -> bytes:
    """The program after `--fix`."""
    data = text.encode() if isinstance(text, str) else text
    run = Run(Settings(), Cache(), Workers(1), "/", {f"/{path}": data})
    return fix([File(path, f"/{path}", True)], run, unsafe=unsafe).changed.get(f"/{path}", data)


def shape(text: str) -> Counter[str]:
    """The statements of a program with the blocks they are in, whatever their order within a block."""
    found: Counter[str] = Counter()

    def visit(node: ast.AST, place: str) -> None:
        for field, value in ast.iter_fields(node):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.stmt):
                    simple = not hasattr(child, "body")
                    found[f"{place}.{field}: {ast.dump(child) if simple else type(child).__name__}"] += 1
                if isinstance(child, ast.AST):
                    visit(child, f"{place}.{field}" if isinstance(child, ast.stmt) else place)

    visit(ast.parse(text), "")
    return found


def require_imports(text: str) -> None:
    """Skip where a library that the program imports is not installed."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            name = getattr(node, "module", None) or node.names[0].name
            if name.startswith("torchvision"):
                prepare_torchvision()
            pytest.importorskip(name.partition(".")[0])


def as_notebook(text: str) -> bytes:
    """A percent script as a notebook."""
    cells = []
    for part in text.split("# %%")[1:]:
        title, _, body = part.partition("\n")
        kind = "markdown" if "markdown" in title else "code"
        code = body.strip("\n").splitlines(keepends=True)
        outputs = {"outputs": [], "execution_count": None} if kind == "code" else {}
        cells.append({"cell_type": kind, "id": f"c{len(cells)}", "metadata": {}, "source": code, **outputs})
    return (json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n").encode()


def test_the_mutator_makes_every_kind() -> None:
    assert {param.values[0].kind for param in MUTANTS} == KINDS
    assert len(HOISTED) >= 10


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_correct_programs_are_clean(path: Path) -> None:
    assert findings(path.read_text()) == ()


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_correct_programs_and_their_mutants_run(path: Path) -> None:
    text = path.read_text()
    require_imports(text)
    for program in (text, *(mutant.text for mutant in mutants(text))):
        with redirect_stdout(io.StringIO()):
            exec(compile(program, str(path), "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize("mutant", MUTANTS)
def test_every_mutant_is_found(mutant: Mutant) -> None:
    found = findings(mutant.text)
    assert any(item.code in mutant.codes for item in found), (mutant.codes, mutant.text, found)


@pytest.mark.parametrize("mutant", HOISTED)
def test_mending_a_hoisted_augmentation_gives_the_program_back(mutant: Mutant) -> None:
    fixed = mended(mutant.text).decode()
    if mutant.is_exact:
        assert ast.dump(ast.parse(fixed)) == ast.dump(ast.parse(mutant.original))
    assert shape(fixed) == shape(mutant.original)
    assert findings(fixed) == ()


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_second_fix_changes_nothing(mutant: Mutant) -> None:
    fixed = mended(mutant.text, unsafe=True)
    assert mended(fixed, unsafe=True) == fixed


def test_mending_a_notebook_gives_the_notebook_back() -> None:
    text = (ROOT / "tests" / "fixtures" / "correct" / "cells.py").read_text()
    (hoisted,) = (mutant for mutant in mutants(text) if mutant.kind == "hoist")
    assert mended(as_notebook(hoisted.text), path="train.ipynb") == as_notebook(text)


def test_a_seed_in_a_function_that_is_called_for_every_epoch_has_no_safe_fix() -> None:
    text = """
import torch
def train_epoch(model, loader, opt):
    for images, labels in loader:
        torch.manual_seed(0)
        loss = criterion(model(images + torch.randn_like(images)), labels)
        loss.backward()
        opt.step()
"""
    (found,) = findings(text)
    assert found.fix is not None and found.fix.applicability is Applicability.UNSAFE
    (nested,) = findings(text.replace("train_epoch(", "train("))
    assert nested.fix is not None and nested.fix.applicability is Applicability.SAFE
