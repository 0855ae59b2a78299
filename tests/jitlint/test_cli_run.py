"""What the command says, and its exit status."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.jitlint.command_line import CORRECT, HOISTED, Shell

FINDING = (
    "train.py:5:13: JIT102 [*] the same draw is used in every batch of the epoch: `noise` is drawn outside the loop"
)


def test_findings_are_one_line_each_and_exit_1(shell: Shell) -> None:
    shell.write("train.py", HOISTED)
    result = shell.run()
    assert (result.code, result.lines) == (1, [FINDING])
    assert result.err == "Found 1 finding (1 file read, 9 lines). Fixable with `--fix`.\n"


def test_clean_names_what_was_read(shell: Shell) -> None:
    shell.write("train.py", CORRECT)
    shell.write("other.py", "x = 1\n")
    result = shell.run()
    assert (result.code, result.out, result.err) == (0, "", "All clear: 2 files read, 10 lines.\n")


def test_nothing_read_is_not_called_clean(shell: Shell) -> None:
    result = shell.run()
    assert result.code == 0
    assert "clear" not in result.err and "Nothing to lint" in result.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["trian.py"], "no such file or directory: trian.py; did you mean `train.py`?"),
        (["--selct", "JIT101"], "unknown option `--selct`; did you mean `--select`?"),
        (["--select", "hoisted-nois"], "--select: unknown rule `hoisted-nois`; did you mean `hoisted-noise`?"),
        (["--ignore", "JIT999"], "--ignore: unknown rule `JIT999`"),
        (["--format", "jsn"], '--format: unknown format "jsn"; did you mean `json`?'),
        (["--confidence", "sure"], '--confidence: invalid confidence "sure"; choose low, medium or high'),
        (["--jobs", "0"], 'argument --jobs: invalid number of processes "0"; give 1 or more'),
        (["-", "train.py"], "`-` (standard input) cannot be mixed with other paths"),
        (["rule", "JIT1O1"], "unknown rule `JIT1O1`; did you mean `JIT101`?"),
        (["rule"], "`jitlint rule` takes one code or name; `jitlint rules` lists them"),
        (["/dev/null"], "/dev/null is neither a file nor a directory; pipe a program with `jitlint -`"),
        (["a\0b"], "cannot look at 'a\\x00b': embedded null byte"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_2(shell: Shell, arguments: list[str], said: str) -> None:
    shell.write("train.py", HOISTED)
    result = shell.run(*arguments)
    assert (result.code, result.out, result.err) == (2, "", f"jitlint: {said}\n")


def test_unreadable_texts_are_findings_and_the_others_are_linted(shell: Shell) -> None:
    shell.write("train.py", HOISTED)
    shell.write("syntax.py", "x = 1\ndef f(:\n")
    shell.write("bytes.py", b"x = 1\n# \xff\n")
    shell.write("nul.py", b"x = 1\0\n")
    shell.write("cut.ipynb", '{"cells": [')
    result = shell.run()
    assert result.code == 1
    assert [line.split(":", 3)[0] + ":" + line.split(":", 3)[1] for line in result.lines] == [
        "bytes.py:2",
        "cut.ipynb:1",
        "nul.py:1",
        "syntax.py:2",
        "train.py:5",
    ]
    assert "Traceback" not in result.err


def test_selecting_another_rule_does_not_silence_unreadable_files(shell: Shell) -> None:
    shell.write("syntax.py", "def f(:\n")
    assert shell.run("--select", "JIT101").code == 1
    assert shell.run("--select", "JIT101", "--ignore", "JIT").code == 1
    assert shell.run("--ignore", "JIT000").code == 0


def test_select_and_ignore_by_code_prefix_and_name(shell: Shell) -> None:
    shell.write("train.py", HOISTED)
    assert shell.run("--select", "JIT1").code == 1
    assert shell.run("--select", "hoisted-noise").code == 1
    assert shell.run("--select", "JIT2,JIT3").code == 0
    assert shell.run("--ignore", "JIT102").code == 0
    assert shell.run("--select", "JIT2", "--extend-select", "jit102").code == 1
    assert shell.run("--select", "JIT102", "--ignore", "JIT1").code == 1, "the more specific selector decides"
    assert shell.run("--exit-zero").code == 0


def test_a_directory_without_permission_is_named(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.write("train.py", HOISTED)
    shell.write("locked/other.py", HOISTED)
    scandir = os.scandir

    def refuse(path: object) -> object:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)  # type: ignore[call-overload]

    monkeypatch.setattr("jitlint.files.os.scandir", refuse)
    result = shell.run()
    assert (result.code, result.lines) == (2, [FINDING])
    assert "jitlint: cannot read the directory locked: Permission denied\n" in result.err


def test_a_file_that_cannot_be_opened_is_named(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.write("train.py", HOISTED)
    shell.write("locked.py", "x = 1\n")
    from jitlint import survey

    read = survey.read

    def refuse(path: str, changed: dict[str, bytes]) -> bytes:
        if path.endswith("locked.py"):
            raise PermissionError(13, "Permission denied")
        return read(path, changed)

    monkeypatch.setattr("jitlint.survey.read", refuse)
    result = shell.run()
    assert (result.code, result.lines) == (2, [FINDING])
    assert "jitlint: cannot read locked.py: Permission denied\n" in result.err


def test_an_error_of_a_rule_is_reported_and_the_other_findings_printed(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jitlint.rules import find_rule

    rule = find_rule("JIT301")
    assert rule is not None

    def fail(self: object, project: object) -> object:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(rule, "check", fail)
    shell.write("train.py", HOISTED)
    result = shell.run("--no-cache")
    assert (result.code, result.lines) == (2, [FINDING])
    assert "internal error of JIT301 in train.py: ZeroDivisionError: by nothing" in result.err
    assert "please report" in result.err and "Traceback" not in result.err


def test_show_files(shell: Shell) -> None:
    shell.write("b.py", "")
    shell.write("a/c.ipynb", "{}")
    assert shell.run("--show-files").lines == ["a/c.ipynb", "b.py"]


def test_version(shell: Shell) -> None:
    from jitlint import __version__

    assert shell.run("--version").out == f"jitlint {__version__}\n"


def test_help_names_every_exit_status(shell: Shell) -> None:
    result = shell.run("--help")
    assert result.code == 0
    assert "0 nothing found, 1 findings, 2 something could not be done" in result.out


def test_rule_explains_itself_and_rules_lists_all(shell: Shell) -> None:
    from jitlint.rules import all_rules

    page = shell.run("rule", "jit101").out
    assert page.startswith("# JIT101 hoisted-augmentation\n")
    assert "## Use instead\n\n```python\nfor images, _ in loader:" in page
    table = shell.run("rules").out
    assert all(f"| {rule.code} | {rule.name} |" in table for rule in all_rules())
    assert shell.run("rule", "ALL").out == table


def test_a_path_named_like_a_subcommand_is_linted(shell: Shell) -> None:
    shell.write("rules/train.py", HOISTED)
    result = shell.run("rules")
    assert (result.code, len(result.lines)) == (1, 1)
    assert "linting the path ./rules" in result.err
    shell.write("rule", "x = 1\n")
    assert shell.run("rule").err.endswith("All clear: 1 file read, 1 line.\n")
    assert shell.run("rule", "JIT101").out.startswith("# JIT101")


def test_quiet_prints_findings_only(shell: Shell) -> None:
    shell.write("train.py", HOISTED)
    result = shell.run("-q")
    assert (result.lines, result.err) == ([FINDING], "")


def test_output_file(shell: Shell) -> None:
    shell.write("train.py", HOISTED)
    result = shell.run("--output-file", "report.txt")
    assert (result.code, result.out) == (1, "")
    assert Path("report.txt").read_text() == FINDING + "\n"
    assert shell.run("--output-file", "no/where.txt").code == 2


def test_statistics(shell: Shell) -> None:
    shell.write("a.py", HOISTED)
    shell.write("b.py", HOISTED)
    assert shell.run("--statistics").lines == ["2  JIT102  hoisted-noise  (2 with a fix)"]


class _Standard:
    """A standard stream with bytes below."""

    def __init__(self, data: bytes = b"") -> None:
        self.buffer = io.BytesIO(data)


def test_standard_input(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", _Standard(HOISTED.encode()))
    result = shell.run("-", "--stdin-filename", "train.py")
    assert (result.code, result.lines) == (1, [FINDING])


PICTURES = """\
from torch.utils.data import Dataset
from torchvision.transforms import RandomCrop


