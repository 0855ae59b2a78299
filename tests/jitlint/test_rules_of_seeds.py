"""The rules about seeds that start over: what draws after them, and in which code."""

from __future__ import annotations

from pathlib import Path

import pytest

from jitlint.api import lint_paths
from jitlint.config import Settings
from jitlint.diagnostic import Confidence
from tests.jitlint.beside import found

# A method that is called for every piece of sound, and seeds for the dither of the filter bank.
AGENT = """
import torch
import torchaudio.compliance.kaldi as kaldi
class Features:
    def __init__(self, mean):
        self.mean = mean
    def __call__(self, samples):
        torch.manual_seed(1)
        output = kaldi.fbank(torch.tensor(samples))
        return self.transform(output)
    def transform(self, output):
        return HERE
"""
NOISY = "output + torch.randn_like(output)"
LOOP = """
import jax
import torch
def batches(model):
    for _ in range(4):
        {}
        model(x).mean().backward()
"""
LOOPS = {
    "JIT301": LOOP.format("torch.manual_seed(0)\n        x = torch.rand(2, 4)"),
    "JIT302": LOOP.format("key = jax.random.PRNGKey(0)\n        x = jax.random.uniform(key, (2, 4))"),
}


def test_a_function_of_the_project_is_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, result, codes in (("plain", "output - self.mean", set()), ("noisy", NOISY, {"JIT301"})):
        path = tmp_path / f"{name}.py"
        path.write_text(AGENT.replace("HERE", result))
        said = lint_paths([path.name], Settings(confidence=Confidence.MEDIUM)).diagnostics
        assert {item.code for item in said} == codes


@pytest.mark.parametrize("code", LOOPS)
def test_tests_start_over_on_purpose(code: str, tmp_path: Path) -> None:
    assert found(code, f"# file: batches.py\n{LOOPS[code]}", tmp_path / "training")
    assert found(code, f"# file: batches_test.py\n{LOOPS[code]}", tmp_path / "checks") == []
