"""JIT202 unused-augmentation."""

from __future__ import annotations

from collections.abc import Iterator

from jitlint.diagnostic import Candidate, Confidence, Trace
from jitlint.rules.absent import comment_confidence, comment_trace
from jitlint.rules.base import Rule
from jitlint.semantics.project import Project
from jitlint.semantics.unused import Unused, unused_of


class UnusedAugmentation(Rule):
    """An augmentation is defined and nothing in the project uses it.

    What it finds:
        A function, method or transform class of the project that perturbs what it gets, and whose name
        nothing mentions: no code, no string, no configuration file. With JIT201 it tells one story when the
        only call stands in a comment. Also a random pipeline called `train_transform` (or alike) that
        nothing reads, where data sets are given another one.

    Why it matters:
        Who reads the code sees the augmentation and believes that training has it.

    Example:
        class Trainer:
            def add_noise(self, x):
                return x + 0.01 * torch.randn_like(x)

            def training_step(self, batch):
                return self.model(batch).mean()

    Use instead:
        class Trainer:
            def add_noise(self, x):
                return x + 0.01 * torch.randn_like(x)

            def training_step(self, batch):
                return self.model(self.add_noise(batch)).mean()

    Fix:
        None: call it where the data is loaded, or delete it.

    Known limits:
        Low confidence unless a comment holds its call, or the same file trains (or loads samples) and no
        other augmentation is live in it; in packages that others install; and where functions are looked up
        by computed names. Any mention of the bare name, of whatever object, counts as a use.
    """

    code = "JIT202"
    name = "unused-augmentation"

    VALID = (
        """
import torch
class Trainer:
    def add_noise(self, x):
        return x + 0.01 * torch.randn_like(x)
    def training_step(self, batch):
        return self.model(self.add_noise(batch)).mean()
""",
        """
import torch
@register("noise")
def add_noise(x):
    return x + 0.01 * torch.randn_like(x)
def training_step(model, batch):
    return model(batch).mean()
""",
        """
import torch
AUGMENTATIONS = {"noise": "add_noise"}
def add_noise(x):
    return x + 0.01 * torch.randn_like(x)
def training_step(model, batch):
    return model(globals()[AUGMENTATIONS["noise"]](batch)).mean()
""",
        """
import torch
__all__ = ["add_noise", "train"]
def add_noise(x):
    return x + 0.01 * torch.randn_like(x)
def train(model, loader, opt):
    for images in loader:
        model(images).mean().backward()
        opt.step()
""",
        """
import random
def random_flip(x):
    return x.flip(-1) if random.random() < 0.5 else x
def random_noise(x):
    return x + random.gauss(0, 1)
def train(model, loader, opt):
    for images in loader:
        model(random_flip(images)).mean().backward()
        opt.step()
""",
        """
import albumentations
class Noise(albumentations.ImageOnlyTransform):
    def random_noise(self, image):
        return image + random.gauss(0, 1)
""",
        """
from keras.preprocessing.image import ImageDataGenerator
def train(model, images, labels):
    datagen = ImageDataGenerator(rotation_range=20, horizontal_flip=True)
    datagen.fit(images)
    model.fit(datagen.flow(images, labels, batch_size=32), epochs=50)
""",
    )
    INVALID = (
        """
import torch
class Trainer:
    def add_noise(self, x):
        return x + 0.01 * torch.randn_like(x)
    def training_step(self, batch):
        return self.model(batch).mean()
""",
        """
import torch
class Trainer:
    def blur_a_bit(self, x):
        return x + 0.01 * torch.randn_like(x)
    def training_step(self, batch):
        # batch = self.blur_a_bit(batch)
        return self.model(batch).mean()
""",
        """
import random
from torch.utils.data import Dataset
class RandomFlip:
    def __call__(self, image):
        return image[:, ::-1] if random.random() < 0.5 else image
class Pictures(Dataset):
    def __getitem__(self, index):
        return self.load(index)
""",
        """
from keras.preprocessing.image import ImageDataGenerator
def train(model, images, labels):
    datagen = ImageDataGenerator(rotation_range=20, horizontal_flip=True)
    datagen.fit(images)
    model.fit(images, labels, batch_size=32, epochs=50)
""",
    )

    def check(self, project: Project) -> Iterator[Candidate]:
        """One candidate a definition."""
        for unused in unused_of(project).found:
            yield self._candidate(project, unused)

    def _confidence(self, project: Project, unused: Unused) -> Confidence:
        if unused.comment is not None:
            return comment_confidence(project, unused.comment)
        return Confidence.MEDIUM if unused.matters and unused.reachable else Confidence.LOW

    def _candidate(self, project: Project, unused: Unused) -> Candidate:
        reason = "nothing in the project calls it" if unused.comment is None else "its only call is commented out"
        message = f"training runs without `{unused.name}`: it perturbs its input, but {reason}"
        evidence = [Trace("definition", unused.path, unused.span, f"`{unused.name}` is defined here")]
        if unused.comment is not None:
            evidence.append(comment_trace(unused.comment))
        confidence = self._confidence(project, unused)
        return Candidate(self.code, unused.path, unused.span, message, confidence, tuple(evidence))


rule = UnusedAugmentation