class Pictures(Dataset):
    def __init__(self, files, transform=None):
        self.files = files
        self.transform = transform

    def __getitem__(self, index):
        return {item}


data = Pictures(files, RandomCrop(32))
"""


@pytest.mark.parametrize(
    ("item", "codes"), [("self.files[index]", ["JIT206"]), ("self.transform(self.files[index])", [])]
)
def test_settings_are_read_in_a_text_that_is_on_no_disk(
    item: str, codes: list[str], shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not saved yet, or piped in: its own text says what reads the setting."""
    monkeypatch.setattr(sys, "stdin", _Standard(PICTURES.replace("{item}", item).encode()))
    result = shell.run("-", "--stdin-filename", "new.py", "--select", "JIT206", "--format", "json")
    assert [found["code"] for found in json.loads(result.out)] == codes
    assert "internal error" not in result.err


def run_process(
    *arguments: str, cwd: Path, environment: dict[str, str] | None = None, text: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "jitlint", *arguments]
    return subprocess.run(command, cwd=cwd, input=text, capture_output=True, env={**os.environ, **(environment or {})})


def test_standard_input_is_fixed_to_standard_output(tmp_path: Path) -> None:
    done = run_process("-", "--fix", cwd=tmp_path, text=HOISTED.encode())
    assert (done.returncode, done.stdout.decode()) == (0, CORRECT)
    assert b"Fixed 1 finding. All clear" in done.stderr


