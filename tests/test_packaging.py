"""What a person who installs jitlint gets."""

from __future__ import annotations

import re
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.checkout import build_wheel

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
PACKAGES = {"jitlint", "runtime_probe", "reference_model", "pytest_runtime_probe.py"}
CONSTRAINTS = [
    Requirement(line)
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


def dependencies() -> set[str]:
    """Names of everything that the package or one of its extras asks for, but the package itself."""
    lines = PROJECT["dependencies"] + [line for extra in PROJECT["optional-dependencies"].values() for line in extra]
    return {Requirement(line).name for line in lines} - {"jitlint"}


def test_the_linter_alone_installs_little() -> None:
    assert {Requirement(line).name for line in PROJECT["dependencies"]} == {"libcst", "rich", "tomli"}


def test_every_dependency_is_pinned_in_the_constraints() -> None:
    pinned = {constraint.name for constraint in CONSTRAINTS if str(constraint.specifier).startswith("==")}
    assert dependencies() == pinned


def test_the_pinned_versions_are_allowed() -> None:
    lines = PROJECT["dependencies"] + [line for extra in PROJECT["optional-dependencies"].values() for line in extra]
    for asked in map(Requirement, lines):
        for constraint in CONSTRAINTS:
            if constraint.name == asked.name:
                (pin,) = constraint.specifier
                assert pin.version in asked.specifier, constraint


def test_no_cuda_build_of_torch_can_be_installed_under_the_constraints() -> None:
    (triton,) = [constraint for constraint in CONSTRAINTS if constraint.name == "triton"]
    assert not list(triton.specifier.filter(["0.1", "1.0", "3.7.1"]))


def test_the_oldest_python_is_the_same_everywhere() -> None:
    oldest = PROJECT["requires-python"].removeprefix(">=")
    assert f"Programming Language :: Python :: {oldest}" in PROJECT["classifiers"]
    assert PYPROJECT["tool"]["ruff"]["target-version"] == f"py{oldest.replace('.', '')}"
    assert f"Python >= {oldest}" in (ROOT / "Makefile").read_text(encoding="utf-8")
    assert f"Python ≥ {oldest}" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_version_is_in_the_changelog() -> None:
    assert re.search(
        rf"^## {re.escape(PROJECT['version'])}\b", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE
    )


def test_the_other_linters_are_pinned_as_they_were_measured() -> None:
    text = (ROOT / "benchmarks" / "constraints.txt").read_text(encoding="utf-8")
    pins = dict(line.split("==") for line in text.splitlines() if "==" in line)
    page = (ROOT / "docs" / "detection-matrix.md").read_text(encoding="utf-8")
    (line,) = [line for line in page.splitlines() if line.startswith("ruff ") and "semgrep " in line]
    measured = dict(item.split(" ") for item in line.rstrip(".").split(", "))
    assert {name: pins.get(name) for name in measured} == measured
    assert set(measured) <= set((ROOT / "Makefile").read_text(encoding="utf-8").split()), "make bench installs them"


# ------------------------------------------------------------------------------------------------ wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.Path:
    """The wheel that pip builds from this checkout."""
    built = build_wheel(tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel"))
    return zipfile.Path(built)


def test_the_wheel_has_all_modules_and_no_tests(wheel: zipfile.Path) -> None:
    names = set(wheel.root.namelist())
    assert {str(path.relative_to(ROOT).as_posix()) for path in (ROOT / "jitlint").rglob("*.py")} <= names
    assert "jitlint/py.typed" in names
    packages = {name.partition("/")[0] for name in names}
    assert packages <= {*PACKAGES, f"jitlint-{PROJECT['version']}.dist-info"}


def test_the_wheel_has_the_command_and_the_licence(wheel: zipfile.Path) -> None:
    information = wheel / f"jitlint-{PROJECT['version']}.dist-info"
    assert "jitlint = jitlint.cli:main" in (information / "entry_points.txt").read_text(encoding="utf-8")
    assert (information / "licenses" / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")
