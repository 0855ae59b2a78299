"""The report formats for machines."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from tests.jitlint.command_line import CORRECT, HOISTED, Shell

SCHEMA = Path(__file__).parent.parent / "data" / "sarif-schema-2.1.0.json"
NOTEBOOK = json.dumps(
    {
        "cells": [
            {"cell_type": "markdown", "metadata": {}, "source": ["# Title"]},
            {
                "cell_type": "code",
                "metadata": {},
                "outputs": [],
                "execution_count": None,
                "source": HOISTED.splitlines(True),
            },
        ],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5,
    },
    indent=1,  # as Jupyter writes it
)
LINE_OF_NOTEBOOK = 1 + next(n for n, line in enumerate(NOTEBOOK.split("\n")) if "noise = torch" in line)


@pytest.fixture
def project(shell: Shell) -> Shell:
    shell.write("sub dir/träin.py", HOISTED)
    shell.write("nb.ipynb", NOTEBOOK)
    shell.write("syntax.py", "def f(:\n")
    return shell


def test_json(project: Shell) -> None:
    notebook, module, syntax = json.loads(project.run("--format", "json").out)
    assert module["url"].endswith("/rules/JIT102.md")
    assert module == {
        "code": "JIT102",
        "name": "hoisted-noise",
        "message": "the same draw is used in every batch of the epoch: `noise` is drawn outside the loop",
        "path": "sub dir/träin.py",
        "line": 5,
        "column": 13,
        "end_line": 5,
        "end_column": 35,
        "cell": None,
        "confidence": "high",
        "evidence": [
            step("draw", 5, 13, 35, "the noise is drawn here, once"),
            step("loop", 6, 5, 28, "this runs for every batch"),
            step("consumer", 7, 16, 37, "model gets the same draw every time"),
        ],
        "fix": {
            "applicability": "safe",
            "message": "Draw inside the loop, anew for every batch",
            "edits": [
                edit(5, 6, ""),
                edit(7, 7, "        noise = torch.randn(3, 32, 32) * 0.1\n"),
            ],
        },
        "url": module["url"],
    }
    assert (notebook["cell"], notebook["line"], notebook["evidence"][0]["cell"]) == (2, 5, 2)
    assert (syntax["code"], syntax["line"], syntax["fix"], syntax["evidence"]) == ("JIT000", 1, None, [])


def step(role: str, line: int, column: int, end_column: int, message: str) -> dict[str, object]:
    place = {"line": line, "column": column, "end_line": line, "end_column": end_column, "cell": None}
    return {"role": role, "path": "sub dir/träin.py", **place, "message": message}


def edit(line: int, end_line: int, content: str) -> dict[str, object]:
    return {"line": line, "column": 1, "end_line": end_line, "end_column": 1, "cell": None, "content": content}


def test_json_of_nothing_is_an_empty_list(shell: Shell) -> None:
    shell.write("train.py", CORRECT)
    result = shell.run("--format", "json")
    assert (json.loads(result.out), result.err) == ([], "")


def test_sarif_is_valid(project: Shell) -> None:
    log = json.loads(project.run("--format", "sarif").out)
    jsonschema.Draft4Validator(json.loads(SCHEMA.read_text())).validate(log)
    notebook, module, _ = log["runs"][0]["results"]
    assert module["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": "sub%20dir/tr%C3%A4in.py"}
    steps = module["codeFlows"][0]["threadFlows"][0]["locations"]
    assert [item["location"]["physicalLocation"]["region"]["startLine"] for item in steps] == [5, 6, 7]
    assert steps[0]["location"]["message"]["text"] == "draw: the noise is drawn here, once"
    deleted, inserted = module["fixes"][0]["artifactChanges"][0]["replacements"]
    assert deleted["deletedRegion"]["endLine"] == 6 and inserted["insertedContent"]["text"].startswith("        noise")
    assert log["runs"][0]["tool"]["driver"]["rules"][module["ruleIndex"]]["id"] == "JIT102"
    assert notebook["locations"][0]["physicalLocation"]["region"] == {"startLine": LINE_OF_NOTEBOOK}
    assert notebook["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "nb.ipynb:cell 2:5:13"


def test_sarif_of_nothing_is_valid(shell: Shell) -> None:
    log = json.loads(shell.run("--format", "sarif").out)
    jsonschema.Draft4Validator(json.loads(SCHEMA.read_text())).validate(log)
    assert log["runs"][0]["results"] == []


def test_github(project: Shell) -> None:
    notebook, module, _ = project.run("--format", "github").lines
    start = "::error title=JIT102 (hoisted-noise),file=sub dir/träin.py,line=5,endLine=5,col=13,endColumn=35::"
    assert module.startswith(start + "sub dir/träin.py:5:13: the same draw is used")
    assert "%0Aloop: sub dir/träin.py:6:5: this runs for every batch" in module
    assert notebook.startswith(
        f"::error title=JIT102 (hoisted-noise),file=nb.ipynb,line={LINE_OF_NOTEBOOK}::nb.ipynb:cell 2:5:13: "
    )


def test_github_escapes(shell: Shell) -> None:
    shell.write("a,b:100%.py", "def f(:\n")
    assert "file=a%2Cb%3A100%25.py,line=1" in shell.run("--format", "github").out


def test_gitlab_fingerprints_stay_when_lines_move(shell: Shell) -> None:
    path = shell.write("train.py", HOISTED + HOISTED.replace("def train", "def again"))
    issues = json.loads(shell.run("--format", "gitlab").out)
    assert issues[0]["location"] == {"path": "train.py", "lines": {"begin": 5, "end": 5}}
    assert (issues[0]["check_name"], issues[0]["severity"]) == ("JIT102", "major")
    names = [issue["fingerprint"] for issue in issues]
    assert len(set(names)) == len(names) >= 1
    path.write_text("\n\n" + HOISTED + HOISTED.replace("def train", "def again"))
    assert [issue["fingerprint"] for issue in json.loads(shell.run("--format", "gitlab").out)] == names


def test_junit(project: Shell) -> None:
    suites = ElementTree.fromstring(project.run("--format", "junit").out)
    assert (suites.attrib["tests"], suites.attrib["failures"]) == ("3", "3")
    case = suites.findall("./testsuite/testcase")[1]
    assert (case.attrib["file"], case.attrib["line"]) == ("sub dir/träin.py", "5")
    failure = case.find("failure")
    assert failure is not None and "loop: sub dir/träin.py:6:5" in (failure.text or "")


def test_junit_of_nothing_has_a_test_that_passed(shell: Shell) -> None:
    suites = ElementTree.fromstring(shell.run("--format", "junit").out)
    assert (suites.attrib["tests"], suites.attrib["failures"]) == ("1", "0")
    assert suites.find("./testsuite/testcase/failure") is None


def test_junit_leaves_out_what_xml_cannot_say(shell: Shell) -> None:
    shell.write("a\x01b.py", "def f(:\n")
    ElementTree.fromstring(shell.run("--format", "junit").out)


def test_concise_colours(shell: Shell) -> None:
    shell.write("train.py", HOISTED)
    assert "\033[" not in shell.run().out
    assert shell.run("--color", "always").out.startswith("\033[1mtrain.py:5:13\033[0m: \033[1;31mJIT102\033[0m ")
