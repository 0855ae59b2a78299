"""Which versions of a library files of requirements allow."""

from __future__ import annotations

from pathlib import Path

import pytest

from jitlint.versions import Allowed, Version, allowed_versions
from tests.jitlint.beside import found

TORCH = r"(?:torch|pytorch)"


def allowed(files: dict[str, str], *folders: str) -> Allowed | None:
    """What files (by path) allow of torch, looked at from some folders."""
    texts = {f"/p/{name}": text.encode() for name, text in files.items()}
    return allowed_versions(TORCH, iter(f"/p{folder}" for folder in folders or ("",)), texts.get)


@pytest.mark.parametrize(
    ("file", "text", "least", "below"),
    [
        ("requirements.txt", "torch==1.6.0\n", (1, 6, 0), (1, 7)),
        ("requirements.txt", "numpy\ntorch>=1.0,<1.9  # old\n", (1, 0), (1, 9)),
        ("requirements.txt", "torch >= 0.4\ntorchvision==0.2\n", (0, 4), None),
        ("requirements.txt", "torch==1.10.0+cu113\n", (1, 10, 0), (1, 11)),
        ("requirements.txt", "torch~=1.8.0", (1, 8, 0), (1, 9)),
        ("requirements.txt", "# torch==1.2\ntorch>=2.0\n", (2, 0), None),
        ("environment.yml", "dependencies:\n  - pytorch=1.7.1=py3.7_cuda\n", (1, 7, 1), (1, 8)),
        ("environment.yml", "  - pytorch::pytorch=1.4\n", (1, 4), (1, 5)),
        ("pyproject.toml", 'torch = "^1.6"\n', (1, 6), (2,)),
        ("pyproject.toml", 'dependencies = ["torch==1.8.1"]\n', (1, 8, 1), (1, 9)),
        ("pyproject.toml", 'torch = {version = "1.7.1", source = "x"}\n', (1, 7, 1), (1, 8)),
        ("setup.py", 'setup(install_requires=["torch>=1.4.0", "x"])', (1, 4, 0), None),
        ("README.md", "- Python 3\n- PyTorch 1.6.0\n", (1, 6, 0), (1, 7)),
        ("README.md", "requires PyTorch >= 1.7", (1, 7), None),
        ("README.md", "PyTorch (v1.12)", (1, 12), (1, 13)),
        ("README.md", "PyTorch 1.4+ is", (1, 4), None),
    ],
)
def test_bounds(file: str, text: str, least: Version, below: Version | None) -> None:
    assert allowed({file: text}) == Allowed(least, below, file, file.startswith("README"))


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("requirements.txt", "torch\n"),
        ("requirements.txt", "torchvision==0.5\npytorch-lightning==1.2\n"),
        ("README.md", "## PyTorch\n1. Clone this repository\n"),
        ("README.md", "PyTorch 1. is needed"),
    ],
)
def test_no_version_is_named(file: str, text: str) -> None:
    assert allowed({file: text}) is None


def test_the_nearest_file_counts_and_prose_last() -> None:
    files = {"a/requirements.txt": "torch==1.5", "requirements.txt": "torch==1.6", "a/README.md": "PyTorch 1.4"}
    assert allowed(files, "/a", "") == Allowed((1, 5), (1, 6), "requirements.txt")
    del files["a/requirements.txt"]
    assert allowed(files, "/a", "") == Allowed((1, 6), (1, 7), "requirements.txt")


def test_patterns_are_linear() -> None:
    text = "torch" + "=1.1" * 250_000 + "\n" + "torch " * 50_000 + "1" * 100_000
    assert allowed({"requirements.txt": text}) is not None


CROPS = """
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset
class Crops(Dataset):
    def __getitem__(self, i):
        left = np.random.randint(32)
        return self.images[i][:, left : left + 224]
def seed(worker):
    np.random.seed(torch.initial_seed() % 2**32)
loader = DataLoader(Crops(), num_workers=4HERE)
# file: requirements.txt
"""


@pytest.mark.parametrize(
    ("requirement", "option", "confidence"),
    [
        ("torch==1.6", "", "HIGH"),
        ("torch>=1.2", "", "MEDIUM"),
        ("torch>=1.9", "", None),
        ("torch", "", None),
        ("torch==1.6", ", worker_init_fn=seed", None),
    ],
)
def test_numpy_in_workers(requirement: str, option: str, confidence: str | None, tmp_path: Path) -> None:
    candidates = found("JIT305", CROPS.replace("HERE", option) + requirement, tmp_path)
    assert [item.confidence.name for item in candidates] == ([confidence] if confidence else [])
    assert all(item.span.line == 7 for item in candidates)


def test_a_draw_that_only_tries_again(tmp_path: Path) -> None:
    text = CROPS.replace("left = np.random.randint(32)", "if i in self.broken: return self[np.random.randint(9)]")
    assert (
        found("JIT305", text.replace("HERE", "").replace("[:, left : left + 224]", "") + "torch==1.6", tmp_path) == []
    )
