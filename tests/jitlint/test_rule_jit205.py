from __future__ import annotations

from pathlib import Path

import pytest

from jitlint.diagnostic import Candidate, Confidence
from jitlint.rules.jit205_disabled_augmentation import DisabledAugmentation
from tests.jitlint.cases import project_of

HEAD = """
import albumentations as A
import keras
import random
import torch
from torchvision import transforms as T
def add_noise(x, std=0.1):
    return x + std * torch.randn_like(x)
"""


def found(text: str, root: Path, least: Confidence = Confidence.MEDIUM) -> list[Candidate]:
    return [item for item in DisabledAugmentation().check(project_of(text, root)) if item.confidence >= least]


@pytest.mark.parametrize("case", DisabledAugmentation.VALID)
def test_valid(case: str, tmp_path: Path) -> None:
    assert found(case, tmp_path) == []


@pytest.mark.parametrize("case", DisabledAugmentation.INVALID)
def test_invalid(case: str, tmp_path: Path) -> None:
    assert len(found(case, tmp_path)) == 1


@pytest.mark.parametrize(
    "transform",
    [
        "T.ColorJitter()",
        "T.ColorJitter(0, 0, 0, 0)",
        "T.ColorJitter(brightness=0, contrast=0.0, saturation=0, hue=0)",
        "T.RandomRotation(0)",
        "T.RandomRotation((0, 0))",
        "T.RandomRotation(degrees=0, expand=True)",
        "T.RandomAffine(0)",
        "T.RandomHorizontalFlip(0)",
        "T.RandomHorizontalFlip(p=0)",
        "T.RandomApply([T.RandomCrop(32)], p=0)",
        "T.RandomApply([T.ColorJitter(0.5)], 0.0)",
        "A.HorizontalFlip(p=0)",
        "keras.layers.GaussianNoise(0.0)",
    ],
)
def test_transform_that_does_nothing(transform: str, tmp_path: Path) -> None:
    (item,) = found(HEAD + f"train_transform = T.Compose([{transform}, T.ToTensor()])\n", tmp_path)
    assert item.message.startswith("training runs without `")
    assert [trace.role for trace in item.evidence] == ["draw", "override"]


@pytest.mark.parametrize(
    "transform",
    [
        "T.ColorJitter(0.2)",
        "T.ColorJitter(brightness=0, hue=0.5)",
        "T.ColorJitter(*strength)",
        "T.ColorJitter(**settings)",
        "T.RandomRotation(30)",
        "T.RandomRotation((0, 180))",
        "T.RandomAffine(0, translate=(0.1, 0.1))",
        "T.RandomAffine(degrees=0, scale=(0.9, 1.1))",
        "T.RandomHorizontalFlip()",
        "T.RandomHorizontalFlip(p=args.flip)",
        "T.RandomHorizontalFlip(p=False)",
        "T.RandomErasing(scale=(0, 0.1))",
        "T.RandomCrop(32, padding=0)",
        "A.ColorJitter()",
        "A.RandomBrightnessContrast(brightness_limit=0)",
        "keras.layers.RandomFlip()",
    ],
)
def test_transform_that_acts(transform: str, tmp_path: Path) -> None:
    text = HEAD + f"train_transform = T.Compose([{transform}, T.ToTensor()])\n"
    assert found(text, tmp_path, Confidence.LOW) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("val_transform = T.Compose([", ", T.ToTensor()])"),
        ("pipelines = {'train': T.ToTensor(), 'test': T.Compose([", "])}"),
        ("def get_transform():\n    return T.Compose([", "])"),
        ("train_transform = T.Compose([", ", T.RandomCrop(32)])"),
        ("train_transform = T.Compose([T.RandomCrop(32) if crop else ", "])"),
        ("try:\n    train_aug = T.AutoAugment()\nexcept AttributeError:\n    train_aug = T.Compose([", "])"),
        ("if small:\n    train_transform = T.Compose([", "])"),
        ("show(image, ", ")"),
        ("train_transform = T.RandomChoice([T.RandomRotation(90), ", "])"),
        ("train_transform = T.Compose([T.RandomChoice([T.RandomCrop(32), ", "]), T.ToTensor()])"),
    ],
)
def test_where_a_zero_is_meant(before: str, after: str, tmp_path: Path) -> None:
    assert found(f"{HEAD}{before}T.RandomHorizontalFlip(p=0){after}\n", tmp_path) == []


