"""Reports for machines have the structure that their readers document, with hostile paths and with nothing found."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

import jsonschema
import pytest
import xmlschema

from tests.jitlint.command_line import CORRECT, HOISTED, Shell
from tests.jitlint.test_report_formats import NOTEBOOK

DATA = Path(__file__).parent.parent / "data"
# https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
GITLAB = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "additionalProperties": False,
        "properties": {
            "description": {"type": "string", "minLength": 1},
            "check_name": {"type": "string", "pattern": "^JIT[0-9]{3}$"},
            "fingerprint": {"type": "string", "minLength": 1},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "additionalProperties": False,
                "properties": {
                    "path": {"type": "string", "pattern": "^(?![./])."},  # in the repository, without ./
                    "lines": {
                        "type": "object",
                        "required": ["begin"],
                        "additionalProperties": False,
                        "properties": {
                            "begin": {"type": "integer", "minimum": 1},
                            "end": {"type": "integer", "minimum": 1},
                        },
                    },
                },
            },
        },
    },
}
# https://github.com/testmoapp/junitxml, which collects what Jenkins, GitLab, pytest and others write and read:
# for each element the attributes that it must have, those that it may have, and its children.
TOTALS = {"name", "tests", "failures", "errors"}
TIMES = {"skipped", "assertions", "time", "timestamp"}
JUNIT: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": (TOTALS, TIMES, {"testsuite"}),
    "testsuite": (TOTALS, TIMES | {"file"}, {"properties", "system-out", "system-err", "testcase"}),
    "testcase": (
        {"name", "classname"},
        {"assertions", "time", "file", "line"},
        {"skipped", "error", "failure", "properties", "system-out", "system-err"},
    ),
    "failure": ({"message"}, {"type"}, set()),
}


@pytest.fixture(params=["findings", "nothing"])
def project(request: pytest.FixtureRequest, shell: Shell) -> Shell:
    shell.write("clean.py", CORRECT)
    if request.param == "findings":
        shell.write("sub dir/träin.py", HOISTED + HOISTED.replace("def train", "def again"))
        shell.write('a"<&>\x01\n.py', HOISTED)
        shell.write("nb.ipynb", NOTEBOOK)
        shell.write("syntax.py", "def f(:\n")
    return shell


def test_gitlab(project: Shell) -> None:
    issues = json.loads(project.run("--format", "gitlab").out)
    jsonschema.Draft7Validator.check_schema(GITLAB)
    jsonschema.validate(issues, GITLAB)
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)
    assert bool(issues) == (project.folder / "syntax.py").exists()
    for issue in issues:
        lines = issue["location"]["lines"]
        assert lines["begin"] <= lines.get("end", lines["begin"])
        assert ".." not in PurePosixPath(issue["location"]["path"]).parts


def test_junit(project: Shell) -> None:
    text = project.run("--format", "junit").out
    assert text.startswith('<?xml version="1.0" encoding="utf-8"?>\n<testsuites')
    root = ElementTree.fromstring(text)
    assert root.tag == "testsuites"
    assert (int(root.attrib["failures"]) > 0) == (project.folder / "syntax.py").exists()
    for element in root.iter():
        needed, allowed, children = JUNIT[element.tag]
        assert needed <= element.attrib.keys() <= needed | allowed
        assert {child.tag for child in element} <= children
    for group in (root, *root.findall("testsuite")):
        cases = group.findall(".//testcase")
        assert int(group.attrib["tests"]) == len(cases) >= 1
        assert int(group.attrib["failures"]) == len(group.findall(".//failure"))
        assert group.attrib["errors"] == "0"
        assert all(int(case.attrib.get("line", "1")) >= 1 for case in cases)


def test_junit_by_the_schema_of_jenkins(project: Shell) -> None:
    """The xUnit plugin's own, but for two attributes that it does not know: GitLab links a test by them."""
    root = ElementTree.fromstring(project.run("--format", "junit").out)
    for case in root.iter("testcase"):
        for name in ("file", "line"):
            case.attrib.pop(name, None)
    xmlschema.XMLSchema(DATA / "junit-10.xsd").validate(root)
