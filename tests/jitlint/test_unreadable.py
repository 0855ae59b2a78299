"""JIT000: what has no text to lint is said to be unread, with the reason, and never ends the run."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from jitlint import lint_paths, lint_text
from jitlint.config import Settings
from jitlint.dialects import hint
from jitlint.notebook import without_outputs
from jitlint.screen import screen
from tests.jitlint.command_line import HOISTED, Shell

PYTHON_2 = (
    'print "epoch", epoch\n',
    "print >>log, loss % 2 1\n",
    "try:\n    pass\nexcept ValueError, error:\n    pass\n",
    "try:\n    pass\nexcept (ValueError, KeyError), e:\n    pass\n",
    'raise ValueError, "no data"\n',
    "if a <> b:\n    pass\n",
    "x = `3`\n",
    "mode = 0755\n",
    "n = 10L\n",
    "s = ur'x'\n",
    "exec code in scope\n",
    "f = lambda (a, b): a\n",
    "def f(a, (b, c)):\n    pass\n",
)


@pytest.mark.parametrize("text", PYTHON_2)
def test_a_file_of_python_2_says_so(text: str) -> None:
    (found,) = lint_text(text).diagnostics
    assert found.code == "JIT000"
    assert found.message.endswith("; the file is written for Python 2")


@pytest.mark.parametrize(
    "text", ["x = (1\n", "def f(:\n", "print(1 2)\n", "a b = 1\n", "raise ValueError(1, 2\n", "f(a for)\n"]
)
def test_a_mistake_is_no_other_version(text: str) -> None:
    (found,) = lint_text(text).diagnostics
    assert "Python" not in found.message


@pytest.mark.parametrize("text", ["x = x.cuda(async=True)\n", "await = 1\n", "from lib import async\n"])
def test_names_that_became_keywords(text: str) -> None:
    (found,) = lint_text(text).diagnostics
    assert "Python 3.6 and older read it" in found.message


@pytest.mark.parametrize(
    ("line", "message", "version", "first"),
    [
        ("type Pair = tuple[int, int]", "invalid syntax", (3, 11), "3.12"),
        ("def first[T](items: list[T]) -> T:", "expected '('", (3, 11), "3.12"),
        ("class Box[T = int]:", "invalid syntax", (3, 12), "3.13"),
        ("x = f'{a['b']}'", "f-string: unmatched '['", (3, 10), "3.12"),
        ('page = t"<p>{name}</p>"', "invalid syntax", (3, 13), "3.14"),
        ("except ValueError, KeyError:", "multiple exception types must be parenthesized", (3, 13), "3.14"),
        ("except* ValueError:", "invalid syntax", (3, 10), "3.11"),
        ("x = a[*b]", "invalid syntax", (3, 10), "3.11"),
    ],
)
def test_which_newer_version_reads_it(line: str, message: str, version: tuple[int, int], first: str) -> None:
    error = SyntaxError(message, ("x.py", 1, 1, line))
    assert hint(error, version) == f"; Python {first} and newer read it, run jitlint there"
    newer = (version[0], int(first.partition(".")[2]))
    assert hint(error, newer) == ""


def test_a_tree_of_python_2_is_one_finding(shell: Shell) -> None:
    for number in range(27):
        shell.write(f"lib/old_{number:02}.py", HOISTED + PYTHON_2[number % len(PYTHON_2)])
    shell.write("lib/mistake.py", "x = (1\n")
    mistake, old = shell.run("--jobs", "1").lines
    assert mistake.startswith("lib/mistake.py:1:5: JIT000 ")
    assert old.startswith("lib/old_00.py:10:1: JIT000 syntax error: ")
    assert old.endswith(
        "; the file is written for Python 2, as are 26 more that cannot be linted: "
        "lib/old_01.py, lib/old_02.py, lib/old_03.py and 23 more"
    )


def test_two_files_of_python_2(shell: Shell) -> None:
    shell.write("a.py", PYTHON_2[0])
    shell.write("b.py", PYTHON_2[0])
    (line,) = shell.run().lines
    assert line.endswith("the file is written for Python 2, as is one more that cannot be linted: b.py")


@pytest.mark.parametrize("codec", ["undefined", "idna", "punycode", "base64", "hex", "rot13", "zlib", "none-such"])
@pytest.mark.parametrize("checked", [True, False])
def test_a_codec_that_cannot_decode_is_a_finding(shell: Shell, codec: str, checked: bool) -> None:
    shell.write("bad.py", f"# coding: {codec}\n{HOISTED if checked else 'x = 1'}\n")
    shell.write("good.py", HOISTED)
    result = shell.run()
    assert result.code == 1
    assert [line.split(" ")[1] for line in result.lines] == ["JIT000", "JIT102"]
    assert codec.replace("-", "_") in result.lines[0].replace("-", "_")


def test_a_pipe_is_not_waited_for(shell: Shell) -> None:
    os.mkfifo(shell.folder / "noise.py")
    os.mkfifo(shell.folder / "pipe.yaml")
    shell.write("train.py", f"import noise\n{HOISTED}")
    assert [line.split(" ")[1] for line in shell.run().lines] == ["JIT102"]


def test_an_error_at_the_first_look_names_the_file(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.write("bad.py", "x = 1\n")
    shell.write("good.py", HOISTED)
    monkeypatch.setattr("jitlint.survey.screen", lambda data: screen(data) if b"noise" in data else 1 / 0)
    result = shell.run()
    assert result.code == 2
    assert "internal error at the first look at bad.py: ZeroDivisionError" in result.err
    assert [line.split(" ")[1] for line in result.lines] == ["JIT102"]


# ----------------------------------------------------------------------------------------------- limits


def notebook(*sources: str, output: object = "") -> str:
    outputs = [{"output_type": "stream", "name": "stdout", "text": output}]
    cells = [{"cell_type": "code", "metadata": {}, "outputs": outputs, "source": text} for text in sources]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4})


def test_outputs_of_notebooks_do_not_count(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jitlint.survey.LARGEST", 2_000)
    monkeypatch.setattr("jitlint.notebook.LARGE", 2_000)
    shell.write("run.ipynb", notebook(HOISTED, output='\\"[{' * 10_000))
    shell.write("long.ipynb", notebook("x = 1\n" * 1_000))
    shell.write("long.py", "x = 1\n" * 1_000)
    assert [line.split(" ")[:2] for line in shell.run().lines] == [
        ["long.ipynb:1:1:", "JIT000"],
        ["long.py:1:1:", "JIT000"],
        ["run.ipynb:cell", "1:5:13:"],
    ]


def test_a_word_of_an_output_is_no_code(shell: Shell) -> None:
    shell.write("a.ipynb", notebook("x = 1", output="torch.manual_seed(0) # jitlint: ignore[JIT101]"))
    assert shell.run().code == 0


def test_imports_of_a_notebook_are_followed(shell: Shell) -> None:
    shell.write("noise.py", "import torch\n\n\ndef prepare(x):\n    return x + torch.randn_like(x)\n")
    loop = HOISTED.partition("def ")[2].replace("torch.randn(3, 32, 32) * 0.1", "prepare(images)")
    shell.write("run.ipynb", notebook("from noise import prepare", f"def {loop}"))
    assert [line.split(" ")[2] for line in shell.run("run.ipynb").lines] == ["JIT101"]


@pytest.mark.parametrize(
    "output", ["", "]", '"', '\\"]', "[", ["a]", "b\\"], {"x": [1, {"y": "]}"}]}, "\\\\", "é🎲\\\\\\"]
)
def test_only_outputs_are_cut_out(output: object) -> None:
    document = notebook("x = 'outputs'", "y = '\"outputs\": [1]'", output=output)
    expected = json.loads(document)
    for cell in expected["cells"]:
        cell["outputs"] = []
    assert json.loads(without_outputs(document.encode())) == expected


def test_a_broken_notebook_is_left_as_it_is() -> None:
    for broken in (b'{"cells": [{"outputs": [1, 2', b'{"outputs": ["]', b'"outputs": [' * 1000):
        assert without_outputs(broken) == broken


def test_a_number_of_thousands_of_digits(shell: Shell) -> None:
    shell.write("a.ipynb", '{"cells": [], "x": ' + "1" * 5_000 + "}")
    (line,) = shell.run().lines
    assert line.startswith("a.ipynb:1:1: JIT000 not a notebook: Exceeds the limit")


UNREAD = """\
import random
from torch.utils.data import Dataset
class Pictures(Dataset):
    def __init__(self, files, augment=True):
        self.files = files
        self.augment = augment
    def __getitem__(self, index):
        return self.files[index] + random.random()
data = Pictures([], augment=True)
"""


def test_a_text_on_no_disk_is_no_internal_error() -> None:
    report = lint_text(UNREAD, "on_no_disk.py")
    assert report.problems == ()


def test_paths_of_both_kinds_are_no_internal_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some files of a project may be named from the working directory, others, outside its root, from the top."""
    monkeypatch.chdir(tmp_path)
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "train.py").write_text(DISTRIBUTED)
    report = lint_paths(["here/train.py", str(tmp_path / "there" / "train.py")], Settings(root=tmp_path / "here"))
    assert (report.problems, [item.code for item in report.diagnostics]) == ((), ["JIT306", "JIT306"])


DISTRIBUTED = """\
from torch.utils.data import DataLoader, DistributedSampler


def train(model, dataset, opt, epochs):
    sampler = DistributedSampler(dataset)
    loader = DataLoader(dataset, sampler=sampler)
    for epoch in range(epochs):
        for x, y in loader:
            model(x, y).backward()
            opt.step()
"""
