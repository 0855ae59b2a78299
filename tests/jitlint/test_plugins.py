"""Users' own rules: found, told, fixed like any other, and never loaded because a stranger's tree says so."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ROOT / "examples" / "plugin" / "lab_rules.py"
BAD = "import torch\n\n\ndef jitter(x, generator):\n    return x + torch.randn(x.shape)\n"
GOOD = BAD.replace("x.shape)", "x.shape, generator=generator)")
NAMED = '[tool.jitlint]\nplugins = ["lab_rules"]\n'


class Lab:
    """A project with a bad program, a place for the user's own files, and jitlint in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.project, self.home = folder / "project", folder / "home"
        (self.home / ".config" / "jitlint").mkdir(parents=True)
        self.write("train.py", BAD)

    def write(self, name: str, text: str) -> Path:
        path = self.project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def own(self, name: str, text: str) -> Path:
        path = self.home / ".config" / "jitlint" / name
        path.write_text(text)
        return path

    def run(self, *arguments: str, path: str = "") -> subprocess.CompletedProcess[str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("XDG")}
        environment = {**kept, "HOME": str(self.home), "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), path]))}
        command = [sys.executable, "-m", "jitlint", *arguments]
        return subprocess.run(command, cwd=self.project, capture_output=True, text=True, env=environment, check=False)

    def lint(self, *arguments: str, path: str = "") -> subprocess.CompletedProcess[str]:
        return self.run("--no-cache", "--format", "concise", *arguments, path=path)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


FOUND = "train.py:5:16: LAB001 [*] `torch.randn` draws from the global stream, and `jitter` was given a generator\n"


def test_the_cases_of_one_rule_here_are_run_by_its_code(lab: Lab) -> None:
    run = lab.run("test", "JIT405")
    assert (run.returncode, run.stdout, run.stderr) == (0, "1 rule, 3 cases: all passed.\n", "")


def test_the_cases_of_the_example_pass() -> None:
    command = [sys.executable, "-m", "jitlint", "test", "lab_rules"]
    run = subprocess.run(command, cwd=PLUGIN.parent, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "1 rule, 7 cases: all passed.\n", "")


# ------------------------------------------------------------------------------------------------- safety

TRAP = PLUGIN.read_text().replace(
    "import libcst\n", 'from pathlib import Path\n\nimport libcst\n\nPath(__file__).with_name("ran").touch()\n'
)


def test_a_plugin_that_the_linted_tree_names_does_not_run(lab: Lab) -> None:
    lab.write("pyproject.toml", NAMED + 'extend-select = ["LAB001"]\n')
    lab.write("lab_rules.py", TRAP)
    run = lab.lint(".")
    assert (run.returncode, run.stdout) == (0, "")
    assert "plugin lab_rules is not loaded without --allow-plugins" in run.stderr
    assert not (lab.project / "ran").exists()
    for arguments in (
        ("rules",),
        ("rule", "JIT101"),
        ("--show-settings",),
        ("--fix", "."),
        ("--config", "pyproject.toml"),
    ):
        lab.run(*arguments)
        assert not (lab.project / "ran").exists(), arguments
    assert lab.lint(".", "--allow-plugins").stdout == FOUND
    assert (lab.project / "ran").exists()


def test_a_folder_inside_the_project_trusts_no_configuration_above_it(lab: Lab) -> None:
    lab.write("pyproject.toml", NAMED)
    lab.write("lab_rules.py", TRAP)
    lab.write("inner/setup.py", "")
    lab.write("inner/train.py", BAD)
    lab.lint("inner")
    lab.lint("inner", "--config", "pyproject.toml")
    assert not (lab.project / "ran").exists()


def test_an_installed_name_is_not_looked_for_in_the_linted_tree(lab: Lab) -> None:
    lab.own("jitlint.toml", 'plugins = ["lab_rules"]\n')
    lab.write("lab_rules.py", TRAP)
    run = lab.lint(".")
    assert not (lab.project / "ran").exists()
    assert run.returncode == 2
    assert "jitlint: plugin lab_rules cannot be loaded: ModuleNotFoundError: No module named 'lab_rules'" in run.stderr


def test_an_entry_point_that_lies_in_the_linted_tree_is_none(lab: Lab) -> None:
    lab.write("lab_rules.py", TRAP)
    lab.write("lab-1.dist-info/METADATA", "Name: lab\nVersion: 1\n")
    lab.write("lab-1.dist-info/entry_points.txt", "[jitlint.rules]\nlab = lab_rules\n")
    assert lab.lint(".", path=str(lab.project)).stdout == ""
    assert not (lab.project / "ran").exists()


# -------------------------------------------------------------------------------------------- where from


def test_a_plugin_of_the_users_own_configuration(lab: Lab) -> None:
    lab.own("jitlint.toml", 'plugins = ["lab_rules"]\n')
    lab.own("lab_rules.py", PLUGIN.read_text())
    run = lab.lint(".")
    assert (run.returncode, run.stdout) == (1, FOUND)
    assert lab.lint(".", "--isolated").stdout == ""


def test_a_plugin_of_a_configuration_that_lies_elsewhere(lab: Lab) -> None:
    other = lab.home / "team.toml"
    other.write_text('plugins = ["lab_rules"]\nselect = ["LAB"]\n')
    (lab.home / "lab_rules.py").write_text(PLUGIN.read_text())
    assert lab.lint(".", "--config", str(other)).stdout == FOUND


def test_a_plugin_that_is_installed(lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    site = tmp_path / "site"
    (site / "lab-1.dist-info").mkdir(parents=True)
    (site / "lab-1.dist-info" / "entry_points.txt").write_text(
        "[console_scripts]\nx = y:z\n\n[jitlint.rules]\nlab = lab_rules\n"
    )
    (site / "lab_rules.py").write_text(PLUGIN.read_text())
    code = f"import site, sys; sys.path.insert(0, {str(site)!r}); site.getsitepackages = lambda: [{str(site)!r}]\n"
    code += "from jitlint.cli import main; sys.exit(main(['--no-cache', '--format', 'concise', '.']))"
    run = subprocess.run([sys.executable, "-c", code], cwd=lab.project, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (1, FOUND)


# -------------------------------------------------------------------------------------- like any other rule


@pytest.fixture
def ready(lab: Lab) -> Lab:
    lab.own("jitlint.toml", 'plugins = ["lab_rules"]\n')
    lab.own("lab_rules.py", PLUGIN.read_text())
    return lab


def test_it_is_listed_and_explained(ready: Lab) -> None:
    assert re.search(r"\| LAB001 \| global-stream \| plugin lab_rules \| yes \| A draw from", ready.run("rules").stdout)
    page = ready.run("rule", "global-stream").stdout
    assert page.startswith("# LAB001 global-stream\n")
    assert "A rule of the plugin lab_rules." in page


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (("--select", "LAB"), 1),
        (("--select", "global-stream"), 1),
        (("--select", "JIT"), 0),
        (("--ignore", "LAB001"), 0),
        (("--confidence", "high"), 1),
    ],
)
def test_it_is_selected(ready: Lab, options: tuple[str, ...], count: int) -> None:
    assert ready.lint(".", *options).stdout.count("LAB001") == count


@pytest.mark.parametrize(
    "comment", ["# jitlint: ignore[LAB001] so", "# jitlint: ignore[global-stream] so", "# noqa: LAB001"]
)
def test_it_is_suppressed(ready: Lab, comment: str) -> None:
    ready.write("train.py", BAD.replace("x.shape)\n", f"x.shape)  # {comment}\n"))
    assert ready.lint(".").stdout == ""


def test_an_idle_suppression_of_it_is_told(ready: Lab) -> None:
    ready.write("train.py", GOOD.replace("generator)\n", "generator)  # jitlint: ignore[LAB001] so\n"))
    assert "JIT001" in ready.lint(".").stdout


def test_it_is_fixed(ready: Lab) -> None:
    assert ready.lint(".", "--fix").returncode == 0
    assert (ready.project / "train.py").read_text() == GOOD


@pytest.mark.parametrize("name", ["full", "concise", "json", "sarif", "github", "gitlab", "junit"])
def test_every_format_has_it(ready: Lab, name: str) -> None:
    run = ready.run("--no-cache", "--format", name, ".")
    assert run.returncode == 1
    assert "LAB001" in run.stdout


def test_machine_formats_stay_valid(ready: Lab) -> None:
    (finding,) = json.loads(ready.run("--no-cache", "--format", "json", ".").stdout)
    assert (finding["code"], finding["name"], finding["url"]) == ("LAB001", "global-stream", "")
    log = json.loads(ready.run("--no-cache", "--format", "sarif", ".").stdout)
    rules = {rule["id"]: rule for rule in log["runs"][0]["tool"]["driver"]["rules"]}
    assert "helpUri" not in rules["LAB001"]
    assert "helpUri" in rules["JIT101"]


def test_several_processes_and_the_cache_have_it(ready: Lab) -> None:
    for number in range(6):
        ready.write(f"part_{number}/train.py", BAD + "# " + "x" * 200_000)
    first = ready.run("--format", "concise", "--jobs", "2", ".")
    assert first.stdout.count("LAB001") == 7
    assert ready.run("--format", "concise", "--jobs", "1", ".").stdout == first.stdout
    ready.own("lab_rules.py", PLUGIN.read_text().replace('"torch.', '"other.').replace('f"torch', 'f"other'))
    assert ready.run("--format", "concise", ".").stdout == ""  # another plugin, another result


# ----------------------------------------------------------------------------------------------- failures


def broken(code: str, name: str, check: str = "", doc: str = '"""Breaks."""') -> str:
    head = f"from jitlint.rules import Rule\n\nclass Broken(Rule):\n    {doc}\n\n"
    method = f"\n    def check(self, project):\n        {check}\n" if check else ""
    return f'{head}    code, name = "{code}", "{name}"\n{method}'


def test_a_rule_that_fails_names_its_plugin_and_the_others_go_on(ready: Lab) -> None:
    ready.own("jitlint.toml", 'plugins = ["lab_rules", "broken_rules"]\n')
    ready.own("broken_rules.py", broken("BRK001", "broken", "return 1 / 0"))
    run = ready.lint(".")
    assert (run.returncode, run.stdout) == (2, FOUND)
    why = "ZeroDivisionError: division by zero (broken_rules.py:9)"
    assert f"jitlint: plugin broken_rules: error of BRK001 in train.py: {why}\n" in run.stderr


@pytest.mark.parametrize(
    ("why", "text"),
    [
        ("cannot be loaded: SyntaxError", "def f(:\n"),
        ("cannot be loaded: ZeroDivisionError: division by zero", "1 / 0\n"),
        ("invalid code 'JIT900'", broken("JIT900", "x", "yield")),
        ("invalid name 'X'", broken("BRK001", "X", "yield")),
        ("has no docstring", broken("BRK001", "x", "yield", doc="pass")),
        ("has no `check`", broken("BRK001", "x")),
        ("LAB001 x is taken by lab_rules", broken("LAB001", "x", "yield")),
        ("stale-shuffle is taken by", broken("BRK001", "stale-shuffle", "yield")),
    ],
)
def test_a_plugin_that_is_none_is_named_and_the_others_go_on(ready: Lab, why: str, text: str) -> None:
    ready.own("jitlint.toml", 'plugins = ["lab_rules", "broken_rules"]\n')
    ready.own("broken_rules.py", text)
    run = ready.lint(".")
    assert (run.returncode, run.stdout) == (2, FOUND)
    assert re.search(rf"jitlint: plugin broken_rules.* {re.escape(why)}", run.stderr)


def test_a_case_that_goes_wrong_is_shown(lab: Lab) -> None:
    text = PLUGIN.read_text().replace("name.split()", "name.split()").replace("randn randperm", "randn")
    lab.write("lab_rules.py", text)
    run = lab.run("test", "lab_rules")
    assert run.returncode == 1
    assert "LAB001 global-stream: INVALID 2: nothing was found\n    from torch import randperm\n" in run.stdout
    assert run.stdout.endswith("1 rule, 7 cases: 1 failed.\n")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [((), "takes the modules"), (("json",), "defines no rule"), (("no_such",), "cannot be loaded")],
)
def test_what_has_no_rules_is_said(lab: Lab, arguments: tuple[str, ...], why: str) -> None:
    run = lab.run("test", *arguments)
    assert run.returncode == 2
    assert why in run.stderr
