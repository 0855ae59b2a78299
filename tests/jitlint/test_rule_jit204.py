from __future__ import annotations

import json
from pathlib import Path

import pytest

from jitlint.diagnostic import Applicability, BindResult, Candidate, Confidence
from jitlint.rules.jit204_discarded_augmentation import DiscardedAugmentation
from jitlint.semantics.builder import build_module
from jitlint.semantics.project import Project
from jitlint.source import load_source
from tests.jitlint.cases import project_of

HEAD = """
import copy
import random
import numpy as np
import sklearn.utils
import tensorflow as tf
import torch
import torchvision.transforms.functional as F
from torchvision import transforms
from datasets import load_dataset
def add_noise(x, std=0.1):
    return x + std * torch.randn_like(x)
def mixup(x, y):
    lam = np.random.beta(0.2, 0.2)
    index = torch.randperm(len(x))
    return lam * x + (1 - lam) * x[index], y, y[index], lam
"""
STEP = """
def train(model, loader, optimizer):
    for images, labels in loader:
        {body}
        loss = criterion(model({fed}), labels)
        loss.backward()
        optimizer.step()
"""
SAMPLES = """
def batches(samples, size):
    {body}
    for start in range(0, len(samples), size):
        yield samples[start : start + size]
"""


def found(text: str, root: Path, least: Confidence = Confidence.MEDIUM) -> list[Candidate]:
    return [item for item in DiscardedAugmentation().check(project_of(text, root)) if item.confidence >= least]


@pytest.mark.parametrize("case", DiscardedAugmentation.VALID)
def test_valid(case: str, tmp_path: Path) -> None:
    assert found(case, tmp_path) == []


@pytest.mark.parametrize("case", DiscardedAugmentation.INVALID)
def test_invalid(case: str, tmp_path: Path) -> None:
    assert len(found(case, tmp_path)) == 1


def step(body: str, fed: str = "images") -> str:
    return HEAD + STEP.format(body=body, fed=fed)


@pytest.mark.parametrize(
    "body",
    [
        "add_noise(images)",
        "add_noise(images, std=0.2)",
        "images + 0.1 * torch.randn_like(images)",
        "if random.random() < 0.5: F.hflip(images)",
        "if random.random() < 0.5: torch.flip(images, [-1])",
        "F.rotate(images, random.uniform(-10, 10))",
        "flip = torch.rand(1) < 0.5\n        if flip: F.hflip(images)",
        "tf.image.random_flip_left_right(images)",
        "transforms.RandomHorizontalFlip()(images)",
        "mixup(images, labels)",
        "noisy = add_noise(images)",
        "noisy = images + torch.randn_like(images)",
        "mixed, first, second, lam = mixup(images, labels)",
    ],
)
def test_lost_augmentation(body: str, tmp_path: Path) -> None:
    assert len(found(step(body), tmp_path)) == 1


def test_clean_value_reaches_the_network_through_another(tmp_path: Path) -> None:
    body = "noisy = add_noise(images); batch = images.reshape(-1, 3)"
    assert len(found(step(body, "batch"), tmp_path)) == 1
    body = "noisy = add_noise(images); size = images.shape; latent = torch.zeros(len(images))"
    assert found(step(body, "latent"), tmp_path) == []


def test_branches_of_a_loop_that_feed_each_other(tmp_path: Path) -> None:
    text = (
        HEAD
        + """
def degrade(image, model):
    for step in random.sample(range(3), 3):
        if step == 0:
            image = add_noise(image)
        elif step == 1:
            if random.random() < 0.1:
                image = add_noise(image, 0.5)
        else:
            image = model.forward(image.copy())
    return resize(image)
def train(model, loader, optimizer):
    for images in loader:
        model(degrade(images, model)).mean().backward()
        optimizer.step()
"""
    )
    assert found(text, tmp_path, Confidence.LOW) == []


def test_bound_in_the_loop_of_a_script(tmp_path: Path) -> None:
    text = (
        HEAD
        + """
for images, labels in loader:
    noisy = add_noise(images)
    criterion(model(images), labels).backward()
    optimizer.step()
"""
    )
    assert len(found(text, tmp_path)) == 1


