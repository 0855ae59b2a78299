"""What people who know ruff type, and what a newcomer gets wrong."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from jitlint.diagnostic import Candidate, Confidence, Edit
from jitlint.options import COMMANDS
from jitlint.rules import Rule, all_rules, find_rule
from jitlint.semantics.project import Project
from jitlint.source import Source
from jitlint.suppress import Statements
from tests.jitlint.command_line import CORRECT, HOISTED, Shell
from tests.jitlint.test_cli_run import FINDING, _Standard

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
NOTHING_DRAWN = "from torch.utils.data import DataLoader\n\nfor batch in DataLoader(data):\n    loss.backward()\n"


def test_check_is_the_same_as_nothing(shell: Shell) -> None:
    shell.write("train.py", HOISTED)
    assert shell.run("check") == shell.run()
    assert shell.run("check", ".", "--output-format", "json") == shell.run("--format", "json")
    shell.write("check/inner.py", CORRECT)
    assert shell.run("check", "train.py").lines == [FINDING], "the command, although there is such a folder"


def test_short_and_spelled_out_options(shell: Shell) -> None:
    assert shell.run("-V") == shell.run("--version")
    assert shell.run("--explain", "JIT101") == shell.run("rule", "JIT101")
    assert shell.run("rule", "101") == shell.run("rule", "hoisted-augmentation") == shell.run("rule", "jit101")
    shell.write("train.py", HOISTED)
    shell.write("jitlint.toml", "")
    said = shell.run("--verbose").err
    assert f"settings from {shell.folder / 'jitlint.toml'}" in said and " s\n" in said


def test_rules_for_programs(shell: Shell) -> None:
    rules = json.loads(shell.run("rules", "--format", "json").out)
    assert [rule["code"] for rule in rules] == [rule.code for rule in all_rules()]
    assert json.loads(shell.run("rule", "101", "--output-format=json").out) in rules
    assert set(rules[-1]["sections"]) >= {"What it finds", "Why it matters", "Known limits"}
    assert shell.run("rules", "--format", "yaml").code == 2


def test_the_schema_accepts_every_key_and_refuses_others(shell: Shell) -> None:
    from tests.jitlint.test_config import EVERYTHING

    schema = json.loads(shell.run("schema").out)
    jsonschema.Draft7Validator.check_schema(schema)
    table = tomllib.loads(EVERYTHING)
    jsonschema.validate({**table, "extend": "../jitlint.toml", "extend-exclude": ["x"]}, schema)
    from jitlint.config import KEYS

    assert set(schema["properties"]) == set(KEYS)
    for wrong in ({"selct": []}, {"confidence": "sure"}, {"select": "JIT101"}, {"ignore": ["hoisted"]}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_completion_is_a_script_that_the_shell_reads(shell: Shell, name: str) -> None:
    script = shell.run("completion", name).out
    assert "--output-format" in script or "output-format" in script
    if shutil.which(name):
        read = subprocess.run([name, "-n"], input=script, text=True, capture_output=True)
        assert (read.returncode, read.stderr) == (0, "")
    assert shell.run("completion", "bsh").err.endswith('unknown shell "bsh"; did you mean `bash`?\n')


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("typed", "offered"), [("--conf", "--confidence"), ("--confidence m", "medium"), ("rule JIT10", "JIT101")]
)
def test_bash_completes(shell: Shell, typed: str, offered: str) -> None:
    words = ["jitlint", *typed.split()]
    array = " ".join(f'"{word}"' for word in words)
    ask = f'COMP_WORDS=({array}); COMP_CWORD={len(words) - 1}; _jitlint; echo "${{COMPREPLY[@]}}"'
    script = shell.run("completion", "bash").out
    run = subprocess.run(["bash", "-c", f"{script}\n{ask}"], text=True, capture_output=True)
    assert offered in run.stdout.split(), run.stderr


# --------------------------------------------------------------------------------------------- add-ignore


@pytest.mark.parametrize("reason", [".", "train.py", "..", "/", "ok", "42", "a\nb", " "])
def test_a_reason_that_is_none_rewrites_nothing(shell: Shell, reason: str) -> None:
    path = shell.write("train.py", HOISTED)
    result = shell.run("--add-ignore", reason)
    assert (result.code, path.read_text()) == (2, HOISTED)
    assert result.err.startswith("jitlint: --add-ignore: ") and result.err.count("\n") == 1


def test_add_ignore_says_how_it_is_written(shell: Shell) -> None:
    shell.write("train.py", HOISTED)
    said = shell.run("--add-ignore", ".").err
    assert '`.` is a path, not a reason; write: jitlint --add-ignore "why it is meant" .' in said


def test_add_ignore_leaves_nothing_to_report(shell: Shell) -> None:
    """Over every buggy program at hand: no finding is left, and no comment is one itself."""
    for number, program in enumerate(sorted((ROOT / "examples").rglob("buggy.*"))):
        shutil.copy(program, shell.folder / f"{number}_{program.name}")
    for program in (ROOT / "tests" / "fixtures" / "seed").rglob("*.py"):
        shutil.copy(program, shell.folder / program.name)
    before = shell.run("--format", "json", "--no-cache")
    assert len(json.loads(before.out)) > 8
    result = shell.run("--add-ignore", "kept for the comparison", "--no-cache")
    assert result.code == 0, result.out
    assert shell.run("--no-cache").code == 0


def test_a_comment_that_does_not_help_is_taken_back(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a comment does not cover stays as it was, and the run says so."""
    path = shell.write("train.py", HOISTED)
    other = shell.write("other.py", HOISTED)
    from jitlint import ignore_comments

    place = ignore_comments._edit

    def wrong(source: Source, statements: Statements, known: Any, line: int, codes: list[str], reason: str) -> Edit:
        return place(source, statements, known, 1 if source.path == "train.py" else line, codes, reason)

    monkeypatch.setattr(ignore_comments, "_edit", wrong)
    result = shell.run("--add-ignore", "as in the paper")
    assert (result.code, path.read_text(), len(result.lines)) == (2, HOISTED, 1)
    assert "# jitlint: ignore[JIT102] as in the paper" in other.read_text()
    assert "train.py is left as it was" in result.err


