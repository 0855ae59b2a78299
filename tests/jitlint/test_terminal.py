"""What is printed fits the page, and is coloured when it should be."""

from __future__ import annotations

import re

import pytest

from tests.jitlint.command_line import HOISTED, Shell

LONG = HOISTED.replace("noise", "noise_of_every_coordinate_that_the_network_is_trained_with")
COLOUR = "\x1b["


@pytest.mark.parametrize("columns", [60, 80, 140])
@pytest.mark.parametrize("source", [HOISTED, LONG], ids=["short", "long"])
def test_the_report_fits_the_page(source: str, columns: int, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    shell.write("train.py", source)
    lines = shell.run("--format", "full").lines
    place = next(line for line in lines if line.startswith("train.py:"))  # in one piece: terminals link it
    assert "JIT102" in place
    end = next(n for n, line in enumerate(lines) if line.startswith("Found "))
    assert any("│" in line for line in lines[:end])
    assert any(line.endswith("(jitlint --fix)") for line in lines[:end])
    assert max(len(line) for line in lines[:end] if line != place) <= columns


@pytest.mark.parametrize(
    ("variables", "arguments", "coloured"),
    [
        ({}, (), False),  # no terminal reads it
        ({"FORCE_COLOR": "1"}, (), True),
        ({"FORCE_COLOR": ""}, (), False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, (), False),
        ({"NO_COLOR": ""}, ("--color", "always"), True),
        ({"NO_COLOR": "1"}, ("--color", "always"), True),  # the command line is nearer
        ({"FORCE_COLOR": "1"}, ("--color", "never"), False),
    ],
)
def test_colours(
    variables: dict[str, str],
    arguments: tuple[str, ...],
    coloured: bool,
    shell: Shell,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    shell.write("train.py", HOISTED)
    for form in ("full", "concise"):
        assert (COLOUR in shell.run("--format", form, *arguments).out) == coloured


def test_colours_change_no_text(shell: Shell) -> None:
    shell.write("train.py", HOISTED)
    plain, coloured = (shell.run("--format", "full", "--color", when).out for when in ("never", "always"))
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == plain