@pytest.mark.parametrize(
    ("body", "fed"),
    [
        ("images = add_noise(images)", "images"),
        ("noisy = add_noise(images)", "noisy"),
        ("noisy = add_noise(images); show(noisy)", "images"),
        ("_ = add_noise(images)", "images"),
        ("_noisy = add_noise(images)", "images"),
        ("images += torch.randn_like(images)", "images"),
        ("F.hflip(images)", "images"),
        ("torch.nn.init.normal_(model.weight)", "images"),
        ("images.add_(torch.randn_like(images))", "images"),
        ("mixed, first, second, lam = mixup(images, labels)", "mixed"),
        ("assert add_noise(images) is not None", "images"),
    ],
)
def test_used_augmentation(body: str, fed: str, tmp_path: Path) -> None:
    assert found(step(body, fed), tmp_path) == []


@pytest.mark.parametrize(
    "helper",
    [
        "def jitter(x):\n    x += torch.randn_like(x)\n    return x\n",
        "def jitter(x):\n    x.add_(torch.randn_like(x))\n    return x\n",
        "def jitter(x):\n    x[:, 0] = x[:, 0] + torch.randn_like(x[:, 0])\n    return x\n",
        "def jitter(x):\n    x['image'] = x['image'] + torch.randn_like(x['image'])\n    return x\n",
        "def jitter(x):\n    y = x + torch.randn_like(x)\n    save(y)\n    return y\n",
        "def jitter(x):\n    global last\n    last = x + torch.randn_like(x)\n    return last\n",
        "def jitter(x):\n    x.data = x.data + torch.randn_like(x)\n    return x\n",
        "def jitter_(x):\n    return x + torch.randn_like(x)\n",
        "def jitter(x):\n    return inner(x)\ndef inner(x):\n    x += torch.randn_like(x)\n    return x\n",
    ],
)
def test_functions_that_act_are_left_alone(helper: str, tmp_path: Path) -> None:
    name = "jitter_" if "jitter_" in helper else "jitter"
    assert found(HEAD + helper + STEP.format(body=f"{name}(images)", fed="images"), tmp_path) == []


@pytest.mark.parametrize(
    "body",
    [
        "sklearn.utils.shuffle(samples)",
        "np.random.permutation(samples)",
        "np.random.default_rng().permutation(samples)",
        "tf.random.shuffle(samples)",
        "samples.sample(frac=1)",
        "samples.sample(frac=1.0).reset_index(drop=True)",
        "random.shuffle(list(samples))",
        "np.random.shuffle(samples.copy())",
        "np.random.shuffle(np.arange(len(samples)))",
        "samples = tf.data.Dataset.from_tensor_slices(samples); samples.shuffle(100)",
        "samples = load_dataset('images')['train']; samples.shuffle(seed=1)",
        "samples = load_dataset('images').map(prepare); samples.shuffle()",
    ],
)
def test_lost_shuffle(body: str, tmp_path: Path) -> None:
    (item,) = found(HEAD + SAMPLES.format(body=body), tmp_path)
    assert item.message.startswith("the order never changes: ")
    assert item.confidence is Confidence.HIGH


@pytest.mark.parametrize(
    "body",
    [
        "random.shuffle(samples)",
        "np.random.shuffle(samples)",
        "np.random.default_rng().shuffle(samples)",
        "samples = sklearn.utils.shuffle(samples)",
        "samples = samples.sample(frac=1)",
        "samples.sample(frac=0.1)",
        "samples.shuffle()",
        "torch.randperm(len(samples))",
        "np.random.permutation(seed)",
        "order = list(samples); random.shuffle(order); samples = order",
        "samples = Shuffler(samples); samples.shuffle(100)",
    ],
)
def test_shuffle_in_place_or_used(body: str, tmp_path: Path) -> None:
    helper = "class Shuffler:\n    def shuffle(self, size):\n        random.shuffle(self.items)\n"
    assert found(HEAD + helper + SAMPLES.format(body=body), tmp_path) == []


DATA_SET = """
class Pictures(torch.utils.data.Dataset):
    def __init__(self, files, transform=None):
        self.files, self.transform = files, transform
    def __getitem__(self, index):
        image = self.load(index)
        if self.transform:
            self.transform(image)
        return image
train_set = Pictures(files, {transform})
"""


