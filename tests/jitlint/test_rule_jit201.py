from __future__ import annotations

from pathlib import Path

import pytest

from jitlint.diagnostic import Candidate, Confidence, Uncomment
from jitlint.rules.jit201_commented_out_augmentation import CommentedOutAugmentation
from jitlint.rules.jit202_unused_augmentation import UnusedAugmentation
from tests.jitlint.cases import project_of

ITER_STEP = """
import einops
import torch


class Trainer:
    def add_gaussian_noise_to_grid(self, coord, std=0.01):
        return coord + std * torch.randn_like(coord)

    def _iter_step(self, data, is_train):
        gt = data["gt"]
        coord = make_coord_grid(gt.shape[-2:], (0, 1), device=gt.device)
        #coord = self.add_gaussian_noise_to_grid(coord)  ← COMMENTED OUT!
        coord = einops.repeat(coord, 'h w d -> b h w d', b=gt.shape[0])
        loss = self.loss_fn(self.model(coord), gt)
        if is_train:
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
        return loss
"""
LOOP = """
import torch

def blur_a_bit(x):
    return x + torch.randn_like(x)

def keep(x):
    return x * 2

def train(model, loader, opt):
    for images in loader:
        {body}
        model(images).mean().backward()
        opt.step()
"""


def found(text: str, root: Path, least: Confidence = Confidence.MEDIUM) -> list[Candidate]:
    return [item for item in CommentedOutAugmentation().check(project_of(text, root)) if item.confidence >= least]


def in_loop(*lines: str) -> str:
    return LOOP.format(body="\n        ".join(lines))


@pytest.mark.parametrize("case", CommentedOutAugmentation.VALID)
def test_valid(case: str, tmp_path: Path) -> None:
    assert found(case, tmp_path) == []


@pytest.mark.parametrize("case", CommentedOutAugmentation.INVALID)
def test_invalid(case: str, tmp_path: Path) -> None:
    assert len(found(case, tmp_path)) == 1


def test_the_original_program_is_one_story(tmp_path: Path) -> None:
    project = project_of(ITER_STEP, tmp_path)
    (comment,) = CommentedOutAugmentation().check(project)
    (unused,) = UnusedAugmentation().check(project)
    assert comment.message == ("training runs without `add_gaussian_noise_to_grid`: its only call is commented out")
    assert comment.confidence is unused.confidence is Confidence.HIGH
    assert comment.span.line == 13
    assert unused.span.line == 7
    assert comment.span in {trace.span for trace in unused.evidence}
    assert unused.span in {trace.span for trace in comment.evidence}
    assert [trace.role for trace in comment.evidence] == ["comment", "definition", "consumer"]


def test_the_fix_leaves_the_remark_out(tmp_path: Path) -> None:
    (item,) = found(ITER_STEP, tmp_path)
    assert item.fix is not None
    assert item.fix.plan == Uncomment(13, 13, "coord = self.add_gaussian_noise_to_grid(coord)")


@pytest.mark.parametrize(
    ("bug", "near_miss"),
    [
        (["# images = blur_a_bit(images)"], ["# images = keep(images)"]),
        (["# images = blur_a_bit(images)  # off"], ["# call blur_a_bit(images) to blur"]),
        (["#images = blur_a_bit(images)  <- off"], ["# blur_a_bit(images) is what the paper does"]),
        (["# images = blur_a_bit(images)"], ["# images = gone(images)"]),
        (["# images = blur_a_bit(images)"], ["# images = blur_a_bit(images)", "images = blur_a_bit(images)"]),
        (["# images += 0.1 * torch.randn_like(images)"], ["# images += 0.1 * torch.ones_like(images)"]),
        (["# images = blur_a_bit(images)"], ["# images = blur_a_bit(other_images)"]),
        (["# images = blur_a_bit(images)"], ["# you can also blur:", "# images = blur_a_bit(images)"]),
        (["# images = blur_a_bit(images)"], ["# too strong", "# images = blur_a_bit(images)"]),
        (["# images = blur_a_bit(images)"], ["if not self.training:", "    # images = blur_a_bit(images)", "    pass"]),
    ],
)
def test_pairs(bug: list[str], near_miss: list[str], tmp_path: Path) -> None:
    assert len(found(in_loop(*bug), tmp_path)) == 1
    assert found(in_loop(*near_miss), tmp_path) == []