def test_standard_input_without_a_fix_comes_out_as_it_is(tmp_path: Path) -> None:
    done = run_process("-", "--fix", cwd=tmp_path, text=CORRECT.encode() + b"# \xc3\xa4\r\n")
    assert (done.returncode, done.stdout) == (0, CORRECT.encode() + b"# \xc3\xa4\r\n")


def test_a_closed_pipe_is_silent(tmp_path: Path) -> None:
    for number in range(60):
        (tmp_path / f"train_{number}.py").write_text(HOISTED)
    command = [sys.executable, "-m", "jitlint", "--format", "full", "--no-cache"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    errors = process.stderr.read().decode()
    assert process.wait() == 1
    assert "Traceback" not in errors and "Broken" not in errors


def test_an_encoding_without_frames_gets_plain_ones(tmp_path: Path) -> None:
    (tmp_path / "träin.py").write_text(HOISTED)
    done = run_process("--format", "full", cwd=tmp_path, environment={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 1
    assert b"  5 |     noise = torch.randn(3, 32, 32) * 0.1\n    |             ^^^^" in done.stdout
    assert b"tr\\xe4in.py" in done.stdout


def test_a_current_directory_that_is_gone(tmp_path: Path) -> None:
    script = f"import os, sys; os.chdir({str(tmp_path)!r}); os.rmdir({str(tmp_path)!r}); import jitlint.cli; "
    done = subprocess.run([sys.executable, "-c", script + "sys.exit(jitlint.cli.main([]))"], capture_output=True)
    assert done.returncode == 2
    assert done.stderr == b"jitlint: the current directory no longer exists\n"


def test_a_clean_file_needs_no_heavy_imports(tmp_path: Path) -> None:
    (tmp_path / "clean.py").write_text("import torch\n\n\ndef add(a, b):\n    return a + b\n")
    heavy = ("libcst", "rich", "multiprocessing", "torch", "numpy", "jitlint.candidate", "jitlint.parts")
    script = (
        "import sys, jitlint.cli; jitlint.cli.main(['clean.py']);"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "[]\n"
