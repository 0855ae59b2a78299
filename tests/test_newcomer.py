"""A first day with jitlint: the wheel in an environment that has nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.checkout import build_wheel

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "constraints.txt"


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with the wheel of this checkout, pytest, and the linter's own dependencies."""
    source, wheels, home = (tmp_path_factory.mktemp(name) for name in ("source", "wheels", "home"))
    wheel = build_wheel(source, wheels)
    venv.create(home, with_pip=True)
    here = home / ("Scripts" if os.name == "nt" else "bin") / "python"
    install = [here, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "-c", CONSTRAINTS]
    subprocess.run([*install, "pytest", wheel], check=True, timeout=300)
    return here


def run(python: Path, *arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([python, *arguments], cwd=cwd, capture_output=True, text=True, timeout=120)


def test_the_environment_has_no_training_library(python: Path, tmp_path: Path) -> None:
    assert run(python, "-c", "import torch", cwd=tmp_path).returncode == 1


def test_pytest_of_a_project_without_torch_is_left_alone(python: Path, tmp_path: Path) -> None:
    (tmp_path / "test_own.py").write_text("def test_own():\n    assert True\n")
    result = run(python, "-m", "pytest", "-q", "--strict-markers", cwd=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "1 passed" in result.stdout
    assert "--probe-report" in run(python, "-m", "pytest", "--help", cwd=tmp_path).stdout


def test_a_test_that_asks_for_the_probe_says_what_to_install(python: Path, tmp_path: Path) -> None:
    (tmp_path / "test_own.py").write_text("def test_own(probe_coords):\n    pass\n")
    result = run(python, "-m", "pytest", "-q", cwd=tmp_path)
    assert result.returncode == 1
    assert 'runtime_probe needs PyTorch; install it with: pip install "jitlint[probe]"' in result.stdout


@pytest.mark.parametrize(
    ("package", "missing", "extra"),
    [("runtime_probe", "PyTorch", "probe"), ("reference_model", "torch", "reference")],
)
def test_a_package_without_its_extra_says_what_to_install(
    python: Path, tmp_path: Path, package: str, missing: str, extra: str
) -> None:
    result = run(python, "-m", package, "--help", cwd=tmp_path)
    advice = f'install it with: pip install "jitlint[{extra}]" (from a clone: ".[{extra}]")'
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"{package}: needs {missing}; {advice}\n"


def test_the_linter_works_at_once(python: Path, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_bytes((ROOT / "examples" / "coordinates" / "buggy.py").read_bytes())
    result = run(python, "-m", "jitlint", "check", "train.py", cwd=tmp_path)
    assert result.returncode == 1
    assert "JIT101" in result.stdout


def test_pytest_with_torch_at_hand_does_not_import_it(tmp_path: Path) -> None:
    """In this environment, which has torch."""
    (tmp_path / "test_own.py").write_text(
        "import sys\n\ndef test_own():\n    assert 'runtime_probe' not in sys.modules and 'torch' not in sys.modules\n"
    )
    result = run(
        Path(sys.executable), "-m", "pytest", "-q", "-p", "pytest_runtime_probe", "-p", "no:runtime_probe", cwd=tmp_path
    )
    assert result.returncode == 0, result.stdout
