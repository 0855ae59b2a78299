"""`--fix`, `--diff`, `--add-ignore`, `--baseline`, `--watch`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from jitlint.diagnostic import Applicability, Diagnostic
from tests.jitlint.command_line import CORRECT, HOISTED, Shell


def test_fix_writes_and_a_second_run_changes_nothing(shell: Shell) -> None:
    path = shell.write("train.py", HOISTED)
    result = shell.run("--fix")
    assert (result.code, result.err) == (0, "Fixed 1 finding. All clear: 1 file read, 9 lines.\n")
    assert path.read_text() == CORRECT
    assert shell.run("--fix").err == "All clear: 1 file read, 9 lines.\n"
    assert path.read_text() == CORRECT


def test_fix_keeps_mode_newlines_and_what_it_does_not_touch(shell: Shell) -> None:
    path = shell.write("train.py", "\ufeff".encode() + HOISTED.replace("\n", "\r\n").encode() + b"# \xc3\xa4")
    path.chmod(0o755)
    other = shell.write("other.py", CORRECT)
    before = other.stat()
    assert shell.run("--fix").code == 0
    assert path.read_bytes() == "\ufeff".encode() + CORRECT.replace("\n", "\r\n").encode() + b"# \xc3\xa4"
    assert path.stat().st_mode & 0o777 == 0o755
    assert (other.stat().st_mtime_ns, other.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


def test_a_file_that_cannot_be_written_is_named(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.write("train.py", HOISTED)

    def refuse(path: Path, data: bytes, tree: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("jitlint.fixes.write.write_atomically", refuse)
    result = shell.run("--fix")
    assert result.code == 2
    assert "jitlint: cannot write train.py: Permission denied\n" in result.err


def test_diff_changes_nothing_and_exits_1(shell: Shell) -> None:
    path = shell.write("train.py", HOISTED)
    result = shell.run("--diff")
    assert result.code == 1
    assert result.lines[:2] == ["--- train.py", "+++ train.py"]
    assert "-    noise = torch.randn(3, 32, 32) * 0.1" in result.lines
    assert "+        noise = torch.randn(3, 32, 32) * 0.1" in result.lines
    assert result.err == "Would fix 1 finding in 1 file; none would be left.\n"
    assert path.read_text() == HOISTED
    path.write_text(CORRECT)
    assert (shell.run("--diff").code, shell.run("--diff").out) == (0, "")


def test_diff_of_a_notebook_is_told_by_cell(shell: Shell) -> None:
    code = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    title = {"cell_type": "markdown", "metadata": {}, "source": ["# Title"]}
    cells = [title, {**code, "source": HOISTED.splitlines(True)}]
    shell.write("nb.ipynb", json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1))
    assert shell.run().lines[0].startswith("nb.ipynb:cell 2:5:13: JIT102 ")
    assert shell.run("--diff").lines[0] == "--- nb.ipynb:cell 2"


def test_unsafe_fixes_need_to_be_asked_for(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from jitlint.fixes.diagnose import diagnose

    def unsafe(*arguments: object) -> list[Diagnostic]:
        found = diagnose(*arguments)  # type: ignore[arg-type]
        return [
            replace(item, fix=replace(item.fix, applicability=Applicability.UNSAFE)) if item.fix else item
            for item in found
        ]

    monkeypatch.setattr("jitlint.fixes.diagnose.diagnose", unsafe)
    path = shell.write("train.py", HOISTED)
    result = shell.run("--fix", "--no-cache")
    assert (result.code, path.read_text()) == (1, HOISTED)
    assert "Fixable with `--fix --unsafe-fixes`." in result.err
    assert shell.run("--fix", "--unsafe-fixes", "--no-cache").code == 0
    assert path.read_text() == CORRECT


def test_add_ignore_suppresses_with_the_reason(shell: Shell) -> None:
    path = shell.write("train.py", HOISTED)
    result = shell.run("--add-ignore", "as in the paper")
    assert (result.code, result.err) == (0, "Suppressed 1 finding. All clear: 1 file read, 9 lines.\n")
    line = "    noise = torch.randn(3, 32, 32) * 0.1  # jitlint: ignore[JIT102] as in the paper"
    assert path.read_text().splitlines()[4] == line
    assert shell.run("--add-ignore", " ").code == 2


def test_add_ignore_puts_long_reasons_above_and_joins_codes(shell: Shell) -> None:
    path = shell.write("train.py", HOISTED)
    shell.run("--add-ignore", "because " * 12)
    assert path.read_text().splitlines()[4].startswith("    # jitlint: ignore[JIT102] because because")
    path.write_text(HOISTED.replace("* 0.1", "* 0.1  # jitlint: ignore[JIT101] why"))
    assert shell.run("--add-ignore", "as in the paper", "--ignore", "JIT001").code == 0
    assert "# jitlint: ignore[JIT101, JIT102] why" in path.read_text()


def test_baseline_is_written_then_compared(shell: Shell) -> None:
    path = shell.write("train.py", HOISTED)
    result = shell.run("--baseline", "known.json")
    assert (result.code, result.out) == (0, "")
    assert result.err.startswith("Wrote 1 finding to known.json. Nothing new")
    path.write_text("# moved down\n\n" + HOISTED)
    assert shell.run("--baseline", "known.json").code == 0
    path.write_text(HOISTED + HOISTED.replace("def train", "def again"))
    result = shell.run("--baseline", "known.json")
    assert (result.code, len(result.lines)) == (1, 1), "of two alike, one is new"
    assert "1 finding of the baseline not shown." in result.err


def test_what_the_baseline_accepts_is_not_fixed(shell: Shell) -> None:
    old = shell.write("old.py", HOISTED)
    assert shell.run("--baseline", "known.json").code == 0
    new = shell.write("new.py", HOISTED)
    result = shell.run("--baseline", "known.json", "--fix")
    assert (result.code, old.read_text()) == (0, HOISTED)
    assert new.read_text() != HOISTED
    assert "Fixed 1 finding" in result.err


def test_a_broken_baseline_is_not_overwritten(shell: Shell) -> None:
    shell.write("train.py", HOISTED)
    path = shell.write("known.json", "[1]")
    result = shell.run("--baseline", "known.json")
    assert (result.code, path.read_text()) == (2, "[1]")
    assert result.err == "jitlint: known.json is not a baseline; delete it and run again to create one\n"


def test_watch_lints_again_when_a_file_changes(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    path = shell.write("train.py", HOISTED)
    pauses = iter([lambda: path.write_text(CORRECT + "\n"), None])

    def sleep(seconds: float) -> None:
        change = next(pauses)
        if change is None:
            raise KeyboardInterrupt
        change()
        os.utime(path, (1, 1))

    monkeypatch.setattr("jitlint.watch.time.sleep", sleep)
    result = shell.run("--watch")
    assert (result.code, len(result.lines)) == (130, 1)
    assert "All clear: 1 file read, 10 lines." in result.err


def test_fix_does_not_follow_links_out_of_the_tree(shell: Shell, tmp_path: Path) -> None:
    outside = tmp_path / "mine.py"
    outside.write_text(HOISTED)
    shell.write("pyproject.toml", "")
    (shell.folder / "train.py").symlink_to(outside)
    result = shell.run("--fix")
    assert result.code == 2
    assert "cannot write train.py: a link leads out of" in result.err
    assert outside.read_text() == HOISTED


def test_reports_and_baselines_do_not_follow_links_out_of_the_tree(shell: Shell, tmp_path: Path) -> None:
    outside = tmp_path / "profile"
    shell.write("train.py", HOISTED)
    (shell.folder / "out.sarif").symlink_to(outside)
    result = shell.run("--format", "sarif", "--output-file", "out.sarif")
    assert (result.code, len(result.err.splitlines())) == (2, 1)
    result = shell.run("--baseline", "out.sarif")
    assert (result.code, len(result.err.splitlines())) == (2, 1)
    assert not outside.exists()


def test_the_next_run_that_writes_removes_what_a_killed_one_left(shell: Shell) -> None:
    litter = shell.write("pkg/.train.py.0123abcd.jitlint-tmp", "half")
    shell.write("pkg/train.py", CORRECT)
    shell.run()
    assert litter.exists(), "a run that only looks changes nothing"
    shell.run("--fix")
    assert not litter.exists()


@pytest.mark.parametrize("content", ["[" * 100_000, '{"findings": ' + "[" * 100_000, '{"findings": [{}]}', "\x00"])
def test_a_hostile_baseline_is_one_line(shell: Shell, content: str) -> None:
    shell.write("train.py", HOISTED)
    shell.write("known.json", content)
    result = shell.run("--baseline", "known.json")
    assert (result.code, len(result.err.splitlines())) == (2, 1)
    assert "known.json is not a baseline" in result.err
