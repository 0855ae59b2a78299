"""JIT107 stale-shuffle."""

from __future__ import annotations

import re
from collections.abc import Iterator

from jitlint.diagnostic import Applicability, Candidate, Confidence, FixPlan, MoveIntoLoop, Trace
from jitlint.rules.base import Rule
from jitlint.semantics.moves import value_name
from jitlint.semantics.project import Project, Value
from jitlint.semantics.shuffles import Shuffled, stale_shuffles

_HELD_OUT = re.compile(r"(?:^|_)(?:test|val|valid|validation|eval|dev)(?:_|\d|$)")


class StaleShuffle(Rule):
    """The order is shuffled once above the epoch loop and reused by every epoch.

    What it finds:
        A shuffle or permutation directly above the epoch loop, also in place (`random.shuffle(samples)`),
        whose order every epoch then walks through in the same way.

    Why it matters:
        Every epoch sees the same batches in the same order; the gradient noise that shuffling is for is the
        same in each of them.

    Example:
        order = torch.randperm(len(images))
        for epoch in range(epochs):
            for start in range(0, len(images), batch_size):
                batch = images[order[start:start + batch_size]]

    Use instead:
        for epoch in range(epochs):
            order = torch.randperm(len(images))
            for start in range(0, len(images), batch_size):
                batch = images[order[start:start + batch_size]]

    Fix:
        Moves the shuffle to the top of the epoch loop. Safe for a permutation that is drawn, unsafe for a
        shuffle in place.

    Known limits:
        An order that is cut into parts above the loop is a split and stays what it is. A random subset that
        is drawn once (`[w for w in words if random.random() < keep[w]]`) is reported with low confidence.
    """

    code = "JIT107"
    name = "stale-shuffle"

    VALID = (
        """
import torch
def train(model, images, opt, epochs, batch_size):
    for epoch in range(epochs):
        order = torch.randperm(len(images))
        for start in range(0, len(images), batch_size):
            loss = model(images[order[start:start + batch_size]]).mean()
            loss.backward()
            opt.step()
""",
        """
import torch
def train(model, images, opt, epochs, batch_size):
    order = torch.randperm(len(images))
    train_part, test_part = order[:100], order[100:]
    for epoch in range(epochs):
        for start in range(0, len(train_part), batch_size):
            loss = model(images[train_part[start:start + batch_size]]).mean()
            loss.backward()
            opt.step()
""",
        """
import numpy as np
np.random.shuffle(rays)
position = 0
for epoch in range(epochs):
    batch = rays[position:position + 100]
    position += 100
    if position >= rays.shape[0]:
        np.random.shuffle(rays)
        position = 0
    loss = model(batch).mean()
    loss.backward()
    optimizer.step()
""",
    )
    INVALID = (
        """
import torch
def train(model, images, opt, epochs, batch_size):
    order = torch.randperm(len(images))
    for epoch in range(epochs):
        for start in range(0, len(images), batch_size):
            loss = model(images[order[start:start + batch_size]]).mean()
            loss.backward()
            opt.step()
""",
        """
import random
def train(model, samples, optimizer, epochs):
    random.shuffle(samples)
    for epoch in range(epochs):
        for sample in samples:
            loss = model(sample)
            loss.backward()
            optimizer.step()
""",
    )

    def check(self, project: Project) -> Iterator[Candidate]:
        """One candidate a shuffle and epoch loop."""
        for shuffled in stale_shuffles(project):
            name = self._name(project, shuffled)
            if not _HELD_OUT.search(name.lower()):
                yield self._candidate(project, shuffled, name)

    def _name(self, project: Project, shuffled: Shuffled) -> str:
        node = project.node(shuffled.call)
        own = value_name(project, shuffled.call)
        if own or not node.arguments:
            return own
        return value_name(project, Value(shuffled.call.scope, node.arguments[0]))

    def _candidate(self, project: Project, shuffled: Shuffled, name: str) -> Candidate:
        scope = project.scope(shuffled.call.scope)
        path = shuffled.call.scope.path
        call, use = scope.nodes[shuffled.call.node], scope.nodes[shuffled.use.node]
        what = "random subset" if shuffled.subset else "order"
        evidence = (
            Trace("draw", path, call.span, f"the {what} is drawn here, once"),
            Trace("loop", path, scope.regions[shuffled.region].header_span or call.span, "this runs for every epoch"),
            Trace("consumer", path, use.span, f"every epoch uses the same {what}"),
        )
        subject = f"`{name}`" if name else f"the {what}"
        message = f"every epoch sees the samples in the same order: {subject} is shuffled once, above the epoch loop"
        if shuffled.subset:
            message = f"every epoch sees the same random subset: {subject} is drawn once, above the epoch loop"
        confidence = Confidence.LOW if shuffled.subset else Confidence.HIGH
        fix = None if shuffled.subset else self._fix(project, shuffled)
        return Candidate(self.code, path, call.span, message, confidence, evidence, fix)

    def _fix(self, project: Project, shuffled: Shuffled) -> FixPlan | None:
        scope = project.scope(shuffled.call.scope)
        call = scope.nodes[shuffled.call.node]
        statement = scope.statements[call.statement]
        loop = scope.statements[scope.regions[shuffled.region].statement]
        first = next((item for item in scope.statements if item.region == shuffled.region), None)
        if first is None or statement.region != loop.region:
            return None
        safe = Applicability.SAFE if statement.binds else Applicability.UNSAFE
        plan = MoveIntoLoop(loop.span, (statement.span,), first.span)
        return FixPlan(safe, "Shuffle anew at the start of every epoch", plan)


rule = StaleShuffle
