"""Plugins in the server, in flake8 and in the API: loaded and refused exactly as by the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("flake8")
pytest.importorskip("pygls")

from tests.jitlint.test_plugins import BAD, NAMED, PLUGIN, ROOT, TRAP, Lab

REFUSED = "plugin lab_rules is not loaded without --allow-plugins"
Answer = tuple[set[str], str]  # the codes that were found, and what was said


def environment(lab: Lab) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("XDG")}
    return {**kept, "HOME": str(lab.home), "PYTHONPATH": str(ROOT)}


def run(lab: Lab, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command], cwd=lab.project, capture_output=True, text=True, env=environment(lab), check=False
    )


def by_command_line(lab: Lab, path: Path) -> Answer:
    found = run(lab, "-m", "jitlint", "--no-cache", "--format", "json", str(path))
    return {item["code"] for item in json.loads(found.stdout)}, found.stderr


def by_flake8(lab: Lab, path: Path) -> Answer:
    found = run(lab, "-m", "flake8", "--isolated", "--select", "JIT,LAB", "--format", "%(code)s", str(path))
    return set(found.stdout.split()), found.stderr


def by_paths(lab: Lab, path: Path) -> Answer:
    return by_api(lab, f"lint_paths([{str(path)!r}])")


def by_text(lab: Lab, path: Path) -> Answer:
    return by_api(lab, f"lint_text({path.read_text()!r}, {str(path)!r})")


def by_api(lab: Lab, call: str) -> Answer:
    code = (
        f"import sys; from jitlint import lint_paths, lint_text; report = {call}\n"
        "print(*[item.code for item in report.diagnostics])\n"
        "print(*report.problems, *report.warnings, sep='\\n', file=sys.stderr)\n"
    )
    found = run(lab, "-c", code)
    return set(found.stdout.split()), found.stderr


def by_server(lab: Lab, path: Path, *arguments: str) -> Answer:
    """What a client is sent by the time that it has the diagnostics."""
    command = [sys.executable, "-m", "jitlint", "server", *arguments]
    with subprocess.Popen(
        command, cwd=lab.project, env=environment(lab), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as server:
        root = {"rootUri": lab.project.as_uri(), "capabilities": {}, "processId": None}
        document = {"uri": path.as_uri(), "languageId": "python", "version": 1, "text": path.read_text()}
        _send(server, "initialize", root, 1)
        _send(server, "initialized", {})
        _send(server, "textDocument/didOpen", {"textDocument": document})
        said = []
        while (message := _received(server)).get("method") != "textDocument/publishDiagnostics":
            said += [message["params"]["message"]] if message.get("method") == "window/showMessage" else []
        server.kill()
    return {item["code"] for item in message["params"]["diagnostics"]}, "\n".join(said)


def _send(server: subprocess.Popen[bytes], method: str, params: object, number: int | None = None) -> None:
    message = {"jsonrpc": "2.0", "method": method, "params": params, **({"id": number} if number else {})}
    body = json.dumps(message).encode()
    assert server.stdin is not None
    server.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    server.stdin.flush()


def _received(server: subprocess.Popen[bytes]) -> dict[str, Any]:
    assert server.stdout is not None
    size = 0
    while line := server.stdout.readline().strip():
        if line.lower().startswith(b"content-length:"):
            size = int(line.partition(b":")[2])
    assert size, "the server ended"
    message: dict[str, Any] = json.loads(server.stdout.read(size))
    return message


WAYS = pytest.mark.parametrize("way", [by_command_line, by_flake8, by_paths, by_text, by_server])
Way = Callable[[Lab, Path], Answer]


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    made = Lab(tmp_path)
    made.write("pyproject.toml", "[tool.jitlint]\n")
    return made


@WAYS
def test_the_users_own_plugins_are_loaded(way: Way, lab: Lab) -> None:
    lab.own("jitlint.toml", 'plugins = ["lab_rules"]\n')
    lab.own("lab_rules.py", PLUGIN.read_text())
    codes, said = way(lab, lab.project / "train.py")
    assert codes == {"LAB001"}
    assert "plugin" not in said


@WAYS
def test_a_plugin_that_the_linted_tree_names_is_refused_and_that_is_said(way: Way, lab: Lab) -> None:
    lab.write("pyproject.toml", NAMED + 'extend-select = ["LAB001"]\n')
    lab.write("lab_rules.py", TRAP)
    codes, said = way(lab, lab.project / "train.py")
    assert (codes, said.count(REFUSED)) == (set(), 1)
    assert not (lab.project / "ran").exists()


@WAYS
def test_a_file_of_another_tree_is_not_trusted_either(way: Way, lab: Lab, tmp_path: Path) -> None:
    """As when an editor that has one project open shows a file of a stranger's."""
    other = tmp_path / "other"
    other.mkdir()
    for name, text in (("jitlint.toml", 'plugins = ["lab_rules"]\n'), ("lab_rules.py", TRAP), ("train.py", BAD)):
        (other / name).write_text(text)
    codes, said = way(lab, other / "train.py")
    assert (codes, REFUSED in said) == (set(), True)
    assert not (other / "ran").exists()


@WAYS
def test_a_plugin_that_cannot_be_loaded_is_said(way: Way, lab: Lab) -> None:
    lab.own("jitlint.toml", 'plugins = ["no_such_module"]\n')
    _, said = way(lab, lab.project / "train.py")
    assert said.count("plugin no_such_module cannot be loaded: ModuleNotFoundError") == 1


def test_the_server_loads_them_when_its_owner_says_so(lab: Lab) -> None:
    lab.write("pyproject.toml", NAMED + 'extend-select = ["LAB001"]\n')
    lab.write("lab_rules.py", PLUGIN.read_text())
    assert by_server(lab, lab.project / "train.py", "--stdio", "--allow-plugins") == ({"LAB001"}, "")
