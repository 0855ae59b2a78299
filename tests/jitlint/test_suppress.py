"""Suppressions: what a comment covers, and what becomes of one that covers nothing."""

from __future__ import annotations

import json

import pytest

from jitlint.diagnostic import Candidate, Confidence, Span
from jitlint.source import load_source
from jitlint.suppress import suppress
from tests.jitlint.command_line import HOISTED, Shell

ENABLED = frozenset({"JIT001", "JIT101", "JIT102"})


def left(text: str, line: int, code: str = "JIT102") -> list[str]:
    """The codes that are left of one candidate on a line, with those of unused suppressions."""
    source = load_source("train.py", text.encode())
    candidate = Candidate(code, "train.py", Span(line, 0, line, 1), "", Confidence.HIGH)
    return [item.code for item in suppress(source, [candidate], ENABLED).kept]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x = 1  # jitlint: ignore[JIT102] why\n", 1),
        ("x = 1  # jitlint:ignore[hoisted-noise]\n", 1),
        ("x = 1  # jitlint: ignore[JIT101, JIT102]\ny = 1  # noqa: JIT102\n", 2),
        ("x = 1  # noqa: E501, JIT102\n", 1),
        ("x = 1  # NOQA:jit102\n", 1),
        ("# jitlint: ignore-file[JIT102] all of it\nx = 1\ny = 2\n", 3),
        ("# jitlint: ignore[JIT102] why\nx = 1\n", 2),
        ("# jitlint: ignore[JIT102] why\n# and more words\nx = 1\n", 3),
        ("x = f(\n    1,\n    2,\n)  # jitlint: ignore[JIT102]\n", 2),
        ("x = f(  # jitlint: ignore[JIT102]\n    1,\n    2,\n)\n", 3),
        ("x = f(\n    # jitlint: ignore[JIT102]\n    1,\n    2,\n)\n", 4),
        ("# jitlint: ignore[JIT102] the branch\nif a:\n    x = 1\nelse:\n    x = 2\n", 5),
        ("# jitlint: ignore[JIT102]\n@decorated\ndef f():\n    pass\n", 3),
        ("for a in b:  # jitlint: ignore[JIT102]\n    pass\n", 1),
        ("# x = jitter(x)  # jitlint: ignore[JIT102]\ny = 1\n", 1),
        ("def f():\n    # jitlint: ignore[JIT102] why\n    x = 1\n", 3),
        ("def f(\n    a,\n):\n\n    # jitlint: ignore[JIT102] why\n    # more\n    x = 1\n    y = 2\n", 7),
        ("for a in b:\n    # jitlint: ignore[JIT102] why\n    x = 1\n", 3),
        ("if a:\n    pass\nelse:\n    # jitlint: ignore[JIT102] why\n    x = 1\n", 5),
        ("try:\n    # jitlint: ignore[JIT102] why\n    x = 1\nfinally:\n    pass\n", 3),
        ("match a:\n    case 1:\n        # jitlint: ignore[JIT102]\n        x = 1\n", 4),
        ("class A:\n    # jitlint: ignore[JIT102]\n    def f(self):\n        pass\n", 3),
        ("def f(\n    # jitlint: ignore[JIT102]\n    a=draw(),\n):\n    pass\n", 3),
        ("# jitlint: ignore[JIT102]\n# x = jitter(x)\n", 2),
        ("try:\n    x = 1  # jitlint: ignore[JIT102]\nexcept E:\n    pass\n", 2),
        ("match a:\n    case 1:\n        x = 1  # jitlint: ignore[JIT102]\n", 3),
    ],
)
def test_covered(text: str, line: int) -> None:
    assert "JIT102" not in left(text, line)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x = 1  # jitlint: ignore[JIT101]\n", 1),
        ("x = 1\ny = 2  # jitlint: ignore[JIT102]\n", 1),
        ("# jitlint: ignore[JIT102]\n\nx = 1\n", 3),
        ("# jitlint: ignore[JIT102]\ndef f():\n    x = 1\n", 3),
        ("for a in b:  # jitlint: ignore[JIT102]\n    x = 1\n", 2),
        ("def f():\n    # jitlint: ignore[JIT102] why\n    x = 1\n    y = 2\n", 4),
        ("def f(a):\n    # jitlint: ignore[JIT102] why\n    x = 1\n", 1),
        ('x = "# jitlint: ignore[JIT102]"\n', 1),
        ("x = 1  # noqa\n", 1),
        ("x = 1  # jitlint: ignore\n", 1),
        ("x = 1  # jitlint: ignored[JIT102]\n", 1),
    ],
)
def test_not_covered(text: str, line: int) -> None:
    assert "JIT102" in left(text, line)