@pytest.mark.parametrize(
    ("transform", "count"),
    [
        ("transforms.Compose([transforms.RandomHorizontalFlip()])", 1),
        ("transforms.RandomCrop(32)", 1),
        ("transforms.ToTensor()", 0),
        ("FlipInPlace()", 0),
        ("args.transform", 0),
    ],
)
def test_transform_that_a_data_set_is_given(transform: str, count: int, tmp_path: Path) -> None:
    assert len(found(HEAD + DATA_SET.format(transform=transform), tmp_path)) == count


@pytest.mark.parametrize(
    "body",
    [
        "samples = tf.data.Dataset.from_tensor_slices(samples); samples.map(add_noise)",
        "samples = load_dataset('images'); samples.map(lambda x: x + torch.randn_like(x))",
        "if random.random() < 0.5: samples.transpose(Image.FLIP_LEFT_RIGHT)",
    ],
)
def test_lost_map_and_flip(body: str, tmp_path: Path) -> None:
    text = HEAD + SAMPLES.format(body=body).replace("batches", "train_batches")
    (item,) = found(text, tmp_path)
    assert item.message.startswith("`samples` is never augmented")


def test_map_of_something_else(tmp_path: Path) -> None:
    body = "samples = load_dataset('images'); samples.map(tokenize); samples.transpose(1)"
    assert found(HEAD + SAMPLES.format(body=body).replace("batches", "train_batches"), tmp_path) == []


def test_nothing_uses_the_value_afterwards(tmp_path: Path) -> None:
    assert found(HEAD + "def warm(images):\n    add_noise(images)\n", tmp_path, Confidence.LOW) == []


def test_tried_out(tmp_path: Path) -> None:
    body = "\n".join(["with pytest.raises(ValueError):", "            add_noise(images)"])
    assert found(step(body), tmp_path) == []


def test_fix_binds_the_result(tmp_path: Path) -> None:
    (item,) = found(HEAD + SAMPLES.format(body="samples.sample(frac=1).reset_index(drop=True)"), tmp_path)
    assert item.fix is not None
    assert isinstance(item.fix.plan, BindResult)
    assert (item.fix.plan.name, item.fix.applicability) == ("samples", Applicability.SAFE)
    (item,) = found(step("add_noise(images)"), tmp_path)
    assert item.fix is not None
    assert item.fix.applicability is Applicability.UNSAFE
    (item,) = found(step("mixup(images, labels)"), tmp_path)
    assert item.fix is None


@pytest.mark.parametrize(
    ("cells", "count"), [(["table.sample(frac=1)\n"], 0), (["table.sample(frac=1)\n", "table\n"], 1)]
)
def test_the_last_expression_of_a_cell_is_displayed(cells: list[str], count: int, tmp_path: Path) -> None:
    lines = [["import pandas as pd\n", "table = pd.read_csv('a.csv')\n", *cells], ["fit(table)\n"]]
    found_cells: list[dict[str, object]] = [
        {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None}
        for source in lines
    ]
    data = json.dumps({"cells": found_cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()
    module = build_module(load_source("a.ipynb", data))
    assert len(list(DiscardedAugmentation().check(Project({"a.ipynb": module}, tmp_path)))) == count


UNAPPLIED = """
import numpy as np
def {name}(points):
    theta = np.random.uniform(0, 6.28)
    turn = np.array([np.cos(theta), np.sin(theta)])
    {use}
    return points
"""


@pytest.mark.parametrize("name", ["augment", "random_turn", "data_augmentation"])
def test_draw_that_an_augmentation_never_applies(name: str, tmp_path: Path) -> None:
    (item,) = found(UNAPPLIED.format(name=name, use="points = points - 1"), tmp_path)
    assert item.message == f"`{name}` changes nothing at random: `turn` is drawn here, and nothing applies it"
    assert (item.span.line, item.confidence, item.fix) == (5, Confidence.MEDIUM, None)


@pytest.mark.parametrize(
    ("name", "use"),
    [
        ("augment", "points = points * turn"),
        ("augment", "points[:] = points * turn"),
        ("augment", "apply(points, turn)"),
        ("augment", "if turn[0] > 0: points = points[::-1]"),
        ("augment", "points = points + np.random.normal(size=3)"),
        ("normalize", "points = points - 1"),
    ],
)
def test_draw_that_is_applied(name: str, use: str, tmp_path: Path) -> None:
    assert found(UNAPPLIED.format(name=name, use=use), tmp_path, Confidence.LOW) == []
