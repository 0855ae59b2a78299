"""The engine: parts, processes, the library interface."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from jitlint import lint_paths, lint_text, parts
from jitlint.errors import UsageError
from jitlint.files import File
from jitlint.imports import ModuleFinder
from jitlint.reach import partition
from jitlint.workers import Workers
from tests.jitlint.command_line import CORRECT, HOISTED, Shell


def files(*names: str) -> list[File]:
    return [File(name, f"/p/{name}") for name in names]


def test_parts_keep_directories_together_within_the_limit() -> None:
    tree = files("a/1.py", "a/2.py", "b/1.py", "b/2.py", "c.py")
    sizes = dict(zip(tree, [30, 30, 50, 40, 5], strict=True))
    parts = [{file.key for file in part} for part in partition(tree, sizes.__getitem__, limit=100)]
    assert {"a/1.py", "a/2.py"} in parts
    assert any({"b/1.py", "b/2.py"} <= part for part in parts)
    assert len(partition(tree, sizes.__getitem__, limit=1000)) == 1
    assert partition([], sizes.__getitem__) == []


def test_every_file_is_in_one_part_whatever_its_size() -> None:
    tree = files(*(f"d{n % 7}/e{n % 3}/{n}.py" for n in range(100)))
    parts = partition(tree, lambda file: len(file.key) * 10, limit=500)
    assert sorted(file for part in parts for file in part) == sorted(tree)
    assert all(len(part) == 1 or sum(len(file.key) * 10 for file in part) <= 500 for part in parts)


def test_a_new_file_changes_the_part_that_it_lies_in_and_no_other() -> None:
    tree = files(*(f"d{n % 40:02}/e{n % 3}/{n}.py" for n in range(4000)))
    tree = sorted(tree)
    before = set(partition(tree, lambda file: 10, limit=1000))
    for name in ("a.py", "d20/new.py", "e.py", "d39/e2/zzz.py"):
        after = set(partition(sorted([*tree, *files(name)]), lambda file: 10, limit=1000))
        assert len(before) >= 40
        assert len(after - before) <= 3


def test_modules_are_found_from_the_importing_file_upwards(tmp_path: Path) -> None:
    for name in ("a/b/train.py", "a/b/near.py", "a/far.py", "a/pkg/__init__.py", "a/pkg/sub.py", "near.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    finder = ModuleFinder(str(tmp_path / "a"))
    importer = str(tmp_path / "a/b/train.py")

    def found(name: str) -> str | None:
        path = finder.find(importer, name)
        return path and str(Path(path).relative_to(tmp_path))

    assert found("near") == "a/b/near.py"
    assert found("far") == "a/far.py"
    assert found("..far") == "a/far.py"
    assert found("pkg") == "a/pkg/__init__.py"
    assert found("pkg.sub") == "a/pkg/sub.py"
    assert found("..pkg") == "a/pkg/__init__.py"
    assert found("torch.nn") is None
    assert found("...near") is None, "above the root"
    assert found("....a.far") is None


def test_no_module_is_looked_for_above_the_root(tmp_path: Path) -> None:
    """Nor beside it, in a directory whose name begins like the root's."""
    for name in ("secret.py", "root/train.py", "rooted/train.py", "rooted/near.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    finder = ModuleFinder(str(tmp_path / "root"))
    for importer in ("root/train.py", "rooted/train.py"):
        for name in ("secret", "..secret", "...secret", "....secret", "..rooted.near"):
            assert finder.find(str(tmp_path / importer), name) is None
    assert finder.find(str(tmp_path / "rooted/train.py"), "near") == str(tmp_path / "rooted/near.py")


def test_two_processes_find_what_one_finds(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jitlint.engine._WORTH_LOOKING", 0)
    monkeypatch.setattr("jitlint.engine._WORTH_MODELLING", 0)
    monkeypatch.setattr("jitlint.reach.partition.__defaults__", (400,))
    for number in range(130):
        shell.write(f"p{number % 5}/train_{number}.py", HOISTED if number % 3 else CORRECT)
    one = shell.run("--jobs", "1", "--no-cache")
    assert len(one.lines) == 86
    assert shell.run("--jobs", "2", "--no-cache") == one


def double(number: int) -> int:
    return 2 * number


def test_workers_keep_the_order() -> None:
    with Workers(2) as workers:
        assert list(workers.map(double, range(20), double)) == [2 * number for number in range(20)]
    with Workers(1) as workers:
        assert list(workers.map(double, [1], double)) == [2]


def die_of_seven(number: int) -> int:
    if number == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_an_item_that_kills_its_process_is_named_and_the_others_are_done() -> None:
    with Workers(2) as workers:
        found = list(workers.map(die_of_seven, range(12), lambda number: -number))
    assert found == [*range(7), -7, *range(8, 12)]


LINT_PART = parts.lint_part


def die_of_bad(task: parts.Task) -> parts.PartResult:
    if any(file.key == "bad.py" for file in task.files):
        os.kill(os.getpid(), signal.SIGKILL)
    return LINT_PART(task)


def test_a_file_that_kills_its_process_is_named_and_the_others_are_linted(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jitlint.engine._WORTH_MODELLING", 0)
    monkeypatch.setattr("jitlint.reach.partition.__defaults__", (1,))
    monkeypatch.setattr("jitlint.parts.lint_part", die_of_bad)
    for name in ("a.py", "bad.py", "c.py"):
        shell.write(name, HOISTED)
    result = shell.run("--jobs", "2")
    assert result.code == 2
    assert [line.partition(":")[0] for line in result.lines] == ["a.py", "c.py"]
    assert "not linted, because the process died that was to: bad.py" in result.err


def test_lint_text() -> None:
    report = lint_text(HOISTED, "train.py")
    assert [(item.code, item.path, item.location.line) for item in report.diagnostics] == [("JIT102", "train.py", 5)]
    assert (report.files, report.lines) == (1, 9)
    assert [item.code for item in lint_text("def f(:\n").diagnostics] == ["JIT000"]


def test_lint_paths(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(HOISTED)
    report = lint_paths([tmp_path])
    assert [item.code for item in report.diagnostics] == ["JIT102"]
    assert not (tmp_path / ".jitlint_cache").exists()
    with pytest.raises(UsageError, match="no such file"):
        lint_paths([tmp_path / "none.py"])


def test_deep_nesting_is_a_finding() -> None:
    report = lint_text("x = " + "(" * 5000 + ")" * 5000 + "\n")
    assert [item.code for item in report.diagnostics] == ["JIT000"]
    modelled = "import torch\ntorch.manual_seed(0)\nfor x in loader:\n    x.backward()\n"
    report = lint_text(f"{modelled}y = {'-' * 100_000}1\n")
    assert [item.code for item in report.diagnostics] == ["JIT000"]


def test_draws_reach_through_packages_that_pass_names_on(shell: Shell) -> None:
    shell.write("lib/noise.py", "import torch\n\n\ndef jitter(x):\n    return x + torch.randn_like(x)\n")
    shell.write("lib/__init__.py", "from .noise import jitter\n")
    shell.write(
        "train.py",
        "from lib import jitter\n\n\ndef train(model, loader, opt, coord):\n    coord = jitter(coord)\n"
        "    for images, _ in loader:\n        loss = model(images, coord).mean()\n        loss.backward()\n"
        "        opt.step()\n",
    )
    assert [line.partition(" ")[2][:6] for line in shell.run("train.py").lines] == ["JIT101"]
    assert len(shell.run().lines) == 1


def test_cells_that_do_not_parse_are_one_finding(tmp_path: Path) -> None:
    cells = ["lr = ", "x = 1", "def f(:"]
    code = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": text} for text in cells]
    path = tmp_path / "exercise.ipynb"
    path.write_text(json.dumps({"cells": code, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}))
    (found,) = lint_paths([str(path)]).diagnostics
    assert (found.code, found.location.cell) == ("JIT000", 1)
    assert "(cell 3 too)" in found.message