@pytest.mark.parametrize(
    "text",
    [
        "data_transform = T.Compose([T.ColorJitter(0, 0, 0, 0), T.RandomHorizontalFlip(), T.ToTensor()])\n",
        "transform = T.Compose([T.ColorJitter(), T.ToTensor()])\ntrain_set = Pictures(files, transform)\n",
        "class Pictures:\n    def __init__(self, train):\n        if train:\n            self.transform = T.Compose("
        "[T.RandomRotation(0), T.ToTensor()])\n",
        "def train_transforms():\n    steps = []\n    steps.append(T.ColorJitter())\n    return T.Compose(steps)\n",
    ],
)
def test_training_pipelines(text: str, tmp_path: Path) -> None:
    assert len(found(HEAD + text, tmp_path)) == 1


TRAIN = """
def train(model, loader, optimizer{parameter}):
    for images in loader:
        {body}
        model(images).mean().backward()
        optimizer.step()
train({call})
"""


@pytest.mark.parametrize(
    ("parameter", "body", "call"),
    [
        ("", "images = add_noise(images, std=0)", "model, loader, optimizer"),
        ("", "images = images + 0.0 * torch.randn_like(images)", "model, loader, optimizer"),
        ("", "if random.random() < 0: images = add_noise(images)", "model, loader, optimizer"),
        ("", "if torch.rand(1) > 1: images = add_noise(images)", "model, loader, optimizer"),
        ("", "images = add_noise(images) if False else images", "model, loader, optimizer"),
        (", augment=False", "if augment: images = add_noise(images)", "model, loader, optimizer"),
        (", augment=False", "if augment and images.ndim == 4: images = add_noise(images)", "model, loader, optimizer"),
        (", augment=False", "if augment: images = add_noise(images)", "model, loader, optimizer, augment=False"),
    ],
)
def test_switched_off(parameter: str, body: str, call: str, tmp_path: Path) -> None:
    assert len(found(HEAD + TRAIN.format(parameter=parameter, body=body, call=call), tmp_path)) == 1


@pytest.mark.parametrize(
    ("parameter", "body", "call"),
    [
        ("", "images = add_noise(images, std=args.std)", "model, loader, optimizer"),
        ("", "images = images + 0.1 * torch.randn_like(images)", "model, loader, optimizer"),
        ("", "zeros = 0 * torch.rand(3)", "model, loader, optimizer"),
        ("", "if random.random() < 0.5: images = add_noise(images)", "model, loader, optimizer"),
        ("", "if random.random() > 0: images = add_noise(images)", "model, loader, optimizer"),
        (", augment=False", "if augment: images = add_noise(images)", "model, loader, optimizer, True"),
        (", augment=False", "if augment: images = add_noise(images)", "model, loader, optimizer, augment=args.augment"),
        (", augment=False", "if augment: images = add_noise(images)", "*arguments"),
        (", augment=False", "if augment: images = add_noise(images)", "**settings"),
        (", augment=True", "if augment: images = add_noise(images)", "model, loader, optimizer"),
        (", augment=None", "if augment: images = add_noise(images)", "model, loader, optimizer"),
        (", augment=False", "if not augment: images = add_noise(images)", "model, loader, optimizer"),
        (", debug=False", "if debug: images = add_noise(images)", "model, loader, optimizer"),
        (", augment=False", "if augment: images = resize(images)", "model, loader, optimizer"),
    ],
)
def test_may_be_on(parameter: str, body: str, call: str, tmp_path: Path) -> None:
    text = HEAD + TRAIN.format(parameter=parameter, body=body, call=call)
    assert found(text, tmp_path, Confidence.LOW) == []


