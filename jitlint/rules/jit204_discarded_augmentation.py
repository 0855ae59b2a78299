"""JIT204 discarded-augmentation."""

from __future__ import annotations

from collections.abc import Iterator

from jitlint.diagnostic import Applicability, BindResult, Candidate, Confidence, FixPlan, Trace
from jitlint.rules.base import Rule
from jitlint.semantics.augmenters import How
from jitlint.semantics.discarded import Discarded, discarded_of
from jitlint.semantics.graph import Kind
from jitlint.semantics.pipeline_steps import What
from jitlint.semantics.project import Project, Value
from jitlint.semantics.purpose import Purpose


class DiscardedAugmentation(Rule):
    """The result of an augmentation or of a shuffle is computed and thrown away.

    What it finds:
        A statement that only calls something that gives its result back: an augmentation of the project (one
        that changes nothing in place) or of a library, a flip under `if random.random() < 0.5:`, `x + noise`,
        `sklearn.utils.shuffle(x)`, `numpy.random.permutation(x)`, `table.sample(frac=1)`, `dataset.shuffle(n)`
        of tf.data, Hugging Face and webdataset. `random.shuffle(list(x))`, which shuffles a copy. A noisy
        value that is bound to a name and never read, while the network gets the clean one. And a draw of a function
        called an augmentation, which gives back its argument without it.

    Why it matters:
        The code runs, takes its time, and changes nothing: training sees the clean images, or the samples in
        the same order in every epoch.

    Example:
        def batches(samples, size):
            sklearn.utils.shuffle(samples)
            for start in range(0, len(samples), size):
                yield samples[start : start + size]

    Use instead:
        def batches(samples, size):
            samples = sklearn.utils.shuffle(samples)
            for start in range(0, len(samples), size):
                yield samples[start : start + size]

    Fix:
        Binds the result to the name of what should have changed. Safe for shuffles of a library; unsafe for
        augmentations, whose result may be more than the changed value.

    Known limits:
        Only reported when the unchanged value is used afterwards. Low confidence in evaluation code, and where
        only a name says what a called function does. The last expression of a notebook's cell is displayed,
        so it is used. Functions that change something in place, or act in any other way, are left alone.
    """

    code = "JIT204"
    name = "discarded-augmentation"

    VALID = (
        """
import random
def train(samples, model, optimizer):
    for epoch in range(10):
        random.shuffle(samples)
        for sample in samples:
            model(sample).backward()
            optimizer.step()
""",
        """
import torch
def add_noise_(x):
    x += torch.randn_like(x)
    return x
def training_step(model, images):
    add_noise_(images)
    return model(images).mean()
""",
        """
import torch
def add_noise(x):
    return x + torch.randn_like(x)
def training_step(model, images):
    _ = add_noise(images)
    return model(images).mean()
""",
        """
import torch
def test_add_noise(images):
    add_noise(images)
    assert model(images)
def add_noise(x):
    return x + torch.randn_like(x)
""",
        """
import random
from torch.utils.data import Dataset
class Boxes(Dataset):
    def __getitem__(self, index):
        sample = self.load(index)
        self.random_flip(sample)
        return sample["image"]
    def random_flip(self, sample):
        if random.random() < 0.5:
            sample["image"] = sample["image"].flip(-1)
        return sample
""",
    )
    INVALID = (
        """
import torch
def add_noise(x):
    return x + torch.randn_like(x)
def training_step(model, images):
    add_noise(images)
    return model(images).mean()
""",
        """
import sklearn
def batches(samples, size):
    while True:
        sklearn.utils.shuffle(samples)
        for start in range(0, len(samples), size):
            yield samples[start : start + size]
""",
        """
import random
import torchvision.transforms.functional as F
from torch.utils.data import Dataset
class Pictures(Dataset):
    def __getitem__(self, index):
        image = self.load(index)
        if random.random() < 0.5:
            F.hflip(image)
        return image
""",
        """
import torch
def train(model, loader, optimizer):
    for images in loader:
        noisy = images + 0.1 * torch.randn_like(images)
        loss = (model(images) - images).pow(2).mean()
        loss.backward()
        optimizer.step()
""",
        """
import tensorflow as tf
def load(paths):
    dataset = tf.data.Dataset.from_tensor_slices(paths)
    dataset.shuffle(1000)
    return dataset.batch(32)
""",
    )

    def check(self, project: Project) -> Iterator[Candidate]:
        """One candidate a lost result."""
        for lost in discarded_of(project).found:
            node, path = project.node(lost.value), lost.value.scope.path
            traces = tuple(_traces(project, lost))
            yield Candidate(
                self.code, path, node.span, _message(project, lost), _confidence(lost), traces, _fix(project, lost)
            )


