"""Settings: where they come from, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from jitlint.config import find_settings, read_settings
from jitlint.diagnostic import Confidence
from jitlint.errors import UsageError
from tests.jitlint.command_line import HOISTED, Shell

EVERYTHING = """
select = ["JIT1", "reseeded-in-step"]
extend-select = ["JIT402"]
ignore = ["jit103"]
exclude = ["old/"]
respect-gitignore = false
confidence = "low"
augmentations = ["mine.wobble"]
not-augmentations = ["mine.denoise"]
batch-loops = ["stream"]
step-functions = ["learn"]
torch-version = "2.4"

[per-file-ignores]
"tests/*.py" = ["ALL"]
"""


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_every_key(tmp_path: Path) -> None:
    settings = read_settings(write(tmp_path / "jitlint.toml", EVERYTHING))
    assert settings.select == ("JIT1", "reseeded-in-step")
    assert settings.ignore == ("JIT103",)
    assert settings.confidence is Confidence.LOW
    assert settings.per_file_ignores == (("tests/*.py", ("ALL",)),)
    assert (settings.augmentations, settings.not_augmentations) == (("mine.wobble",), ("mine.denoise",))
    assert (settings.batch_loops, settings.step_functions) == (("stream",), ("learn",))
    assert (settings.torch_version, settings.respect_gitignore, settings.root) == ("2.4", False, tmp_path)


def test_the_nearest_configuration_holds(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", '[tool.jitlint]\nconfidence = "high"\n')
    write(tmp_path / "inner/pyproject.toml", "[tool.other]\n")
    write(tmp_path / "inner/own/jitlint.toml", 'confidence = "low"\n')
    assert find_settings([tmp_path / "inner"]).confidence is Confidence.HIGH
    assert find_settings([tmp_path / "inner/own"]).confidence is Confidence.LOW
    assert find_settings([tmp_path / "inner/own", tmp_path / "inner"]).confidence is Confidence.HIGH
    assert find_settings([tmp_path / "inner/own"], read=False).confidence is None


def test_without_configuration_the_root_is_the_marked_directory(tmp_path: Path) -> None:
    write(tmp_path / "setup.py", "")
    write(tmp_path / "deep/down/train.py", "")
    assert find_settings([tmp_path / "deep/down/train.py"]).root == tmp_path


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("selct = []", "unknown key `selct`; did you mean `select`?"),
        ('select = "JIT101"', "`select` must be a list of strings"),
        ('select = ["JIT9"]', "`select`: unknown rule `JIT9`"),
        ('confidence = "sure"', '`confidence`: invalid confidence "sure"; choose low, medium or high'),
        ("respect-gitignore = 1", "`respect-gitignore` must be true or false"),
        ('torch-version = "new"', '`torch-version` must be a version such as "2.4"'),
        ("per-file-ignores = []", "`per-file-ignores` must be a table of patterns, each with a list of codes"),
        ("select = [", "invalid TOML: "),
    ],
)
def test_a_mistake_is_one_line_with_the_file(tmp_path: Path, line: str, said: str) -> None:
    file = write(tmp_path / "jitlint.toml", line + "\n")
    with pytest.raises(UsageError) as caught:
        read_settings(file)
    assert str(caught.value).startswith(f"{file}: {said}")
    assert "\n" not in str(caught.value)


def test_all_means_every_confidence_unless_one_is_given(tmp_path: Path) -> None:
    from jitlint.config import Settings

    assert Settings().least_confidence is Confidence.MEDIUM
    assert Settings(select=("ALL",)).least_confidence is Confidence.LOW
    assert Settings(select=("ALL",), confidence=Confidence.HIGH).least_confidence is Confidence.HIGH


def test_options_go_over_the_configuration(shell: Shell) -> None:
    shell.write("train.py", HOISTED)
    shell.write("pyproject.toml", '[tool.jitlint]\nignore = ["JIT1"]\n')
    assert shell.run().code == 0
    assert shell.run("--isolated").code == 1
    shell.write("other.toml", 'select = ["JIT102"]\n')
    assert shell.run("--config", "other.toml").code == 1
    assert shell.run("--config", "none.toml").code == 2


def test_per_file_ignores(shell: Shell) -> None:
    shell.write("train.py", HOISTED)
    shell.write("scripts/train.py", HOISTED)
    shell.write("jitlint.toml", '[per-file-ignores]\n"scripts/**" = ["hoisted-noise"]\n')
    assert [line.partition(":")[0] for line in shell.run().lines] == ["train.py"]


def test_show_settings_names_the_file(shell: Shell) -> None:
    shell.write("jitlint.toml", 'confidence = "high"\n')
    lines = shell.run("--show-settings").lines
    assert lines[0] == f"# from {shell.folder / 'jitlint.toml'}"
    assert 'confidence = "high"' in lines