def test_nobody_calls_it(tmp_path: Path) -> None:
    text = HEAD + TRAIN.format(parameter=", augment=False", body="if augment: images = add_noise(images)", call="")
    assert found(text.replace("train()\n", ""), tmp_path, Confidence.LOW) == []


SWITCH = """
class Pictures(torch.utils.data.Dataset):
    def __init__(self, files, augment=False):
        self.files, self.augment = files, augment
    def __getitem__(self, index):
        image = self.load(index)
        if self.augment:
            image = add_noise(image)
        return image
train_set = Pictures(files)
"""


def test_switch_of_a_data_set(tmp_path: Path) -> None:
    assert len(found(HEAD + SWITCH, tmp_path)) == 1


@pytest.mark.parametrize("more", ["train_set.augment = True\n", "other = Pictures(files, True)\n"])
def test_switch_that_is_turned_on(more: str, tmp_path: Path) -> None:
    assert found(HEAD + SWITCH + more, tmp_path, Confidence.LOW) == []


@pytest.mark.parametrize(
    ("constant", "body"),
    [
        ("NOISE = False", "if NOISE: images = add_noise(images)"),
        ("", "noise = False; images = add_noise(images) if noise else images"),
        ("", "std = 0; images = images + std * torch.randn_like(images)"),
    ],
)
def test_a_constant_with_a_name_is_a_setting(constant: str, body: str, tmp_path: Path) -> None:
    text = f"{HEAD}{constant}\n" + TRAIN.format(parameter="", body=body, call="model, loader, optimizer")
    assert [item.confidence for item in found(text, tmp_path, Confidence.LOW)] == [Confidence.LOW]


@pytest.mark.parametrize(
    "transform",
    [
        "T.RandomRotation((90, 90))",
        "T.RandomRotation(degrees=[15, 15])",
        "T.ColorJitter(brightness=(1, 1))",
        "T.RandomResizedCrop(64, scale=(1.0, 1.0))",
        "T.RandomAffine((5, 5), scale=(1.0, 1.0))",
        "A.Rotate(limit=(15, 15), p=1)",
        "D.RandomRotation(angle=[90, 90], expand=False)",
        "D.RandomBrightness(0.9, 0.9)",
    ],
)
def test_range_that_holds_one_value(transform: str, tmp_path: Path) -> None:
    text = HEAD + "import detectron2.data.transforms as D\n"
    (item,) = found(text + f"train_transform = T.Compose([{transform}, T.RandomCrop(32)])\n", tmp_path)
    assert item.message.endswith("does not vary: its range holds one value")
    alone = text + f"train_transform = T.Compose([{transform}, T.ToTensor()])\n"  # a fixed turn, on purpose
    assert found(alone, tmp_path) == []


@pytest.mark.parametrize(
    "transform",
    [
        "T.RandomRotation((-90, 90))",
        "T.RandomRotation(90)",
        "T.ColorJitter(brightness=(1, 1), hue=0.1)",
        "T.RandomResizedCrop((64, 64))",
        "T.RandomAffine((5, 5), scale=(0.9, 1.1))",
        "A.ShiftScaleRotate(rotate_limit=(15, 15))",
        "T.RandomApply([T.RandomRotation((90, 90))])",
        "T.RandomChoice([T.RandomRotation((90, 90)), T.RandomRotation((180, 180))])",
        "D.RandomBrightness(0.9, 1.1)",
    ],
)
def test_range_that_varies(transform: str, tmp_path: Path) -> None:
    text = HEAD + "import detectron2.data.transforms as D\n"
    text += f"train_transform = T.Compose([{transform}, T.RandomCrop(32)])\n"
    assert found(text, tmp_path, Confidence.LOW) == []