# -------------------------------------------------------------------------------------------------- stdin


def test_a_name_for_standard_input_reads_it(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.write("other.py", HOISTED)
    monkeypatch.setattr(sys, "stdin", _Standard(HOISTED.encode()))
    assert shell.run("--stdin-filename", "train.py").lines == [FINDING]
    result = shell.run("--stdin-filename", "train.py", "other.py")
    assert (result.code, result.out) == (2, "")


# ------------------------------------------------------------------------------------------ configuration


def test_the_nearest_configuration_holds_for_each_file(shell: Shell) -> None:
    """Whatever else is linted in the same run."""
    shell.write("jitlint.toml", 'ignore = ["JIT102"]\n')
    shell.write("train.py", HOISTED)
    shell.write("inner/pyproject.toml", "[tool.jitlint]\n")
    shell.write("inner/train.py", HOISTED)
    shell.write("inner/deep/train.py", HOISTED)
    found = ["inner/deep/train.py", "inner/train.py"]
    for arguments in ([], ["."], ["train.py", "inner/train.py", "inner/deep"], ["inner"]):
        assert [line.partition(":")[0] for line in shell.run(*arguments).lines] == found, arguments
    assert shell.run("train.py").code == 0
    assert shell.run("inner/deep").code == 1


def test_a_configuration_extends_another(shell: Shell) -> None:
    shell.write("base.toml", 'ignore = ["JIT102"]\nexclude = ["old"]\nextend-exclude = ["gen"]\n')
    shell.write("jitlint.toml", 'extend = "base.toml"\nextend-exclude = ["tmp"]\n')
    for folder in ("old", "gen", "tmp", "kept"):
        shell.write(f"{folder}/train.py", HOISTED)
    assert shell.run("--show-files").lines == ["kept/train.py"]
    assert shell.run().code == 0
    shell.write("jitlint.toml", 'extend = "base.toml"\nignore = []\nexclude = []\n')
    assert shell.run("--show-files").lines == ["kept/train.py", "old/train.py", "tmp/train.py"]
    assert shell.run().code == 1
    shell.write("base.toml", 'extend = "jitlint.toml"\n')
    result = shell.run()
    assert result.code == 2 and "`extend` goes in a circle" in result.err and result.err.count("\n") == 1
    shell.write("jitlint.toml", 'extend = "none.toml"\n')
    assert shell.run().code == 2


def test_excludes_of_the_command_line(shell: Shell) -> None:
    shell.write("jitlint.toml", 'exclude = ["old"]\n')
    for folder in ("old", "gen", "inner/gen"):
        shell.write(f"{folder}/train.py", HOISTED)
    assert shell.run("--show-files", "--extend-exclude", "/gen").lines == ["inner/gen/train.py"]
    assert shell.run("--show-files", "--exclude", "gen,none").lines == ["old/train.py"]
    assert shell.run("--show-files", "--exclude", "gen", "gen/train.py").lines == ["gen/train.py"]
    assert shell.run("--show-files", "--exclude", "gen", "--force-exclude", "gen/train.py").lines == []


def test_one_cache_holds_all_confidences(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    import ast

    shell.write("train.py", HOISTED)
    assert shell.run("--confidence", "high").code == 1
    parse, parsed = ast.parse, []
    monkeypatch.setattr(ast, "parse", lambda *given, **named: (parsed.append(given), parse(*given, **named))[1])
    for confidence in ("low", "medium", "high"):
        assert shell.run("--confidence", confidence).code == 1
    assert parsed == []


# ------------------------------------------------------------------------------------------ what is said


def test_findings_that_are_held_back_are_counted(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    rule = find_rule("JIT102")
    assert rule is not None
    check = rule.check

    def unsure(self: Rule, project: Project) -> Iterator[Candidate]:
        yield from (item._replace(confidence=Confidence.LOW) for item in check(self, project))

    monkeypatch.setattr(rule, "check", unsure)
    shell.write("train.py", HOISTED)
    result = shell.run("--no-cache")
    assert (result.code, result.out) == (0, "")
    assert result.err.splitlines()[1] == "1 low-confidence finding is not shown; `--confidence low` shows it."
    result = shell.run("--no-cache", "--confidence", "low")
    assert (result.code, "not shown" in result.err) == (1, False)


def test_a_script_without_a_visible_draw_is_left_to_the_probe(shell: Shell) -> None:
    shell.write("train.py", NOTHING_DRAWN)
    said = shell.run().err
    assert "`python -m runtime_probe train.py`" in said and "No random draw was found in train.py" in said
    shell.write("noise.py", CORRECT)
    assert "runtime_probe" not in shell.run().err


# ----------------------------------------------------------------------------------------------- baseline


def test_the_baseline_is_pruned_and_says_what_is_dead(shell: Shell) -> None:
    gone, kept = shell.write("gone.py", HOISTED), shell.write("kept.py", HOISTED)
    shell.run("--baseline", "known.json")
    gone.write_text(CORRECT)
    assert shell.run("--baseline", "known.json", "kept.py").err.count("Removed") == 0, "gone.py was not read"
    assert shell.run("--baseline", "known.json", "--select", "JIT2").err.count("Removed") == 0, "nothing was looked for"
    for share in ("1/2", "2/2"):
        assert shell.run("--baseline", "known.json", "--shard", share).err.count("Removed") == 0, "a share was read"
    shell.write("jitlint.toml", 'plugins = ["own_rules"]')
    assert shell.run("--baseline", "known.json").err.count("Removed") == 0, "a plugin was not loaded"
    shell.write("jitlint.toml", "")
    said = shell.run("--baseline", "known.json").err
    assert "Removed 1 baseline entry that no longer matches anything: JIT102 in gone.py." in said
    assert "Removed" not in shell.run("--baseline", "known.json").err
    kept.unlink()
    assert "JIT102 in kept.py" in shell.run("--baseline", "known.json").err
    assert json.loads((shell.folder / "known.json").read_text())["findings"] == []


def test_the_help_has_no_line_that_is_too_wide(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    for columns in (60, 80, 140):
        monkeypatch.setenv("COLUMNS", str(columns))
        assert max(map(len, shell.run("--help").lines)) <= max(columns, 80)


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_every_command_has_help(shell: Shell, name: str, option: str) -> None:
    result = shell.run(name, option)
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("usage: jitlint" if name == "check" else f"usage: jitlint {name}")
    assert name in shell.run("--help").out
