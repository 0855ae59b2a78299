"""Typing: after each change of an open document, the server says what a lint of the whole text from nothing says."""

from __future__ import annotations

import ast
import gc
import random
import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from jitlint.api import lint_text
from jitlint.config import Settings, parse_confidence
from jitlint.diagnostic import Diagnostic
from jitlint.files import File
from jitlint.parts import Task, lint_part
from jitlint.semantics.builder.module import Builder, build_module
from jitlint.semantics.pieces import KeptPieces
from jitlint.server.documents import Document, Session
from jitlint.source import load_source

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
PROGRAMS = sorted(EXAMPLES.glob("*/*.py"))
LOWEST = parse_confidence("low", "confidence")
NESTED = """\
import torch


def draws():
    return torch.rand(3)


def outer(x, noise=torch.randn(3)):
    import numpy as np

    class Inner:
        def draw(self):
            return np.random.rand(3)

    def inner(y):
        '''A long

        string.'''
        return y + noise
    return inner(x) + Inner().draw()


def outer(x):
    def inner(y):
        return y
    return inner(x)


__all__ = ["outer"]


class Outer:
    @property

    def value(self):
        return torch.randn(3)
"""


def edited(text: str, chance: random.Random) -> str:
    """The text after something that a person does while typing."""
    lines = text.split("\n")
    number = chance.randrange(len(lines))
    line = lines[number]
    indent = line[: len(line) - len(line.lstrip())]
    match chance.randrange(9):
        case 0:
            lines[number] = line.replace("0", "1") if "0" in line else line + "  # 0"
        case 1:
            lines.insert(number, "")
        case 2:
            lines.insert(number, indent + "noise = torch.randn(3)")
        case 3:
            del lines[number]
        case 4:
            lines[number] = indent + "# " + line.lstrip()
        case 5:
            lines.insert(number, lines[chance.randrange(len(lines))])
        case 6:
            lines[number] = line[: chance.randrange(len(line) + 1)]
        case 7:
            lines.insert(number, '"""')
        case _:
            lines[number] = line.replace("torch", "np", 1).replace("self.", "", 1)
    return "\n".join(lines)


def without_fix(found: Sequence[Diagnostic]) -> list[Diagnostic]:
    return [replace(item, fix=None) for item in found]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_edit_gives_what_a_cold_lint_gives(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    chance = random.Random(program.parent.name)
    session = Session(str(tmp_path))
    session.reload({"confidence": "low"})
    settings = replace(Settings(), confidence=LOWEST)
    path, text = str(tmp_path / "train.py"), program.read_text(encoding="utf-8")
    for _ in range(8):
        data = text.encode()
        found = session.lint(Document(path, data), {path: data})
        report = lint_text(text, path, settings)
        assert without_fix(found) == without_fix(report.diagnostics), text
        assert not report.problems, text
        text = edited(text, chance)


def test_kept_pieces_give_the_same_model() -> None:
    """Also where functions nest, are defined twice or import, and where a piece cannot be parsed by itself."""
    chance = random.Random(7)
    kept, built = KeptPieces(), 0
    for _ in range(3):
        text = NESTED
        for _ in range(120):
            source = load_source("train.py", text.encode())
            try:
                ast.parse(text)
            except SyntaxError as error:
                with pytest.raises(SyntaxError, match=re.escape(str(error))):
                    build_module(source, kept=kept)
                text = NESTED
                continue
            built += 1
            assert asdict(build_module(source, kept=kept)) == asdict(build_module(source))
            text = edited(text, chance)
    assert built > 100, "most edits leave a program"


def test_an_unchanged_function_is_not_built_again() -> None:
    kept = KeptPieces()
    models = [
        build_module(load_source("train.py", NESTED.replace("rand(3)", f"rand({number})").encode()), kept=kept)
        for number in range(2)
    ]
    first, second = (model.scopes for model in models)
    assert second["Outer.value"] is first["Outer.value"]
    assert second["draws"] is not first["draws"]


def test_a_function_that_moves_is_not_built_again(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, source = KeptPieces(), load_source("train.py", NESTED.encode())
    build_module(source, kept=kept)
    built: list[str] = []
    build = Builder._function
    monkeypatch.setattr(Builder, "_function", lambda self, item: (built.append(item.qualname), build(self, item)))
    below = load_source("train.py", f"\n\n{NESTED}".encode())
    model = build_module(below, kept=kept)
    assert not {"draws", "Outer.value"} & set(built)
    assert asdict(model) == asdict(build_module(below))


def test_a_text_that_cannot_be_parsed_leaves_what_is_kept() -> None:
    kept, source = KeptPieces(), load_source("train.py", NESTED.encode())
    first = build_module(source, kept=kept).scopes
    with pytest.raises(SyntaxError):
        build_module(load_source("train.py", NESTED.replace("rand(3)", "rand(").encode()), kept=kept)
    second = build_module(source, kept=kept).scopes
    assert second["Outer.value"] is first["Outer.value"]
    assert second["draws"] is first["draws"]


def test_what_is_kept_does_not_grow_with_a_text_that_cannot_be_cut() -> None:
    text = 'text = """\n\ndef no_function(\n"""\n\n\ndef draws(x):\n    return torch.rand(x)\n'
    kept = KeptPieces()
    for number in range(3):
        build_module(load_source("train.py", f"{text}# {number}\n".encode()), kept=kept)
    assert len(kept._used) == 1


@pytest.mark.parametrize("folder", sorted({path.parent.name for path in PROGRAMS}))
def test_what_a_part_leaves_needs_no_collection(folder: str) -> None:
    """A process of hours with the collection off, as while the server lints, keeps nothing of it."""
    paths = sorted((EXAMPLES / folder).glob("*.py"))
    assert paths
    files = tuple(File(path.name, str(path), True) for path in paths)
    task = Task(files, Settings(), str(EXAMPLES / folder), {}, False)
    lint_part(task)
    gc.collect()
    gc.disable()
    try:
        lint_part(task)
        assert gc.collect() == 0
    finally:
        gc.enable()
