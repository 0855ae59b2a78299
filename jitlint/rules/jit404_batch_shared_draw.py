"""JIT404 batch-shared-draw."""

from __future__ import annotations

from collections.abc import Iterator

from jitlint.diagnostic import Candidate, Confidence, Trace
from jitlint.rules.base import Rule
from jitlint.semantics.clocks import CALL, Clock, Role
from jitlint.semantics.hoisted import hoisted_of
from jitlint.semantics.project import Project, Value
from jitlint.semantics.when import variance_of


class BatchSharedDraw(Rule):
    """One number is drawn for a whole batch, so that all of its samples are augmented alike.

    What it finds:
        A scalar draw of Python's `random` (or of NumPy, without a size) in the batch loop that perturbs the whole batch
        on its way to the network. Off by default: select `JIT404`.

    Why it matters:
        A batch of 256 images that are all flipped, or all shifted by the same offset, carries one sample of the
        augmentation and not 256: the gradient is noisier, and batch statistics see one variant at a time.

    Example:
        for images, labels in loader:
            images = images + random.uniform(-0.1, 0.1)
            loss = criterion(model(images), labels)

    Use instead:
        for images, labels in loader:
            images = images + torch.empty(len(images), 1, 1, 1).uniform_(-0.1, 0.1)
            loss = criterion(model(images), labels)

    Fix:
        None is offered: draw one number a sample.

    Known limits:
        Mixing coefficients of a beta distribution (mixup) are shared by design and left alone. Other draws may be meant
        for all as well: hence off by default.
    """

    code = "JIT404"
    name = "batch-shared-draw"
    default = False

    VALID = (
        """
import torch
def train(model, loader, criterion):
    for images, labels in loader:
        images = images + 0.1 * torch.randn_like(images)
        criterion(model(images), labels).backward()
""",
        """
import random
from torch.utils.data import Dataset
class Images(Dataset):
    def __getitem__(self, index):
        return self.images[index] + random.uniform(-0.1, 0.1)
""",
    )
    INVALID = (
        """
import random
def train(model, loader, criterion):
    for images, labels in loader:
        images = images + random.uniform(-0.1, 0.1)
        criterion(model(images), labels).backward()
""",
    )

    def check(self, project: Project) -> Iterator[Candidate]:
        """One candidate a draw."""
        variance, told = variance_of(project), set[Value]()
        for use in hoisted_of(project).trained():
            if use.loop.region <= CALL or not use.loop.loader:
                continue
            clock = Clock(use.loop.scope, use.loop.region)
            for drawn in variance.seen(use.argument).draws:
                node = project.node(drawn.draw)
                scalar = node.name.startswith("random.") or (
                    node.name.startswith("numpy.random.") and node.keyword("size") is None and len(node.arguments) <= 2
                )
                shared = scalar and "beta" not in node.method and drawn.role is Role.MIXED
                if shared and clock in drawn.fresh and drawn.draw not in told:
                    told.add(drawn.draw)
                    yield self._candidate(project, drawn.draw, use.consumer)

    def _candidate(self, project: Project, draw: Value, consumer: Value) -> Candidate:
        node = project.node(draw)
        evidence = (
            Trace("draw", draw.scope.path, node.span, "one number is drawn here"),
            Trace("consumer", consumer.scope.path, project.node(consumer).span, "for all samples of the batch"),
        )
        message = f"all samples of a batch share one draw: `{node.text}` gives a single number"
        return Candidate(self.code, draw.scope.path, node.span, message, Confidence.MEDIUM, evidence)


rule = BatchSharedDraw
