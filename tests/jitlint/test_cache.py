"""The cache: a run whose files, settings and version are unchanged parses nothing."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

from tests.jitlint.command_line import CORRECT, HOISTED, Shell

IMPORTER = """\
import torch
from noise import prepare


def train(model, loader, opt, coord):
    coord = prepare(coord)
    for images, _ in loader:
        loss = model(images, coord).mean()
        loss.backward()
        opt.step()
"""
HELPER = "import torch\n\n\ndef prepare(x):\n    return x + torch.randn_like(x)\n"


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are modelled from here on."""
    from jitlint import parts

    names: list[str] = []
    build = parts.build_module

    def counted(source: parts.Source, **options: bool) -> object:
        names.append(source.path)
        return build(source, **options)

    monkeypatch.setattr(parts, "build_module", counted)
    return names


def test_a_second_run_prints_the_same_and_parses_nothing(shell: Shell, parsed: list[str]) -> None:
    shell.write("train.py", HOISTED)
    first = shell.run("--format", "json")
    assert parsed
    parsed.clear()
    assert shell.run("--format", "json") == first
    assert parsed == []


def test_a_changed_file_is_linted_again(shell: Shell) -> None:
    path = shell.write("train.py", HOISTED)
    assert shell.run().code == 1
    path.write_text(CORRECT + "\n")
    assert shell.run().code == 0
    path.write_text(HOISTED)
    assert shell.run().code == 1


def test_same_content_with_another_time_is_known(shell: Shell, parsed: list[str]) -> None:
    path = shell.write("train.py", HOISTED)
    shell.run()
    parsed.clear()
    os.utime(path, (1, 1))
    assert shell.run().code == 1
    assert parsed == []


def test_settings_are_part_of_the_key(shell: Shell) -> None:
    shell.write("train.py", HOISTED)
    assert shell.run().code == 1
    assert shell.run("--ignore", "JIT102").code == 0
    assert shell.run().code == 1


def test_a_helper_that_was_not_asked_for_has_its_say(shell: Shell) -> None:
    """Also when it appears, changes or disappears between two runs."""
    shell.write("train.py", IMPORTER)
    assert shell.run("train.py", "--select", "JIT101", "--confidence", "high").code == 0
    helper = shell.write("noise.py", HELPER)
    assert shell.run("train.py", "--select", "JIT101", "--confidence", "high").code == 1
    helper.write_text("def prepare(x):\n    return x\n")
    assert shell.run("train.py", "--select", "JIT101", "--confidence", "high").code == 0
    helper.write_text(HELPER)
    assert shell.run("train.py", "--select", "JIT101", "--confidence", "high").code == 1
    helper.unlink()
    assert shell.run("train.py", "--select", "JIT101", "--confidence", "high").code == 0


def cache_file(shell: Shell) -> Path:
    return next((shell.folder / ".jitlint_cache").glob("*.pickle"))


def test_the_directory_marks_itself(shell: Shell) -> None:
    shell.write("train.py", HOISTED)
    shell.run()
    assert cache_file(shell).is_file()
    assert (shell.folder / ".jitlint_cache/.gitignore").read_text() == "*\n"
    tag = (shell.folder / ".jitlint_cache/CACHEDIR.TAG").read_text()
    assert tag.startswith("Signature: 8a477f597d28d172789f06886806bc55")


@pytest.mark.parametrize("content", [b"", b"garbage", pickle.dumps(1), pickle.dumps(({}, {}, {"a": 1}))])
def test_a_corrupt_cache_is_rebuilt_in_silence(shell: Shell, content: bytes) -> None:
    shell.write("train.py", HOISTED)
    first = shell.run()
    cache_file(shell).write_bytes(content)
    assert shell.run() == first
    assert shell.run() == first


def test_a_cache_from_elsewhere_runs_no_code(shell: Shell) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, ("touch exploded",)

    shell.write("train.py", HOISTED)
    first = shell.run()
    cache_file(shell).write_bytes(pickle.dumps(({"x": Bomb()}, {}, {})))
    assert shell.run() == first
    assert not Path("exploded").exists()


def test_no_cache_and_no_place_for_one(shell: Shell) -> None:
    shell.write("train.py", HOISTED)
    assert shell.run("--no-cache").code == 1
    assert not (shell.folder / ".jitlint_cache").exists()
    shell.write(".jitlint_cache", "in the way")
    result = shell.run()
    assert (result.code, len(result.err.splitlines())) == (1, 1)


def test_an_internal_error_is_not_remembered(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.write("train.py", HOISTED)
    with monkeypatch.context() as patch:
        patch.setattr("jitlint.parts._Part._ask", lambda self, rule, project: 1 / 0)
        assert shell.run().code == 2
    assert shell.run().code == 1
