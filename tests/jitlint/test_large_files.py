"""Very large files: without their tables, and in pieces; their findings are those of the whole."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from jitlint.semantics import large_files
from jitlint.semantics.builder.module import Builder, build_module
from jitlint.source import load_source
from tests.jitlint.command_line import Shell

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for folder in ("jitlint", "runtime_probe", "tests") for path in (ROOT / folder).rglob("*.py"))
ROWS = "".join(f"    ({number}, 'a row of data', [1.0, 2.0, 3.0, 4.0, 5.0], lambda x: x),\n" for number in range(6_000))
BUG = """
import torch
def train(model, loader, opt, coord):
    coord = coord + torch.randn_like(coord)
    for images in loader:
        model(images, coord).mean().backward()
        opt.step()
"""


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_files, "LARGE", 0)
    monkeypatch.setattr(large_files, "PIECE", 15)


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_a_file_in_pieces_has_the_model_of_the_whole(path: Path) -> None:
    source = load_source(str(path), path.read_bytes())
    whole = Builder(source.path, source.text).module()
    pieces = build_module(source)
    assert pieces.scopes.keys() == whole.scopes.keys()
    for name, scope in whole.scopes.items():
        other = pieces.scopes[name]
        assert (other.nodes, other.stores, other.regions) == (scope.nodes, scope.stores, scope.regions), name
    assert (pieces.imports, pieces.classes.keys()) == (whole.imports, whole.classes.keys())


def test_the_pieces_are_several() -> None:
    text = "\ndef train():\n    pass\n" * large_files.PIECE
    assert len(list(large_files.statements_in_pieces(text))) == 3


@pytest.mark.parametrize("opening", ["rows = [\n", "rows: list[object] = [\n", "rows += [  # generated\n"])
def test_a_table_is_left_out_and_lines_keep_their_numbers(opening: str) -> None:
    text = f"rows = []\n{opening}{ROWS}]\n{BUG}"
    short = large_files.without_tables(text)
    assert len(short) < len(text) / 50
    assert ast.unparse(ast.parse(short).body[-1]) == ast.unparse(ast.parse(text).body[-1])
    assert ast.parse(short).body[-1].lineno == ast.parse(text).body[-1].lineno


@pytest.mark.parametrize(
    "text",
    [
        f"rows = [\n{ROWS}]\n"[:200_000].rpartition("\n")[0] + "\n]\n",
        f'rows = """[\n{ROWS}]"""\n',
        f"rows = list(\n{ROWS})\n",
        f"def table():\n    return [\n{ROWS}    ]\n",
    ],
    ids=["file not large", "string", "call", "in a function"],
)
def test_nothing_else_is_left_out(text: str) -> None:
    assert large_files.without_tables(text) == text


def linted(shell: Shell, text: str) -> str:
    shell.write("train.py", text)
    return shell.run("--no-cache", "--format", "concise", "train.py").out


def test_the_findings_of_a_large_file_are_at_their_lines(shell: Shell) -> None:
    assert linted(shell, f"rows = [\n{ROWS}]\n{BUG}").startswith("train.py:6006:21: JIT101")


def test_a_syntax_error_after_a_table_is_found(shell: Shell) -> None:
    assert linted(shell, f"rows = [\n{ROWS}]\n{BUG}\ndef broken(:\n    pass\n").startswith("train.py:6011:12: JIT000")


def test_a_cut_in_a_string_does_no_harm(shell: Shell) -> None:
    prose = "\n".join(f"line {number}\n\ndef no_code(:" for number in range(20_000))
    found = linted(shell, f'TEXT = """\n{prose}\n"""\n{BUG}')
    assert "JIT101" in found
    assert "JIT000" not in found
