"""What the fixes of rules do to whole programs: the bug is gone, no other comes, comments stay, a second run rests."""

from __future__ import annotations

import ast
import io
import tokenize
from collections import Counter
from pathlib import Path

import pytest

from jitlint.api import fix_text, lint_text
from jitlint.config import Settings
from jitlint.diagnostic import Applicability, Confidence
from jitlint.rules import find_rule

SETTINGS = Settings(confidence=Confidence.LOW)
SAFE, UNSAFE = Applicability.SAFE, Applicability.UNSAFE
WORKERS = """
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset
class Noisy(Dataset):
    def __init__(self, images):
        self.images = images
        self.rng = MAKER
    def __len__(self):
        return len(self.images)
    def __getitem__(self, i):
        return self.images[i] + DRAW
def main():
    train_loader = DataLoader(Noisy(torch.zeros(8, 3)), batch_size=2, num_workers=2)
    return [[batch for batch in train_loader] for epoch in range(2)]
"""
NUMPY_DRAW = "self.rng.normal(size=3)"
IMGAUG = """
from imgaug import augmenters as iaa
from torch.utils.data import DataLoader, Dataset
class Faces(Dataset):
    def __init__(self, images):
        self.images, self.augmenter = images, iaa.Affine(rotate=(-20, 20))
    def __getitem__(self, i):
        return self.augmenter(image=self.images[i])
def loader(images):
    return DataLoader(
        Faces(images),
        num_workers=6,
    )
"""
PIPELINE = """
from torch.utils.data import DataLoader
from torchvision import datasets, transforms
train_transform = transforms.Compose(
    [
        transforms.RandomCrop(32, padding=4),
        transforms.ToTensor(),
        transforms.RandomErasing(),
    ]
)
train_set = datasets.CIFAR10("data", transform=train_transform)
val_set = datasets.CIFAR10("data", False, train_transform)
val_loader = DataLoader(val_set)
"""
KEYS = """
from jax import random
import jax
def train(params, loader, seed):
    key = random.PRNGKey(seed)
    subkey = None
    for batch in loader:
        if params is not None:
            noise = random.normal(shape=batch.shape, key=key)
        params = jax.grad(loss)(params, batch + noise)
    return params
"""
FILE = """
import tensorflow as tf
def augment(image):
    return tf.image.random_flip_left_right(image)
train = tf.data.Dataset.from_tensor_slices(images).map(augment).shuffle(9).cache("images").batch(32)
"""
DROPOUT = """
from torch import nn
import torch.nn.functional as F
class Net(nn.Module):
    def forward(self, x):
        x = F.dropout(
            self.fc1(x),
            p=0.5,
        )
        return self.fc2(x)
def train(model, optimizer, loader):
    for x, y in loader:
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
def accuracy(model, x):
    model.eval()
    return model(x)
"""


def invalid(code: str, number: int) -> str:
    """A program of a rule's own."""
    rule = find_rule(code)
    assert rule is not None
    return rule.INVALID[number]


PROGRAMS = {
    "cache": ("JIT105", SAFE, invalid("JIT105", 0)),
    "cache in a file": ("JIT105", UNSAFE, FILE),
    "cycle": ("JIT105", SAFE, invalid("JIT105", 2)),
    "train": ("JIT207", UNSAFE, invalid("JIT207", 0)),
    "train in a branch": ("JIT207", UNSAFE, invalid("JIT207", 1)),
    "generator": ("JIT303", UNSAFE, invalid("JIT303", 0)),
    "generator of entropy": (
        "JIT303",
        SAFE,
        WORKERS.replace("MAKER", "np.random.default_rng()").replace("DRAW", NUMPY_DRAW),
    ),
    "worker number": ("JIT304", SAFE, invalid("JIT304", 0)),
    "two libraries": ("JIT304", SAFE, invalid("JIT304", 1)),
    "imgaug": ("JIT304", SAFE, IMGAUG),
    "epoch": ("JIT306", SAFE, invalid("JIT306", 0)),
    "epoch of a class": ("JIT306", SAFE, invalid("JIT306", 2)),
    "key in a loop": ("JIT308", UNSAFE, invalid("JIT308", 0)),
    "key twice": ("JIT308", UNSAFE, invalid("JIT308", 1)),
    "key for a step": ("JIT308", UNSAFE, invalid("JIT308", 2)),
    "key in a branch": ("JIT308", UNSAFE, KEYS),
    "dropout": ("JIT401", SAFE, invalid("JIT401", 0)),
    "dropout on lines": ("JIT401", SAFE, DROPOUT),
    "pipeline": ("JIT401", UNSAFE, PIPELINE),
}


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty current directory: what other files of a project do counts too."""
    monkeypatch.chdir(tmp_path)


def commented(text: str) -> str:
    """The program with a comment above and behind every line that begins and ends a statement."""
    lines = text.splitlines()
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    ends = {token.start[0] for token in tokens if token.type == tokenize.NEWLINE}
    written: list[str] = []
    begins = True
    for number, line in enumerate(lines, 1):
        if begins and line.strip():
            written.append(f"{line[: len(line) - len(line.lstrip())]}# above {number}")
        written.append(f"{line}  # behind {number}" if number in ends else line)
        begins = number in ends or not line.strip()
    return "\n".join(written) + "\n"


def comments(text: str) -> Counter[str]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return Counter(token.string for token in tokens if token.type == tokenize.COMMENT)


def codes(text: str) -> Counter[str]:
    return Counter(item.code for item in lint_text(text, "train.py", SETTINGS).diagnostics)


@pytest.mark.parametrize("comment", [False, True], ids=["plain", "commented"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_fix_mends_its_finding_and_nothing_else(name: str, comment: bool) -> None:
    code, applicability, program = PROGRAMS[name]
    text = commented(program) if comment else program
    before = [item for item in lint_text(text, "train.py", SETTINGS).diagnostics if item.code == code]
    assert [item.fix.applicability for item in before if item.fix is not None] == [applicability]
    fixed = fix_text(text, "train.py", SETTINGS, unsafe=True)
    ast.parse(fixed)
    assert codes(fixed) == Counter({key: count for key, count in codes(text).items() if key != code})
    assert comments(fixed) == comments(text)
    assert fix_text(fixed, "train.py", SETTINGS, unsafe=True) == fixed
    if applicability is UNSAFE:
        assert fix_text(text, "train.py", SETTINGS) == text


@pytest.mark.parametrize(
    ("maker", "draw"),
    [
        ("np.random.default_rng(0)", NUMPY_DRAW),
        ("np.random.RandomState(0)", NUMPY_DRAW),
        ("torch.Generator().manual_seed(0)", "torch.randn(3, generator=self.rng)"),
    ],
)
def test_workers_draw_other_numbers_in_every_epoch_once_mended(maker: str, draw: str) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("numpy")
    program = WORKERS.replace("MAKER", maker).replace("DRAW", draw)

    def epochs(text: str) -> list[list[object]]:
        names: dict[str, object] = {"__name__": "train"}
        exec(compile(text, "train.py", "exec"), names)
        main = names["main"]
        assert callable(main)
        return [[batch.tolist() for batch in epoch] for epoch in main()]

    first, second = epochs(program)
    assert first == second
    assert first[0] == first[1]  # the two workers
    torch.manual_seed(0)
    mended = fix_text(program, "train.py", SETTINGS, unsafe=True)
    first, second = epochs(mended)
    assert not any(batch in second for batch in first)
    assert first[0] != first[1]
    torch.manual_seed(0)
    assert epochs(mended) == [first, second]
