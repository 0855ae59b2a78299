"""A few hundred inputs of `benchmarks/fuzz.py`: no internal error, none slow, the same findings in any way."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

from fuzz_inputs import KINDS, inputs, material_of  # noqa: E402 - beside the benchmarks


@pytest.mark.parametrize("seed", [1, 2])
def test_no_input_ends_a_run(seed: int, tmp_path: Path) -> None:
    command = [sys.executable, "benchmarks/fuzz.py", "examples", "tests/fixtures"]
    options = ["--inputs", "150", "--seed", str(seed), "--keep", str(tmp_path)]
    run = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr + run.stdout
    assert "150 inputs in" in run.stdout


def test_every_kind_of_input_is_made_and_the_same_seed_makes_the_same() -> None:
    material = material_of([ROOT / "examples"], random.Random(0))
    assert len(material.files) > 10
    made = list(inputs(material, random.Random(3), 4 * len(KINDS)))
    assert {item.kind for item in made} == set(KINDS)
    assert made == list(inputs(material_of([ROOT / "examples"], random.Random(0)), random.Random(3), 4 * len(KINDS)))
    assert len({item.data for item in made}) > 3 * len(KINDS)
