"""JIT201 commented-out-augmentation."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jitlint.diagnostic import Applicability, Candidate, FixPlan, Uncomment
from jitlint.rules.absent import (
    comment_confidence,
    comment_trace,
    consumer_trace,
    definition_traces,
    listed,
    only_call,
)
from jitlint.rules.base import Rule
from jitlint.semantics.commented import CommentedOut, comments_of
from jitlint.semantics.project import Project


class CommentedOutAugmentation(Rule):
    """An augmentation stands in a comment of code that trains.

    What it finds:
        A comment line that is code and would perturb the training data: a call of an augmentation of the
        project or of a library, an element of the training `Compose([...])`, `x = x + noise`; in a training
        loop, a step function, a data set, or anything that these call. The function must still be there,
        and the live code around must not call it.

    Why it matters:
        The augmentation is written, configured and believed in, and training runs without it. It is often
        commented out for one experiment and stays so.

    Example:
        def training_step(self, batch):
            coord = make_coord_grid(32, 32)
            #coord = self.add_gaussian_noise_to_grid(coord)
            return loss(self.model(coord), batch)

    Use instead:
        def training_step(self, batch):
            coord = make_coord_grid(32, 32)
            coord = self.add_gaussian_noise_to_grid(coord)
            return loss(self.model(coord), batch)

    Fix:
        Uncomments the lines. Unsafe: only its author knows whether the line was taken out on purpose; delete
        the comment if it was.

    Known limits:
        Low confidence where another augmentation is live beside it, where the remark gives a reason, where
        the code would not run any more, where the evaluation code has the like commented out too, and where
        nothing says that the code trains. At the end of a line of code, only an element of a list of
        transforms is read, and it has no fix.
    """

    code = "JIT201"
    name = "commented-out-augmentation"

    VALID = (
        """
import torch
class Trainer:
    def add_noise(self, x):
        return x + 0.01 * torch.randn_like(x)
    def training_step(self, batch):
        # call add_noise(batch) to jitter the coordinates
        batch = self.add_noise(batch)
        return self.model(batch).mean()
""",
        """
import torch
def train(model, loader, opt):
    for images in loader:
        # images = images + 0.1 * torch.rand_like(images)
        images = images + 0.1 * torch.randn_like(images)
        model(images).mean().backward()
        opt.step()
""",
        """
import random
def random_crop(x, size):
    at = random.randint(0, x.shape[-1] - size)
    return x[..., at : at + size]
def evaluate(model, test_loader):
    for images in test_loader:
        # images = random_crop(images, 32)
        print(model(images))
""",
        """
from torchvision import transforms
train_transform = transforms.Compose([
    transforms.RandomCrop(32, padding=4),
    # transforms.Lambda(lambda x: x / 255.0),
    # transforms.Normalize(0.5, 0.5),
    transforms.ToTensor(),
])
""",
        """
from torchvision import transforms
class Data:
    def setup(self):
        self.train_transform = transforms.Compose([
            # transforms.Resize((70, 70)),
            # transforms.RandomCrop((64, 64)),
            transforms.ToTensor(),
        ])
        self.test_transform = transforms.Compose([
            # transforms.Resize((70, 70)),
            # transforms.CenterCrop((64, 64)),
            transforms.ToTensor(),
        ])
""",
        """
from torchvision import transforms
train_transform = transforms.Compose([
    # uncomment to augment
    # transforms.RandomHorizontalFlip(),
    transforms.ToTensor(),
])
""",
        """
import torch
def train(model, loader, opt):
    for images in loader:
        # hurts accuracy
        # images = images + 0.1 * torch.randn_like(images)
        # images = images + 0.0 * torch.randn_like(images)
        model(images).mean().backward()
        opt.step()
""",
    )
    INVALID = (
        """
import torch
class Trainer:
    def add_noise(self, x):
        return x + 0.01 * torch.randn_like(x)
    def training_step(self, batch):
        coord = make_grid(batch)
        #coord = self.add_noise(coord)  <- COMMENTED OUT!
        return self.model(coord).mean()
""",
        """
import torch
def blur_a_bit(x):
    return x + torch.randn_like(x)
def train(model, loader, opt):
    for images in loader:
        # images = blur_a_bit(images)  # disabled for now
        model(images).mean().backward()
        opt.step()
""",
        """
from torchvision import transforms
data_transforms = {
    'train': transforms.Compose([
        #transforms.RandomRotation(5),
        #transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
    ]),
    'valid': transforms.Compose([transforms.ToTensor()]),
}
""",
        """
# file: utils.py
import numpy as np
def color_aug(rng, image, alpha):
    image += alpha * rng.normal(size=(3,))
# file: dataset.py
from torch.utils.data import Dataset
from utils import color_aug
class Pictures(Dataset):
    def __getitem__(self, index):
        image = self.load(index)
        # if self.split == 'train' and not self.no_color_aug:
        #   color_aug(self._data_rng, image, 0.4)
        return (image - self.mean) / self.std
""",
        """
import torch
def train(model, loader, opt):
    for images in loader:
        # images = images + 0.1 * torch.randn_like(images)
        model(images).mean().backward()
        opt.step()
""",
        """
import tensorflow as tf
def augment(image, label):
    # image = tf.image.random_flip_left_right(image)
    return image, label
def training_set(files):
    return tf.data.Dataset.from_tensor_slices(files).map(augment)
""",
    )

    def check(self, project: Project) -> Iterator[Candidate]:
        """One candidate a run of comment lines."""
        for item in comments_of(project).found:
            yield self._candidate(project, item)

    def _candidate(self, project: Project, item: CommentedOut) -> Candidate:
        only = only_call(project, item)
        calls = "their only calls are" if len(item.names) > 1 else "its only call is"
        if not only:
            calls = "the calls are" if len(item.names) > 1 else "the call is"
        message = f"training runs without {listed(item.names)}: {calls} commented out"
        consumer = consumer_trace(project, item)
        evidence = (
            comment_trace(item),
            *definition_traces(project, item),
            *((consumer,) if consumer else ()),
        )
        confidence = comment_confidence(project, item)
        return Candidate(self.code, item.scope.path, item.span, message, confidence, evidence, self._fix(item))

    def _fix(self, item: CommentedOut) -> FixPlan | None:
        if item.piece.behind or _sets_something_else(item.piece.code):
            return None
        plan = Uncomment(item.piece.first_line, item.piece.last_line, item.piece.code)
        return FixPlan(Applicability.UNSAFE, "Uncomment it", plan)


def _sets_something_else(code: str) -> bool:
    """Whether a line of the comment binds a plain value (`lr = 0.1`) that no other line of it reads."""
    try:
        tree = ast.parse(code)
    except SyntaxError:  # an element of a list
        return False
    read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    plain = (item for item in tree.body if isinstance(item, ast.Assign) and isinstance(item.value, ast.Constant))
    return any(isinstance(target, ast.Name) and target.id not in read for item in plain for target in item.targets)


rule = CommentedOutAugmentation
