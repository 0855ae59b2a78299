"""JIT203 overridden-transform."""

from __future__ import annotations

from collections.abc import Iterator

from jitlint.diagnostic import Applicability, Candidate, Confidence, FixPlan, InsertStatements, Trace
from jitlint.rules.base import Rule
from jitlint.semantics.overrides import Override, overrides_of
from jitlint.semantics.project import Project


class OverriddenTransform(Rule):
    """The transform of the validation part replaces the one of the training part.

    What it finds:
        After `random_split`, `Subset` or two loaders with samplers, both parts hold one and the same data set
        object. `train.dataset.transform = A; val.dataset.transform = B` leaves B for both, and so does setting
        only the one of the validation part. Found through tuples, dicts, attributes of `self`, helpers that
        return the split, `setattr`, a second name of the same data set, and switches like `is_train`. Also a
        transform that is set on a `Subset`, which never looks at it.

    Why it matters:
        Training runs without its augmentation although the code reads as if it had one. The loss goes down
        faster and the validation score is a little worse, which looks like overfitting.

    Example:
        train, val = random_split(ImageFolder(root, transform=augment), [0.9, 0.1])
        val.dataset.transform = plain

    Use instead:
        train, val = random_split(ImageFolder(root, transform=augment), [0.9, 0.1])
        val.dataset = copy.copy(val.dataset)
        val.dataset.transform = plain

    Fix:
        Gives the validation part a shallow copy of the data set before its transform is set. Safe when the
        contents of both transforms are known, since the samples themselves are still shared.

    Known limits:
        Which object a data set is must be clear from the code; where it may be one of several, nothing is
        said. When the training transform is set last, it is the validation that is wrong, and nothing is said
        here. Writes in different functions are not compared, nor those that take turns in a training loop.
    """

    code = "JIT203"
    name = "overridden-transform"

    VALID = (
        """
import copy
from torchvision import transforms, datasets
from torch.utils.data import random_split
augment = transforms.Compose([transforms.RandomHorizontalFlip(), transforms.ToTensor()])
plain = transforms.ToTensor()
train, val = random_split(datasets.ImageFolder("images", transform=augment), [0.9, 0.1])
val.dataset = copy.copy(val.dataset)
val.dataset.transform = plain
""",
        """
import copy
from torchvision import transforms, datasets
from torch.utils import data
augment = transforms.Compose([transforms.RandomHorizontalFlip(), transforms.ToTensor()])
train, val = data.random_split(datasets.ImageFolder("images", transform=augment), [0.9, 0.1])
val = copy.deepcopy(val)
val.dataset.transform = transforms.ToTensor()
""",
        """
from torchvision import transforms, datasets
from torch.utils.data import Subset
train_full = datasets.CIFAR10("data", transform=transforms.RandomHorizontalFlip())
val_full = datasets.CIFAR10("data")
train, val = Subset(train_full, first), Subset(val_full, second)
train.dataset.transform = transforms.RandomHorizontalFlip()
val.dataset.transform = transforms.ToTensor()
""",
        """
from torchvision import transforms, datasets
from torch.utils.data import random_split
train, val = random_split(datasets.MNIST("data"), [0.9, 0.1])
normalize = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])
train.dataset.transform = normalize
val.dataset.transform = normalize
""",
        """
from torchvision import transforms, datasets
from torch.utils.data import DataLoader
train_loader = DataLoader(datasets.CIFAR10("data", transform=transforms.RandomCrop(32)))
val_loader = DataLoader(datasets.CIFAR10("data"))
train_loader.dataset.transform = transforms.RandomHorizontalFlip()
val_loader.dataset.transform = transforms.ToTensor()
""",
    )
    INVALID = (
        """
from torchvision import transforms, datasets
from torch.utils.data import random_split
train, val = random_split(datasets.ImageFolder("images"), [0.9, 0.1])
train.dataset.transform = transforms.Compose([transforms.RandomHorizontalFlip(), transforms.ToTensor()])
val.dataset.transform = transforms.ToTensor()
""",
        """
from torchvision import transforms, datasets
from torch.utils.data import random_split
augment = transforms.Compose([transforms.RandomHorizontalFlip(), transforms.ToTensor()])
train, val = random_split(datasets.ImageFolder("images", transform=augment), [0.9, 0.1])
val.dataset.transform = transforms.ToTensor()
""",
        """
from torch.utils.data import Subset
class Data(LightningDataModule):
    def setup(self, stage=None):
        self.full = Pictures(self.root, transform=None)
        self.train_set = Subset(self.full, self.train_index)
        self.val_set = Subset(self.full, self.val_index)
        self.train_set.dataset.transform = self.train_transform
        self.val_set.dataset.transform = self.val_transform
""",
        """
from torchvision import transforms, datasets
train_set = datasets.CIFAR10("data", transform=transforms.RandomCrop(32, padding=4))
val_set = train_set
val_set.transform = transforms.ToTensor()
""",
        """
from torchvision import transforms, datasets
from torch.utils.data import random_split
train, val = random_split(datasets.ImageFolder("images"), [0.9, 0.1])
train.transform = transforms.RandomHorizontalFlip()
val.transform = transforms.ToTensor()
""",
    )

    def check(self, project: Project) -> Iterator[Candidate]:
        """One candidate a training pipeline that is not used."""
        for override in overrides_of(project).found:
            yield self._replaced(project, override) if override.last else self._ignored(project, override)

    def _replaced(self, project: Project, override: Override) -> Candidate:
        last = override.last
        assert last is not None
        message = (
            f"the training images are never augmented: this replaces their `{last.attribute}` too, "
            "since training and validation share one data set"
        )
        confidence = Confidence.HIGH if override.certain else Confidence.MEDIUM
        if override.is_guess:
            confidence = Confidence.MEDIUM if override.certain else Confidence.LOW
        traces = (*_shared_trace(project, override), Trace("override", last.ref.path, last.span, "the last one wins"))
        fix = _fix(project, override, confidence)
        return Candidate(self.code, last.ref.path, last.span, message, confidence, traces, fix)

    def _ignored(self, project: Project, override: Override) -> Candidate:
        write = override.write
        assert write is not None
        message = "the training images are never augmented: a `Subset` does not look at its own transform"
        confidence = Confidence.HIGH if override.certain else Confidence.MEDIUM
        traces = (
            *_shared_trace(project, override, only_data=True),
            Trace("override", write.ref.path, write.span, "nothing reads this attribute"),
        )
        return Candidate(self.code, write.ref.path, write.span, message, confidence, traces)


def _shared_trace(project: Project, override: Override, *, only_data: bool = False) -> Iterator[Trace]:
    made = override.thing.made
    yield Trace("definition", made.scope.path, project.node(made).span, "the data set of both parts")
    if not only_data:
        where = override.write.span if override.write else project.node(override.wanted.value).span
        path = override.write.ref.path if override.write else override.wanted.value.scope.path
        yield Trace("draw", path, where, "training should have this transform")


def _fix(project: Project, override: Override, confidence: Confidence) -> FixPlan | None:
    """A copy of the data set for every part that is not trained on, above the first of their writes."""
    writes = override.others
    module = project.modules[writes[0].ref.path]
    if module.imports.get("copy", "copy") != "copy" or "copy" in project.scope(writes[0].ref).variables:
        return None
    if not all(write.holder for write in writes) or len({write.region for write in writes}) > 1:
        return None
    copies = dict.fromkeys(f"{write.holder} = copy.copy({write.holder})" for write in writes)
    plan = InsertStatements(writes[0].span, tuple(copies), ("import copy",))
    applicability = Applicability.SAFE if confidence is Confidence.HIGH else Applicability.UNSAFE
    return FixPlan(applicability, "Give the validation part a data set of its own", plan)


rule = OverriddenTransform
