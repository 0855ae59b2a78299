"""Discovery: what is linted, what is left out."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from jitlint.config import Settings
from jitlint.errors import UsageError
from jitlint.files import Exclusions, discover, is_matched, key_of


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (
        "train.py", "notes.txt", "nb.ipynb", "pkg/a.py", "pkg/build/b.py", ".venv/lib/c.py", "env/pyvenv.cfg",
        "env/lib/d.py", "node_modules/e.py", "old/f.py", "gen/keep.py", "gen/made.py",
    ):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def keys(*paths: str, settings: Settings | None = None, **options: Exclusions) -> list[str]:
    chosen = settings or Settings(root=Path.cwd())
    return [file.key for file in discover(paths, chosen, **options).files]


def test_python_files_and_notebooks_without_environments_and_builds(tree: Path) -> None:
    assert keys(".") == ["gen/keep.py", "gen/made.py", "nb.ipynb", "old/f.py", "pkg/a.py", "train.py"]


def test_each_file_once_with_the_path_that_is_printed(tree: Path) -> None:
    assert keys("train.py", ".", str(tree / "train.py"), "./pkg/../train.py").count("train.py") == 1
    assert keys("pkg") == ["pkg/a.py"]


def test_below_the_current_directory_relative_else_absolute() -> None:
    assert key_of("/here/a/b.py", "/here") == "a/b.py"
    assert key_of("/there/b.py", "/here") == "/there/b.py"
    assert key_of("/hereafter/b.py", "/here") == "/hereafter/b.py"
    assert key_of("/b.py", "/") == "b.py"


def test_exclude_spares_what_is_named(tree: Path) -> None:
    settings = Settings(root=tree, exclude=("old", "/gen/made.py"))
    assert keys(".", settings=settings) == ["gen/keep.py", "nb.ipynb", "pkg/a.py", "train.py"]
    assert keys("old", settings=settings) == ["old/f.py"]
    assert keys("gen/made.py", settings=settings) == ["gen/made.py"]
    assert keys("gen/made.py", "old", settings=settings, excluded=Exclusions(force=True)) == []
    assert keys("notes.txt") == ["notes.txt"], "a file given by name is taken whatever its suffix"


def test_gitignore_of_the_repository_and_below(tree: Path) -> None:
    (tree / ".gitignore").write_text("# made\ngen/*\n!gen/keep.py\n")
    (tree / "pkg/.gitignore").write_text("a.py\n")
    assert "gen/made.py" not in keys(".")
    assert {"gen/keep.py", "train.py"} <= set(keys("."))
    assert "pkg/a.py" not in keys(".")
    assert "gen/made.py" in keys("gen"), "no repository, so what lies above says nothing"
    (tree / ".git/info").mkdir(parents=True)
    (tree / ".git/info/exclude").write_text("old/\n")
    assert keys("gen") == ["gen/keep.py"]
    assert "old/f.py" not in keys(".")
    assert "pkg/a.py" in keys(".", settings=replace(Settings(root=tree), respect_gitignore=False))


def test_links_are_not_walked_in_circles(tree: Path) -> None:
    (tree / "pkg/self").symlink_to(tree)
    (tree / "pkg/loop.py").symlink_to("loop.py")
    (tree / "pkg/link.py").symlink_to(tree / "train.py")
    assert keys("pkg") == ["pkg/a.py", "pkg/link.py"]


def test_pipes_are_passed_over(tree: Path) -> None:
    os.mkfifo(tree / "pipe.py")
    assert "pipe.py" not in keys(".")
    with pytest.raises(UsageError, match="neither a file nor a directory"):
        keys("pipe.py")


def excluded(patterns: str, path: str) -> bool:
    return is_matched(patterns.split("\n"), f"/p/{path}", "/p")


@pytest.mark.parametrize("pattern", ["!", "[z-a]", "\\", "[", "[[:x:]]", "//", "/", "a\\", "*" * 5000, "[]", "\0", ""])
def test_what_is_no_pattern_matches_nothing_and_ends_no_run(tree: Path, pattern: str) -> None:
    (tree / ".git").mkdir()
    (tree / ".gitignore").write_text(f"{pattern}\nold\n")
    settings = Settings(root=tree, exclude=(pattern, "gen"))
    assert keys(".", settings=settings) == ["nb.ipynb", "pkg/a.py", "train.py"]


@pytest.mark.parametrize(
    "pattern", ["*a" * 20 + "b", "*?" * 30 + "x", "[a]*" * 40 + "b", "**/" * 60 + "b", "a*" * 99 + "/b"]
)
def test_many_stars_cost_what_one_costs(pattern: str) -> None:
    start = time.process_time()
    assert not excluded(pattern, "a" * 255)
    assert not excluded(pattern, "/".join(["a"] * 200))
    assert time.process_time() - start < 0.5


def test_a_star_takes_what_the_rest_leaves() -> None:
    assert excluded("*a*b*", "xxaxxbxx")
    assert not excluded("*a*b*", "xxbxxaxx")
    assert excluded("a*a", "aa")
    assert not excluded("a*a", "a")
    assert excluded("?*?", "ab")
    assert not excluded("?*?", "a")
    assert excluded("[!a-c]*.py", "d.py")
    assert excluded("[[:digit:]]x", "1x")
    assert excluded("\\!x\\*", "!x*")


@pytest.mark.skipif(shutil.which("git") is None, reason="compares with git")
def test_patterns_mean_what_they_mean_to_git(tmp_path: Path) -> None:
    """Random patterns over random paths, in one repository."""
    rng = random.Random(0)
    letters = [*"ab.", "*", "?", "/", "**", "[ab]", "[!a]", "[z-a]", "\\*", "!", " ", "a", "b", "ab"]
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    command = ["git", "-c", "core.excludesFile=", "check-ignore", "--no-index", "-z", "--stdin", "-v", "-n"]
    for _ in range(40):
        lines = ["".join(rng.choices(letters, k=rng.randint(1, 6))) for _ in range(rng.randint(1, 3))]
        (tmp_path / ".gitignore").write_text("\n".join(lines) + "\n")
        names = ["".join(rng.choices("ab*", k=rng.randint(1, 3))) for _ in range(40)]
        paths = ["/".join(rng.sample(names, rng.randint(1, 4))) for _ in range(40)]
        run = subprocess.run(command, cwd=tmp_path, input="\0".join(paths), capture_output=True, text=True)
        fields = run.stdout.split("\0")
        said = {
            path: bool(pattern) and pattern[0] != "!" for pattern, path in zip(fields[2::4], fields[3::4], strict=False)
        }
        assert len(said) == len(set(paths))
        assert {path: excluded("\n".join(lines), path) for path in said} == said, lines


def test_a_gitignore_that_is_a_pipe_or_of_bytes(tree: Path) -> None:
    (tree / ".git").mkdir()
    os.mkfifo(tree / ".gitignore")
    (tree / "pkg/.gitignore").write_bytes(b"\xef\xbb\xbfa.py\r\n\xff\n")
    assert keys("pkg", "train.py") == ["train.py"]