def test_lines_that_follow_each_other_are_one_finding(tmp_path: Path) -> None:
    (item,) = found(in_loop("# images = blur_a_bit(images)", "# images = keep(images)"), tmp_path)
    assert item.fix is not None
    assert item.fix.plan == Uncomment(12, 13, "images = blur_a_bit(images)\nimages = keep(images)")


def test_an_emptied_branch_is_sure(tmp_path: Path) -> None:
    live = "x = blur_a_bit(torch.zeros(3))\n"
    body = in_loop("if use_blur:", "    # images = blur_a_bit(images)", "    pass")
    (item,) = found(body + live, tmp_path)
    assert item.confidence is Confidence.HIGH


def test_a_block_brings_its_own_condition(tmp_path: Path) -> None:
    code = in_loop("# if split == 'train':", "#     images = blur_a_bit(images)")
    assert len(found(code.replace("model, loader", "model, split, loader"), tmp_path)) == 1


@pytest.mark.parametrize(("key", "count"), [("train", 1), ("test", 0)])
def test_a_list_says_what_it_is_for(key: str, count: int, tmp_path: Path) -> None:
    text = f"""
from torchvision import transforms
pipelines = {{"{key}": transforms.Compose([
    # transforms.RandomHorizontalFlip(),
    transforms.ToTensor(),
])}}
"""
    assert len(found(text, tmp_path)) == count


def test_a_list_is_for_what_the_data_set_is_called(tmp_path: Path) -> None:
    text = """
from torchvision import datasets, transforms
transform = transforms.Compose([
    # transforms.RandomHorizontalFlip(),
    transforms.ToTensor(),
])
pictures = datasets.CIFAR10("data", train=True, transform=transform)
"""
    assert len(found(text, tmp_path)) == 1
    assert found(text.replace("train=True", "train=False"), tmp_path / "other") == []


def test_a_live_augmentation_beside_makes_it_a_choice(tmp_path: Path) -> None:
    text = """
from torchvision import transforms
train_transform = transforms.Compose([
    # transforms.RandomHorizontalFlip(),
    transforms.RandomCrop(32),
])
"""
    assert [item.confidence for item in found(text, tmp_path, Confidence.LOW)] == [Confidence.LOW]


def test_prose_is_no_code_and_long_prose_is_read_fast(tmp_path: Path) -> None:
    prose = "# " + "a word and another word " * 400 + "(see the paper)"
    assert found(in_loop(prose), tmp_path, Confidence.LOW) == []


def test_what_evaluation_leaves_out_too_was_decided(tmp_path: Path) -> None:
    text = """
import torch
class Trainer:
    def add_noise(self, x):
        return x + torch.randn_like(x)
    def training_step(self, x):
        # x = self.add_noise(x)
        return self.net(x)
    def validation_step(self, x):
        # x = self.add_noise(x)
        return self.net(x)
"""
    assert [item.confidence for item in found(text, tmp_path, Confidence.LOW)] == [Confidence.LOW]


def test_a_random_branch_is_an_augmentation(tmp_path: Path) -> None:
    code = in_loop("# if random.random() < 0.5:", "#     images = images.flip(-1)")
    assert len(found("import random\n" + code, tmp_path)) == 1
    assert found("import random\n" + code.replace("random.random()", "len(images)"), tmp_path / "other") == []


@pytest.mark.parametrize(("guard", "count"), [("self.training", 1), ("self.ready", 0)])
def test_noise_in_a_network_needs_a_guard(guard: str, count: int, tmp_path: Path) -> None:
    text = f"""
import torch
class Net(torch.nn.Module):
    def forward(self, x):
        if {guard}:
            # x = x + 0.1 * torch.randn_like(x)
            pass
        return self.net(x)
"""
    assert len(found(text, tmp_path)) == count


