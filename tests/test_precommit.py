"""The hooks of .pre-commit-hooks.yaml, run by the real pre-commit in a repository of their own."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BUGGY = (ROOT / "examples" / "coordinates" / "buggy.py").read_bytes()
CORRECT = (ROOT / "examples" / "coordinates" / "correct.py").read_bytes()

pytestmark = [
    pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed"),
    pytest.mark.skipif(importlib.util.find_spec("pre_commit") is None, reason="pre-commit is not installed"),
]


def git(*arguments: str | Path, cwd: Path) -> str:
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
    return subprocess.run(
        ["git", *identity, *map(str, arguments)], cwd=cwd, check=True, capture_output=True, text=True
    ).stdout.strip()


def commit_all(repository: Path) -> str:
    git("init", "--quiet", cwd=repository)
    git("add", "--all", cwd=repository)
    git("commit", "--quiet", "--message", "all files", cwd=repository)
    return git("rev-parse", "HEAD", cwd=repository)


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A repository with what is needed to install jitlint as it is here, and its revision."""
    repository = tmp_path_factory.mktemp("hooks")
    shutil.copytree(ROOT / "jitlint", repository / "jitlint", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml"):
        shutil.copy(ROOT / name, repository)
    return repository, commit_all(repository)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pre-commit keeps its environments: one for both hooks and all tests here."""
    return tmp_path_factory.mktemp("pre-commit-home")


def project(folder: Path, hooks: tuple[Path, str], hook: str, files: dict[str, bytes]) -> Path:
    """A repository with the files, configured to run one hook."""
    source, revision = hooks
    folder.mkdir()
    config = f"repos:\n- repo: {source}\n  rev: {revision}\n  hooks:\n  - id: {hook}\n"
    (folder / ".pre-commit-config.yaml").write_text(config, encoding="utf-8")
    for name, content in files.items():
        (folder / name).write_bytes(content)
    commit_all(folder)
    return folder


def pre_commit(repository: Path, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"PRE_COMMIT_HOME": str(home), "PIP_CONSTRAINT": str(ROOT / "constraints.txt")}
    command = [sys.executable, "-m", "pre_commit", "run", "--all-files", "--color", "never"]
    return subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, timeout=300)


def test_the_check_fails_on_a_bug_and_changes_nothing(tmp_path: Path, hooks: tuple[Path, str], home: Path) -> None:
    repository = project(tmp_path / "project", hooks, "jitlint", {"train.py": BUGGY, "notes.txt": BUGGY})
    run = pre_commit(repository, home)
    assert run.returncode == 1, run.stdout + run.stderr
    assert "JIT101" in run.stdout
    assert "notes.txt" not in run.stdout
    assert (repository / "train.py").read_bytes() == BUGGY


def test_the_check_passes_on_correct_code(tmp_path: Path, hooks: tuple[Path, str], home: Path) -> None:
    repository = project(tmp_path / "project", hooks, "jitlint", {"train.py": CORRECT})
    run = pre_commit(repository, home)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "Passed" in run.stdout


def test_the_fix_mends_the_file_and_passes_the_next_time(tmp_path: Path, hooks: tuple[Path, str], home: Path) -> None:
    excluded = b'[tool.jitlint]\nexclude = ["vendored.py"]\n'
    files = {"train.py": BUGGY, "vendored.py": BUGGY, "pyproject.toml": excluded}
    repository = project(tmp_path / "project", hooks, "jitlint-fix", files)
    first = pre_commit(repository, home)
    assert first.returncode == 1, first.stdout + first.stderr
    assert "files were modified by this hook" in first.stdout
    assert (repository / "train.py").read_bytes() != BUGGY
    assert (repository / "vendored.py").read_bytes() == BUGGY
    second = pre_commit(repository, home)
    assert second.returncode == 0, second.stdout + second.stderr


def test_notebooks_are_checked(tmp_path: Path, hooks: tuple[Path, str], home: Path) -> None:
    notebook = (ROOT / "examples" / "notebook" / "buggy.ipynb").read_bytes()
    run = pre_commit(project(tmp_path / "project", hooks, "jitlint", {"train.ipynb": notebook}), home)
    assert run.returncode == 1, run.stdout + run.stderr
    assert "train.ipynb" in run.stdout
