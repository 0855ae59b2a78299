"""How sure a finding is, when it has no fix, what runs: what mutants of the linter showed that no test held."""

from __future__ import annotations

from pathlib import Path

import pytest

from jitlint.api import lint_text
from jitlint.config import Settings
from jitlint.diagnostic import Confidence, Diagnostic

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NOISY = """\
import numpy as np
from torch.utils.data import DataLoader, Dataset


class Noisy(Dataset):
    def __init__(self, images):
        self.images, self.rng = images, np.random.default_rng(0)

    def __getitem__(self, i):
        return self.images[i] + self.rng.normal(size=self.images[i].shape)


def make_loader(images, workers):
    return DataLoader({data}, num_workers={workers})
"""

HOOK = """\
import torch
from lightning import LightningModule


class Model(LightningModule):
    def training_step(self, batch, index):
        noisy = batch + torch.randn_like(batch)
        return (self.net(noisy) - batch).pow(2).mean()

    def {name}(self):
        torch.manual_seed(0)
        self.show(self.net(torch.randn(8, 16)))
"""
DEAD = """\
import torch


def train(model, loader, optimizer, coord):
    if {test}:
        coord = coord + torch.randn_like(coord) * 0.01
    for images in loader:
        loss = (model(coord) - images).pow(2).mean()
        loss.backward()
        optimizer.step()
"""
LIST = """\
import torchvision.transforms as T
from torchvision.datasets import CIFAR10


def load(root):
    return CIFAR10(
        root,
        train={train},
        transform=T.Compose([
            # T.RandomHorizontalFlip(),
            T.ToTensor(),
        ]),
    )
"""

SAMPLE = """\
import torch
from torch.utils.data import Dataset


class Samples(Dataset):
    def __init__(self, images, seed):
        self.images, self.seed = images, seed

    def __getitem__(self, index):
        torch.manual_seed({seed})
        image = self.images[index]
        return {result}
"""


def found_in(text: str) -> list[Diagnostic]:
    report = lint_text(text, "train.py", Settings(confidence=Confidence.LOW))
    assert not report.problems
    return list(report.diagnostics)


@pytest.mark.parametrize(
    ("data", "workers", "confidence"),
    [
        ("Noisy(images)", "4", Confidence.HIGH),
        ("Noisy(images)", "workers", Confidence.MEDIUM),  # they may be none
        ("images", "4", Confidence.MEDIUM),  # the only data set of the project, but it may load another
    ],
)
def test_a_generator_that_workers_copy(data: str, workers: str, confidence: Confidence) -> None:
    found = found_in(NOISY.format(data=data, workers=workers))
    assert [(item.code, item.confidence) for item in found] == [("JIT303", confidence)]


@pytest.mark.parametrize(("line", "is_fixed"), [("", True), ("    copy = None\n", False)])
def test_a_fix_does_not_take_a_name_that_means_something_else(line: str, is_fixed: bool) -> None:
    """The fix of an overridden transform writes `copy.copy(…)`."""
    text = (EXAMPLES / "augmentation" / "buggy.py").read_text(encoding="utf-8")
    head, definition, rest = text.partition("def make_loaders(count=450, held_out=90, batch_size=32):\n")
    assert definition
    (found,) = found_in(head + definition + line + rest)
    assert (found.code, found.fix is not None) == ("JIT203", is_fixed)


def codes(text: str) -> list[str]:
    return [item.code for item in found_in(text)]


def test_a_seed_in_a_hook_repeats_and_one_in_any_method_need_not() -> None:
    assert codes(HOOK.format(name="on_validation_epoch_end")) == ["JIT301"]
    assert codes(HOOK.format(name="draw_preview")) == []


def test_what_never_runs_perturbs_nothing() -> None:
    assert [codes(DEAD.format(test=test)) for test in ("False", "True", "noisy")] == [[], ["JIT101"], ["JIT101"]]


def test_a_data_set_says_by_an_argument_what_it_is_for() -> None:
    assert [codes(LIST.format(train=train)) for train in ("True", "False")] == [["JIT201"], []]


@pytest.mark.parametrize(
    ("seed", "result", "confidence"),
    [
        ("0", "image + torch.randn_like(image)", Confidence.HIGH),
        ("self.seed", "image + torch.randn_like(image)", Confidence.MEDIUM),
        ("index", "image + torch.randn_like(image)", Confidence.LOW),  # a synthetic sample, made from its number
        ("index", "self.augment(image)", Confidence.MEDIUM),
    ],
)
def test_a_seed_for_every_sample(seed: str, result: str, confidence: Confidence) -> None:
    found = found_in(SAMPLE.format(seed=seed, result=result))
    assert [(item.code, item.confidence) for item in found] == [("JIT301", confidence)]
