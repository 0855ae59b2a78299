"""However a run is split (`--shard`, processes) and whatever the cache knows, the findings are the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.jitlint.command_line import CORRECT, HOISTED, Shell
from tests.jitlint.test_cache import HELPER, IMPORTER


@pytest.fixture
def tree(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setattr("jitlint.reach.partition.__defaults__", (600,))
    shell.write("lib/noise.py", HELPER)
    for number in range(23):
        shell.write(
            f"p{number % 5}/train_{number}.py",
            (HOISTED, CORRECT, IMPORTER.replace("from noise", "from lib.noise"))[number % 3],
        )
        shell.write(f"q{number % 3}/plain_{number}.py", "x = 1\n" if number % 4 else "def f(:\n")
    shell.write(
        "unused.py", "import torch\n\n\ndef random_flip(x):\n    return x.flip(0) if torch.rand(1) < 0.5 else x\n"
    )
    return shell


@pytest.mark.parametrize("count", [1, 2, 3, 7, 100])
def test_the_union_is_the_whole(tree: Shell, count: int) -> None:
    whole = json.loads(tree.run("--format", "json", "--confidence", "low").out)
    shares = [
        json.loads(tree.run("--format", "json", "--confidence", "low", "--shard", f"{number}/{count}").out)
        for number in range(1, count + 1)
    ]
    key = json.dumps
    assert sorted(map(key, (item for share in shares for item in share))) == sorted(map(key, whole))
    assert {item["code"] for item in whole} >= {"JIT000", "JIT101", "JIT102"}
    if count == 3:
        assert all(share for share in shares)


def test_a_share_is_remembered_by_itself(tree: Shell) -> None:
    first = tree.run("--shard", "1/2")
    second = tree.run("--shard", "2/2")
    assert first.lines != second.lines
    assert tree.run("--shard", "1/2") == first
    assert tree.run("--shard", "2/2") == second


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_processes_and_the_cache_find_the_same(
    tree: Shell, jobs: str, cache_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("--format", "json", "--confidence", "low", "--select", "ALL")
    alone = tree.run(*asked, "--jobs", "1", "--no-cache")
    assert {item["code"] for item in json.loads(alone.out)} >= {"JIT000", "JIT101", "JIT102"}
    assert not cache_home.exists()
    monkeypatch.setattr("jitlint.engine._WORTH_LOOKING", 0)
    monkeypatch.setattr("jitlint.engine._WORTH_MODELLING", 0)
    assert tree.run(*asked, "--jobs", jobs, "--no-cache") == alone
    assert tree.run(*asked, "--jobs", jobs) == alone
    assert cache_home.exists()
    assert tree.run(*asked, "--jobs", jobs) == alone


@pytest.mark.parametrize("word", ["0/2", "3/2", "1", "a/b", "1/0", "-1/2", "1/2/3", "1/9999999", "½/2"])
def test_what_is_no_share(tree: Shell, word: str) -> None:
    result = tree.run(f"--shard={word}")
    assert (result.code, len(result.err.splitlines())) == (2, 1)
    assert f"`{word}` is not a share" in result.err