MAPPED = """
import tensorflow as tf
def augment(image, label):
    return tf.image.random_flip_left_right(image), label
def training_set(files):
    data = tf.data.Dataset.from_tensor_slices(files)
    {line}
    return data.batch(32)
def validation_set(files):
    return tf.data.Dataset.from_tensor_slices(files).batch(32)
"""


def test_map_of_an_augmentation(tmp_path: Path) -> None:
    (item,) = found(MAPPED.format(line="# data = data.map(augment, num_parallel_calls=4)"), tmp_path)
    assert item.message == "training runs without `augment`: its only call is commented out"
    assert item.span.line == 7
    assert found(MAPPED.format(line="# data = data.map(decode)"), tmp_path) == []
    live = "# data = data.map(augment)\n    data = data.map(augment)"
    assert found(MAPPED.format(line=live), tmp_path) == []


COUNTED = """
import torch
from thop import profile
def blur_a_bit(x):
    return x + torch.randn_like(x)
def count(model, size):
    dummy = torch.randn(1, 3, size, size)
    macs, parameters = profile(model, inputs=(dummy,))
    return macs
def limit(x, most=10.0, prob=0.1):
    return prob * torch.relu(x.abs() - most).mean()
def train(model, loader, opt):
    for images in loader:
        {line}
        model(images).mean().backward()
        opt.step()
"""


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("# images = blur_a_bit(images)", 1),
        ("# macs = count(model, 32)", 0),
        ("# images = limit(images, most=10.0, prob=0.1)", 0),
        ("# penalty = limit(images)", 0),
    ],
)
def test_a_network_that_meets_a_draw_is_not_perturbed(line: str, count: int, tmp_path: Path) -> None:
    assert len(found(COUNTED.format(line=line), tmp_path)) == count


def test_a_function_from_elsewhere_augments_by_its_name_only(tmp_path: Path) -> None:
    text = in_loop("# images = {name}(images, limit=10.0, prob=0.1)")
    for name, count in (("random_jitter", 1), ("penalize_large", 0)):
        code = f"from helpers import {name}\n" + text.replace("{name}", name)
        assert len(found(code, tmp_path / name)) == count, name


BEHIND = """
from torchvision import transforms
{name} = transforms.Compose([{first}
    transforms.Resize(32),{second}
    transforms.ToTensor(),{third}
]){last}
"""


@pytest.mark.parametrize(
    ("where", "line", "bug", "near_miss"),
    [
        ("first", 3, "# transforms.RandomHorizontalFlip(),", "# RandomHorizontalFlip() is done on the GPU"),
        ("first", 3, "  # transforms.RandomHorizontalFlip(),", "  # transforms.CenterCrop(32),"),
        ("second", 4, "  # transforms.RandomHorizontalFlip(),", "  # transforms.RandomResize(16, 64),"),
        ("third", 5, "  # transforms.RandomRotation(5)", "  # transforms.RandomRotation(5) is too strong"),
    ],
)
def test_behind_the_code_of_a_list(where: str, line: int, bug: str, near_miss: str, tmp_path: Path) -> None:
    blank = dict.fromkeys(("first", "second", "third", "last"), "")
    (item,) = found(BEHIND.format(name="train_transform", **{**blank, where: bug}), tmp_path / "bug")
    assert (item.span.line, item.fix) == (line, None)
    assert found(BEHIND.format(name="train_transform", **{**blank, where: near_miss}), tmp_path / "near_miss") == []
    assert found(BEHIND.format(name="test_transform", **{**blank, where: bug}), tmp_path / "test") == []


def test_behind_the_end_of_a_list_is_no_element_of_it(tmp_path: Path) -> None:
    text = BEHIND.format(name="train_transform", first="", second="", third="", last="  # transforms.RandomRotation(5)")
    assert found(text, tmp_path) == []