def test_used_suppressions_are_not_called_unused_and_others_are() -> None:
    assert left("x = 1  # jitlint: ignore[JIT102]\n", 1) == []
    assert left("x = 1  # jitlint: ignore[JIT101, JIT102]\n", 1) == ["JIT001"]
    assert left("x = 1  # jitlint: ignore[JIT301]\n", 1) == ["JIT102"], "this run does not look for JIT301"


def test_bad_codes_are_warnings(shell: Shell) -> None:
    comments = ("ignore[JIT1002]", "ignore", "ingore[JIT101]")
    shell.write("a.py", "".join(f"x = 1  # jitlint: {comment}\n" for comment in comments))
    result = shell.run()
    assert result.code == 0
    assert result.err.splitlines()[:3] == [
        "jitlint: warning: a.py:1: unknown rule `JIT1002`; did you mean `JIT102`?",
        "jitlint: warning: a.py:2: this suppression names no rule; write `jitlint: ignore[JIT101]`",
        "jitlint: warning: a.py:3: `jitlint: ingore` is not a suppression; did you mean `ignore`?",
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1  # jitlint: ignore[JIT102] why\n", "x = 1\n"),
        ("# jitlint: ignore[JIT102] why\nx = 1\n", "x = 1\n"),
        ("def f():\n    # jitlint: ignore[JIT102]\n    return 1\n", "def f():\n    return 1\n"),
        ("x = 1  # noqa: E501, JIT102\n", "x = 1  # noqa: E501\n"),
        ("x = 1  # noqa: JIT102, E501\n", "x = 1  # noqa: E501\n"),
        ("x = 1  # about x  # jitlint: ignore[JIT102]\n", "x = 1  # about x\n"),
        ("x = 'ä'  # jitlint: ignore[JIT102]\r\ny = 2\r\n", "x = 'ä'\r\ny = 2\r\n"),
        ("x = 1  # jitlint: ignore[JIT102]", "x = 1"),
    ],
)
def test_unused_suppressions_are_reported_and_removed(shell: Shell, before: str, after: str) -> None:
    path = shell.write("a.py", before)
    result = shell.run()
    assert (result.code, len(result.lines)) == (1, 1)
    assert " JIT001 [*] the suppression of `JIT102` has no effect" in result.out
    assert shell.run("--fix").code == 0
    assert path.read_bytes() == after.encode()


def test_of_several_codes_only_the_unused_go(shell: Shell) -> None:
    known = "* 0.1  # jitlint: ignore[JIT101, JIT102, JIT301] as in the paper"
    path = shell.write("train.py", HOISTED.replace("* 0.1", known))
    assert shell.run("--fix").code == 0
    assert "* 0.1  # jitlint: ignore[JIT102] as in the paper\n" in path.read_text()


def test_in_a_notebook(shell: Shell) -> None:
    lines = ["# jitlint: ignore[JIT102] moved\n", "x = 1"]
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": lines}
    path = shell.write("nb.ipynb", json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    assert shell.run().lines[0].startswith("nb.ipynb:cell 1:1:1: JIT001 ")
    assert shell.run("--fix").code == 0
    assert json.loads(path.read_text())["cells"][0]["source"] == ["x = 1"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('    torch.manual_seed(0); s = """# jitlint: ignore[JIT101]"""', "  # jitlint: ignore[JIT301] known"),
        ("    torch.manual_seed(0); s = '# jitlint: ignore[JIT101]'", "  # jitlint: ignore[JIT301] known"),
        ("    torch.manual_seed(0)  # ours", "  # jitlint: ignore[JIT301] known"),
    ],
)
def test_add_ignore_writes_behind_what_only_looks_like_a_suppression(shell: Shell, line: str, expected: str) -> None:
    path = shell.write("train.py", RESEEDED.format(line))
    shell.run("--add-ignore", "known")
    assert path.read_text() == RESEEDED.format(line + expected)


def test_add_ignore_adds_a_code_to_a_suppression_behind_a_string_that_looks_like_one(shell: Shell) -> None:
    line = "    torch.manual_seed(0); s = '# jitlint: ignore[JIT101]'  # jitlint: ignore[JIT302{}] as the paper"
    path = shell.write("train.py", RESEEDED.format(line.format("")))
    shell.run("--add-ignore", "known", "--ignore", "JIT001")
    assert path.read_text() == RESEEDED.format(line.format(", JIT301"))


RESEEDED = """\
import torch
for b in loader:
{}
    loss = model(b + torch.randn(3))
    loss.backward()
"""
