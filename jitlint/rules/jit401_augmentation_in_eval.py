"""JIT401 augmentation-in-eval."""

from __future__ import annotations

from collections.abc import Iterator

from jitlint.diagnostic import (
    AddArgument,
    Applicability,
    Candidate,
    Confidence,
    FixPlan,
    Trace,
)
from jitlint.rules.base import Rule
from jitlint.rules.plain_pipeline import plain_pipeline
from jitlint.semantics.dropout import AlwaysOn, dropouts_of
from jitlint.semantics.held_out import HeldOut, held_outs_of
from jitlint.semantics.project import Project


class AugmentationInEval(Rule):
    """Held-out data is augmented at random, or a network goes on dropping when it is evaluated.

    What it finds:
        A validation or test data set with a random transform; a validation loader that takes a part of the
        augmented training set (`SubsetRandomSampler`, `random_split`, `Subset`, `subset="validation"` of Keras'
        `ImageDataGenerator`); an augmentation in a function that evaluates.
        In networks: functional dropout without `training=` or with a constant True, a dropout layer that is made
        in `forward`, `tf.nn.dropout` in `call`, Flax dropout with `deterministic=False`, noise that `forward`
        adds whatever the mode; `model(x, training=True)` in a function that evaluates.

    Why it matters:
        Two evaluations of one model differ, the score is lower than it is, and the best epoch is picked by luck.
        `model.eval()` does not reach functional dropout.

    Example:
        def forward(self, x):
            return self.fc2(F.dropout(self.fc1(x), 0.5))

    Use instead:
        def forward(self, x):
            return self.fc2(F.dropout(self.fc1(x), 0.5, training=self.training))

    Fix:
        Adds `training=self.training` to functional dropout. Safe. A data set whose random pipeline stands in the same
        file gets a copy of it without what is random, where that keeps the size of the pictures. Unsafe: evaluation may
        need a crop or a resize instead. No fix where training and evaluation share the data set.

    Known limits:
        Data is held out if the names of its loader, data set or dict key say so; where a data set may be one of
        several, nothing is said. Test-time augmentation, contrastive learning, registration, denoising and
        Monte Carlo dropout are left alone if a name says that it is one.
    """

    code = "JIT401"
    name = "augmentation-in-eval"

    VALID = (
        """
from torch import nn
from torch.nn import functional as F
class Net(nn.Module):
    def forward(self, x):
        x = F.dropout(self.fc1(x), 0.5, self.training)
        if self.training:
            x = F.dropout(x)
        return self.fc2(x)
def accuracy(model, x):
    model.eval()
    return model(x)
""",
        """
from torch.utils.data import DataLoader
from torchvision import datasets, transforms
augment = transforms.Compose([transforms.RandomHorizontalFlip(), transforms.ToTensor()])
plain = transforms.ToTensor()
train_loader = DataLoader(datasets.CIFAR10("data", transform=augment), shuffle=True)
val_loader = DataLoader(datasets.CIFAR10("data", train=False, transform=plain))
tta_loader = DataLoader(datasets.CIFAR10("data", train=False, transform=augment))
""",
        """
from torch import nn
from torch.nn import functional as F
class MonteCarloDropout(nn.Module):
    def forward(self, x):
        return F.dropout(x, self.p, training=True)
def predict(model, x):
    model.eval()
    return model(x)
""",
    )
    INVALID = (
        """
from torch import nn
from torch.nn import functional as F
class Net(nn.Module):
    def forward(self, x):
        return self.fc2(F.dropout(self.fc1(x), 0.5))
def train(model, optimizer, loader):
    for x, y in loader:
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
def accuracy(model, x):
    model.eval()
    return model(x)
""",
        """
from torch.utils.data import DataLoader
from torchvision import datasets, transforms
augment = transforms.Compose([transforms.RandomHorizontalFlip(), transforms.ToTensor()])
train_set = datasets.CIFAR10("data", transform=augment)
val_set = datasets.CIFAR10("data", train=False, transform=augment)
""",
        """
from torch.utils.data import DataLoader, SubsetRandomSampler
from torchvision import datasets, transforms
augment = transforms.Compose([transforms.RandomCrop(32, padding=4), transforms.ToTensor()])
train_set = datasets.CIFAR10("data", transform=augment)
train_loader = DataLoader(train_set, sampler=SubsetRandomSampler(first))
valid_loader = DataLoader(train_set, sampler=SubsetRandomSampler(second))
""",
    )

    def check(self, project: Project) -> Iterator[Candidate]:
        """One candidate a data set or call."""
        for item in held_outs_of(project).found:
            yield self._held_out(project, item)
        for step in held_outs_of(project).steps:
            message = f"the evaluation is augmented: `{project.node(step).text}` draws for every batch"
            yield Candidate(self.code, step.scope.path, project.node(step).span, message, Confidence.MEDIUM)
        dropouts = dropouts_of(project)
        for dropout in dropouts.found:
            yield self._dropout(project, dropout, dropouts.evaluates)
        for noise in dropouts.noise if dropouts.evaluates else ():
            message = "the evaluated network is perturbed: `forward` adds this noise in every mode"
            span = project.node(noise).span
            yield Candidate(self.code, noise.scope.path, span, message, Confidence.MEDIUM)

    def _held_out(self, project: Project, item: HeldOut) -> Candidate:
        name = project.node(item.draw).text.rpartition(".")[2]
        how = "it shares the data set of training" if item.is_shared else "its pipeline draws for every sample"
        message = f"the held-out data is augmented by `{name}`: {how}"
        certain = item.is_certain and not item.is_shared
        draw = Trace("draw", item.draw.scope.path, project.node(item.draw).span, "drawn here for every sample")
        confidence = Confidence.HIGH if certain else Confidence.MEDIUM
        span = project.node(item.used).span
        return Candidate(
            self.code, item.used.scope.path, span, message, confidence, (draw,), plain_pipeline(project, item)
        )

    def _dropout(self, project: Project, item: AlwaysOn, evaluates: bool) -> Candidate:
        node = project.node(item.call)
        why = "it is told that it trains" if item.is_constant else "nothing tells it the mode of the network"
        message = f"the evaluated network goes on dropping: {why}"
        confidence = Confidence.HIGH if evaluates else Confidence.MEDIUM
        if item.may_be_wanted:
            confidence = Confidence.LOW
        return Candidate(self.code, item.call.scope.path, node.span, message, confidence, (), _tell_mode(project, item))


def _tell_mode(project: Project, item: AlwaysOn) -> FixPlan | None:
    """`training=self.training`, as one argument more or in place of the constant."""
    scope, span = project.scope(item.call.scope), project.node(item.call).span
    if item.switch is None or not scope.is_method or not scope.parameters:
        return None
    mode = f"{scope.parameters[0].name}.training"
    plan = AddArgument(span, item.switch, mode)
    return FixPlan(Applicability.SAFE, "Tell it the mode of the network", plan)


rule = AugmentationInEval
