"""File names and source of a stranger's tree go into every output escaped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from jitlint.options import FORMATS
from jitlint.visible import visible
from tests.jitlint.command_line import HOISTED, Shell

NAMES = (
    b"a\n::error file=train.py::forged.py",
    b"::error title=forged::x.py",
    b"esc\x1b[2J\x07bell.py",
    b"azure##vso[task.setvariable variable=x]y.py",
    b"c1\xc2\x9b31m.py",
    b"right\xe2\x80\xaeto-left.py",
    b"separator\xe2\x80\xa8.py",
    b"not-utf8-\xff\xfe.py",
    b']]>&lt;<b>&amp;".py',
    b"section_start:1:x\r\x1b[0K.py",
    b"[click](http:..evil).py",
)
# Marks in the finding's own lines, in its message, and in what its fix moves.
SOURCE = HOISTED.replace("torch.randn(3, 32, 32) * 0.1", 'torch.randn(3, 32, 32) * len("\x1b[31m##[error]x\u202e\x9b")')
SCHEMA = Path(__file__).parent.parent / "data" / "sarif-schema-2.1.0.json"


@pytest.fixture
def tree(shell: Shell) -> Shell:
    for number, name in enumerate(NAMES):
        (shell.folder / os.fsdecode(name)).write_text(SOURCE if number % 2 else "def f(:\n", encoding="utf-8")
    return shell


def printed(shell: Shell, *arguments: str) -> tuple[str, str]:
    """What a run writes, as bytes that must be UTF-8."""
    command = [sys.executable, "-m", "jitlint", "--no-cache", *arguments]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8", "PYTHONUTF8": "1"}
    run = subprocess.run(command, cwd=shell.folder, capture_output=True, env=environment)
    assert run.returncode in (0, 1), run.stderr
    return run.stdout.decode("utf-8"), run.stderr.decode("utf-8")


def unseen(text: str) -> set[str]:
    """Characters that steer a terminal or that a reader does not see, and lone surrogates."""
    return {item for item in text if not item.isprintable() and item != "\n"}


@pytest.mark.parametrize("format_name", FORMATS)
def test_no_format_prints_what_nobody_sees(tree: Shell, format_name: str) -> None:
    out, err = printed(tree, "--format", format_name)
    assert "\\x1b" in out or "\\u001b" in out
    assert unseen(out) == unseen(err) == set()
    written = tree.folder / "report"
    printed(tree, "--format", format_name, "--output-file", "report")
    assert unseen(written.read_text("utf-8")) == set()


@pytest.mark.parametrize(
    "arguments", [["--format", "full"], ["--format", "concise"], ["--format", "html"], ["--diff"], ["--show-files"]]
)
def test_no_line_of_a_text_is_a_command_of_the_build_server(tree: Shell, arguments: list[str]) -> None:
    out, err = printed(tree, *arguments)
    assert out
    for text in (out, err):
        assert not [line for line in text.splitlines() if line.lstrip().startswith("::")]
        assert "##[" not in text
        assert "##vso[" not in text


@pytest.mark.parametrize("name", NAMES)
def test_the_hint_after_a_clean_run_names_the_script_safely(shell: Shell, name: bytes) -> None:
    (shell.folder / os.fsdecode(name)).write_text("import torch\nfor x in DataLoader(data):\n    model(x).backward()\n")
    out, err = printed(shell, "--format", "full")
    assert "runtime_probe" in out and len(out.splitlines()) == 2
    assert unseen(out) == unseen(err) == set()
    assert not [line for line in out.splitlines() if line.lstrip().startswith("::") or "##vso[" in line]


def test_an_annotation_is_one_line_and_names_its_file(tree: Shell) -> None:
    out, _ = printed(tree, "--format", "github")
    lines = out.splitlines()
    assert len(lines) == len(NAMES)
    assert all(line.startswith("::error title=JIT") for line in lines)
    assert "title=JIT000 (unreadable),file=a\\n%3A%3Aerror file=train.py%3A%3Aforged.py,line=1" in out


def test_reports_for_machines_stay_valid(tree: Shell) -> None:
    found = json.loads(printed(tree, "--format", "json")[0])
    assert {item["path"] for item in found} >= {os.fsdecode(NAMES[0]), os.fsdecode(NAMES[2])}
    assert any(item["path"] == "not-utf8-\ufffd\ufffd.py" for item in found)
    jsonschema.validate(json.loads(printed(tree, "--format", "sarif")[0]), json.loads(SCHEMA.read_text()))
    assert len(json.loads(printed(tree, "--format", "gitlab")[0])) == len(NAMES)
    cases = ElementTree.fromstring(printed(tree, "--format", "junit")[0]).findall("./testsuite/testcase")
    assert len(cases) == len(NAMES)
    assert any(case.attrib["file"] == ']]>&lt;<b>&amp;".py' for case in cases)


def test_sarif_names_the_bytes_of_a_file_and_takes_no_links_from_it(tree: Shell) -> None:
    results = json.loads(printed(tree, "--format", "sarif")[0])["runs"][0]["results"]
    uris = [item["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for item in results]
    assert "not-utf8-%FF%FE.py" in uris


def test_the_diff_of_ordinary_source_is_exact(shell: Shell) -> None:
    shell.write("train.py", HOISTED.replace(" * 0.1", " * 0.1  # a\tb\fc"))
    out, _ = printed(shell, "--diff")
    assert "# a\tb\fc\n" in out


def test_visible() -> None:
    assert visible("a\tb\x1b\x7f\x9b\u202e\ud800é漢🎲") == "a\\tb\\x1b\\x7f\\x9b\\u202e\\ud800é漢🎲"
    assert visible("::error::x") == "\\x3a:error::x"
    assert visible(" ::error::x") == " \\x3a:error::x"
    assert visible("std::vector ## [x] #[y]") == "std::vector ## [x] #[y]"
    assert visible("x ##[group] ##vso[a]") == "x \\x23#[group] \\x23#vso[a]"
