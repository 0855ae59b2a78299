"""JIT205 disabled-augmentation."""

from __future__ import annotations

from collections.abc import Iterator

from jitlint.diagnostic import Candidate, Confidence, Trace
from jitlint.rules.base import Rule
from jitlint.semantics.disabled import SAME, Disabled, disabled_of
from jitlint.semantics.project import Project
from jitlint.semantics.purpose import Purpose


class DisabledAugmentation(Rule):
    """An augmentation of the training pipeline cannot act.

    What it finds:
        `ColorJitter()` and other transforms whose every size is zero, transforms with a probability of zero, a
        range with equal ends (`RandomRotation((90, 90))`), the project's own augmentations called with `std=0`,
        augmentations under `if False:`, and under a switch that is off by default and that no caller turns on.

        And a `Sequential` of Keras' random layers that `Dataset.map` calls without `training=True`.

    Why it matters:
        Who reads the pipeline sees the augmentation and believes that training has it.

    Example:
        train_transform = Compose([ColorJitter(), ToTensor()])

    Use instead:
        train_transform = Compose([ColorJitter(brightness=0.2, contrast=0.2), ToTensor()])

    Fix:
        None: give it a strength, or delete it.

    Known limits:
        Low confidence outside of training pipelines, in branches, for a single probability of zero beside
        transforms that do draw (it was most likely switched off on purpose), and for constants with a name,
        which are settings that people edit. Values that are computed or configured are left alone.
    """

    code = "JIT205"
    name = "disabled-augmentation"

    VALID = (
        """
from torchvision import transforms
train_transform = transforms.Compose([transforms.ColorJitter(0.2, 0.2), transforms.ToTensor()])
""",
        """
from torchvision import transforms
test_transform = transforms.Compose([transforms.RandomHorizontalFlip(p=0), transforms.ToTensor()])
""",
        """
from torchvision import transforms
def train_transform(flip):
    return transforms.Compose([transforms.RandomHorizontalFlip(p=flip), transforms.ToTensor()])
""",
        """
from torchvision import transforms
def train_transforms(augment):
    return transforms.Compose([
        transforms.RandomRotation(30) if augment else transforms.RandomRotation(0),
        transforms.ToTensor(),
    ])
""",
        """
import torch
def add_noise(x):
    return x + torch.randn_like(x)
def train(model, loader, use_noise=False):
    for images in loader:
        if use_noise:
            images = add_noise(images)
        model(images).mean().backward()
train(model, loader, use_noise=args.noise)
""",
    )
    INVALID = (
        """
from torchvision import transforms
train_transform = transforms.Compose([transforms.ColorJitter(), transforms.ToTensor()])
""",
        """
from torchvision import transforms
pipelines = {
    "train": transforms.Compose([transforms.RandomHorizontalFlip(p=0.0), transforms.ToTensor()]),
    "val": transforms.Compose([transforms.ToTensor()]),
}
""",
        """
import torch
def add_noise(x):
    return x + torch.randn_like(x)
def train(model, loader, optimizer):
    for images in loader:
        if False:
            images = add_noise(images)
        model(images).mean().backward()
        optimizer.step()
""",
        """
import torch
def add_noise(x):
    return x + torch.randn_like(x)
def train(model, loader, use_noise=False):
    for images in loader:
        if use_noise:
            images = add_noise(images)
        model(images).mean().backward()
train(model, loader)
""",
    )

    def check(self, project: Project) -> Iterator[Candidate]:
        """One candidate an augmentation that cannot act."""
        for item in disabled_of(project).found:
            node, path = project.node(item.value), item.value.scope.path
            why = project.node(item.why)
            traces = (
                Trace("draw", path, node.span, "this looks like an augmentation"),
                Trace("override", item.why.scope.path, why.span, item.reason),
            )
            name = node.method or node.text
            message = f"training runs without `{name}`: {item.reason}"
            if item.reason == SAME:
                message = f"`{name}` does not vary: {item.reason}"
            yield Candidate(self.code, path, node.span, message, _confidence(item), traces)


def _confidence(item: Disabled) -> Confidence:
    if item.purpose is not Purpose.TRAIN or item.conditional or not item.certain:
        return Confidence.LOW
    return Confidence.MEDIUM


rule = DisabledAugmentation