def _message(project: Project, lost: Discarded) -> str:
    name = _name(project, lost) or "its argument"
    shown = name if name == "its argument" else f"`{name}`"
    if lost.what is What.TEMPORARY:
        return "the order never changes: this shuffles a copy that nothing keeps"
    if lost.what is What.SHUFFLE:
        return f"the order never changes: {shown} stays as it is, the shuffled copy is thrown away"
    if lost.what is What.ORDER:
        return f"the order never changes: {shown} is drawn in every epoch, and nothing uses it"
    if lost.what is What.UNAPPLIED:
        drawn = project.bound_names(lost.value)[0]
        owner = project.scope(lost.value.scope).name
        return f"`{owner}` changes nothing at random: `{drawn}` is drawn here, and nothing applies it"
    if lost.what is What.UNREAD:
        return f"the network sees clean data: {shown} is perturbed here, and nothing uses the result"
    return f"{shown} is never augmented: the result of this augmentation is thrown away"


def _confidence(lost: Discarded) -> Confidence:
    if lost.purpose is Purpose.EVALUATION or lost.how is How.NAME:
        return Confidence.LOW
    if lost.what in (What.SHUFFLE, What.TEMPORARY):
        return Confidence.HIGH
    if lost.what in (What.ORDER, What.UNAPPLIED):
        return Confidence.MEDIUM
    if lost.purpose is Purpose.TRAIN:
        return Confidence.HIGH if lost.how is How.SURE else Confidence.MEDIUM
    return Confidence.MEDIUM if lost.how is How.SURE and lost.what is not What.UNREAD else Confidence.LOW


def _traces(project: Project, lost: Discarded) -> Iterator[Trace]:
    path, scope = lost.value.scope.path, project.scope(lost.value.scope)
    yield Trace("draw", path, project.node(lost.value).span, "the result of this is not used")
    if lost.use is not None and lost.use != lost.source:
        says = "the epoch trains without it" if lost.what is What.ORDER else "this uses the unchanged value"
        yield Trace("consumer", path, scope.nodes[lost.use].span, says)


def _name(project: Project, lost: Discarded) -> str:
    """The name of the variable that should have changed, if it has one."""
    scope = project.scope(lost.value.scope)
    node = scope.nodes[lost.source]
    if node.kind in (Kind.PARAM, Kind.PHI) and node.name in scope.variables:
        return node.name
    names = {name for name, nodes in scope.variables.items() if lost.source in nodes}
    return names.pop() if len(names) == 1 else ""


def _fix(project: Project, lost: Discarded) -> FixPlan | None:
    """Bind the result to the name of what should have changed."""
    name, node = _name(project, lost), project.node(lost.value)
    if (
        not name.isidentifier()
        or lost.what in (What.TEMPORARY, What.UNREAD, What.UNAPPLIED, What.ORDER)
        or not _is_alike(project, lost)
    ):
        return None
    applicability = Applicability.SAFE if lost.what is What.SHUFFLE else Applicability.UNSAFE
    return FixPlan(applicability, f"Bind the result to `{name}`", BindResult(node.span, name))


def _is_alike(project: Project, lost: Discarded) -> bool:
    """Whether the result is what the argument was, and not a tuple or dict with more in it."""
    node = project.node(lost.value)
    if lost.what is What.SHUFFLE:
        return node.name != "sklearn.utils.shuffle" or sum(key is None for key in node.keywords) == 1
    ref = project.callee(lost.value)
    returns = project.scope(ref).returns if ref is not None else ()
    return not any(project.node(Value(ref, item)).kind is Kind.COLLECTION for item in returns if ref is not None)


rule = DiscardedAugmentation
