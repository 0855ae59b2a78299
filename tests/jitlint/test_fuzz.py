"""A few hundred inputs of `benchmarks/fuzz.py`: no internal error, none slow, the same findings in any way."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

from fuzz_inputs import KINDS, inputs, material_of  # noqa: E402 - beside the benchmarks


def test_no_input_ends_a_run() -> None:
    """Six rounds over the nine kinds alone, then one batch as a tree."""
    command = [sys.executable, "benchmarks/fuzz.py", "examples", "tests/fixtures", "--inputs", "54"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr + run.stdout
    assert "; 54 inputs in" in run.stdout
    assert " inputs were linted as trees" in run.stdout


def test_every_kind_of_input_is_made_and_the_same_seed_makes_the_same() -> None:
    material = material_of([ROOT / "examples"], random.Random(0))
    assert len(material.files) >= 5
    made = list(inputs(material, random.Random(3), 4 * len(KINDS)))
    assert {item.kind for item in made} == set(KINDS)
    assert made == list(inputs(material_of([ROOT / "examples"], random.Random(0)), random.Random(3), 4 * len(KINDS)))
    assert len({item.data for item in made}) > 3 * len(KINDS)
