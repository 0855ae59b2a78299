"""Places, words, confidence and fixes of findings: what mutants of the linter showed that no other test held."""

from __future__ import annotations

import pytest

from jitlint.api import lint_text
from jitlint.config import Settings
from jitlint.diagnostic import Confidence, Diagnostic

SPLIT = """\
from torchvision import transforms, datasets
from torch.utils.data import random_split

train, val = random_split(datasets.ImageFolder("images"), [0.9, 0.1])
train.{holder}transform = transforms.RandomHorizontalFlip()
val.{holder}transform = transforms.ToTensor()
"""
REWIND = """\
import torch


def train(model, images, optimizer, epochs):
    for epoch in range(epochs):
        torch.manual_seed(0)
        for batch in images.split(8):
            loss = model(batch + torch.randn_like(batch)).mean()
            loss.backward()
            optimizer.step()
"""
WALK = """\
import torch


class Trainer:
    def fit(self, loader, coord):
        for images, _ in loader:
            {name} = {name} + 0.01 * torch.randn_like({name})
            loss = (self.model(images, {name}) - images).pow(2).mean()
            loss.backward()
            self.optimizer.step()
"""
SHARED = """\
import numpy as np


def train(model, loader, criterion):
    for images, labels in loader:
        images = images + np.random.normal({arguments})
        criterion(model(images), labels).backward()
"""
DEFAULT = """\
import torch


def random_gain(wave, gain=torch.rand(1)):
    return wave * gain
"""
WORKERS = """\
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset


class Noisy(Dataset):
    def __init__(self, images):
        self.images, self.rng = images, np.random.default_rng(0)

    def __getitem__(self, i):
        return self.images[i] + self.rng.normal(size=self.images[i].shape)


def set_up(worker):
    {body}


loader = DataLoader(Noisy(images), num_workers=4, worker_init_fn=set_up)
"""
NUMBERED = """\
import torch


def train(model, loader, optimizer, epochs):
    for epoch in range(epochs):
        for number, batch in enumerate(loader):
            torch.manual_seed({seed})
            loss = model(batch + torch.randn_like(batch)).mean()
            loss.backward()
            optimizer.step()
"""
LOST = """\
import torch


def step(model, images, optimizer):
    clean = images
    images + torch.randn_like(images)
    loss = (model(images) - clean).pow(2).mean()
    loss.backward()
    optimizer.step()
"""
FITTED = """\
import numpy as np
from tensorflow import keras

x = np.load("x.npy")
y = np.sin(x)
x = x + np.random.normal(0, 0.1, x.shape)
model = keras.Sequential([keras.layers.Dense(1)])
model.fit(x, y, epochs=10)
"""


def found_in(text: str, *extra: str) -> list[Diagnostic]:
    report = lint_text(text, "train.py", Settings(extend_select=extra, confidence=Confidence.LOW))
    assert not report.problems
    return list(report.diagnostics)


def only(text: str, code: str) -> Diagnostic:
    (found,) = found_in(text)
    assert found.code == code
    return found


def test_an_attribute_that_a_subset_never_reads() -> None:
    found = only(SPLIT.format(holder=""), "JIT203")
    assert (found.location.line, found.confidence) == (5, Confidence.HIGH)
    assert [step.role for step in found.evidence] == ["definition", "override"]


def test_a_transform_that_is_replaced_is_shown_where_it_is_set() -> None:
    found = only(SPLIT.format(holder="dataset."), "JIT203")
    assert [(step.role, step.location.line, step.location.column) for step in found.evidence] == [
        ("definition", 4, 27),
        ("draw", 5, 1),
        ("override", 6, 1),
    ]


def test_a_stream_that_every_epoch_rewinds() -> None:
    found = only(REWIND, "JIT301")
    assert found.message.startswith("the same random numbers are drawn in every epoch")
    assert found.evidence[1].message == "this repeats for every epoch"


@pytest.mark.parametrize(("name", "is_fixed"), [("coord", True), ("self.coord", False)])
def test_a_walk_of_an_attribute_has_no_fix(name: str, is_fixed: bool) -> None:
    assert (only(WALK.format(name=name), "JIT402").fix is not None) == is_fixed


@pytest.mark.parametrize(
    ("arguments", "codes"),
    [("0, 0.1", ["JIT404"]), ("0, 0.1, images.shape", []), ("0, 0.1, size=images.shape", [])],
)
def test_one_number_for_a_batch_is_no_array(arguments: str, codes: list[str]) -> None:
    assert [item.code for item in found_in(SHARED.format(arguments=arguments), "JIT404")] == codes


def test_a_default_that_draws_in_a_function_that_says_random() -> None:
    assert only(DEFAULT, "JIT103").confidence is Confidence.MEDIUM


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        ("torch.set_num_threads(1)", ["JIT303"]),
        ("torch.utils.data.get_worker_info().dataset.start_over(torch.initial_seed())", []),
    ],
)
def test_workers_that_are_set_up_with_the_data_set(body: str, codes: list[str]) -> None:
    assert [item.code for item in found_in(WORKERS.format(body=body))] == codes


@pytest.mark.parametrize(("seed", "codes"), [("number", ["JIT301"]), ("batch", [])])
def test_a_seed_that_counts_batches_comes_back_in_every_epoch(seed: str, codes: list[str]) -> None:
    assert [item.code for item in found_in(NUMBERED.format(seed=seed))] == codes


def test_what_is_lost_has_the_name_of_the_parameter() -> None:
    found = only(LOST, "JIT204")
    assert found.message.startswith("`images` is never augmented")


def test_data_that_is_loaded_and_fitted_for_several_epochs() -> None:
    found = only(FITTED, "JIT101")
    assert (found.location.line, found.confidence) == (6, Confidence.MEDIUM)
