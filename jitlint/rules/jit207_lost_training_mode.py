"""JIT207 lost-training-mode."""

from __future__ import annotations

from collections.abc import Iterator

from jitlint.diagnostic import Applicability, Candidate, Confidence, FixPlan, InsertStatements, Trace
from jitlint.rules.base import Rule
from jitlint.semantics.modes import Lost, modes_of
from jitlint.semantics.overwritten_rates import Overwritten, overwritten_rates_of
from jitlint.semantics.project import Project


class LostTrainingMode(Rule):
    """An evaluation leaves the network without dropout and augmentation for the rest of the training.

    What it finds:
        `model.eval()` in a training loop, directly or in a function that the loop calls, where nothing in that loop
        calls `train()` again before the next step; also where the step is a function of its own that a loop calls, and
        evaluates at its end. And an evaluation that writes zero over a rate
        (`if not self.training: self.dropout_p = 0.0`) that nothing sets back.

    Why it matters:
        From the first evaluation on, dropout, augmentation inside the network and the statistics of batch
        normalisation are off. The training loss even looks better.

    Example:
        model.train()
        for epoch in range(epochs):
            train_epoch(model, train_loader, optimizer)
            evaluate(model, val_loader)  # calls model.eval()

    Use instead:
        for epoch in range(epochs):
            model.train()
            train_epoch(model, train_loader, optimizer)
            evaluate(model, val_loader)  # calls model.eval()

    Fix:
        Inserts `train()` after the evaluation, or at the head of the loop. Unsafe: a network may be meant to train in
        evaluation mode, to keep its batch normalisation frozen. None for overwritten rates.

    Known limits:
        Any `train()` in the loop or in what it calls counts, whatever its network. Silent for evaluations in the last
        pass, where the loop ends afterwards, and for networks that behave the same in both modes. Medium confidence
        where the network's parts cannot be seen.
    """

    code = "JIT207"
    name = "lost-training-mode"

    VALID = (
        """
import torch
def fit(model, loader, val_loader, optimizer):
    for epoch in range(10):
        model.train()
        for images in loader:
            model(images).mean().backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            print(sum(model(images).mean() for images in val_loader))
""",
        """
import torch
def evaluate(model, loader):
    was_training = model.training
    model.eval()
    with torch.no_grad():
        loss = sum(model(images).mean() for images in loader)
    model.train(was_training)
    return loss
def fit(model, loader, val_loader, optimizer):
    model.train()
    for epoch in range(10):
        for images in loader:
            model(images).mean().backward()
            optimizer.step()
        print(evaluate(model, val_loader))
""",
        """
import torch
def fit(model, teacher, loader, optimizer):
    for images in loader:
        teacher.eval()
        loss = (model(images) - teacher(images)).pow(2).mean()
        loss.backward()
        optimizer.step()
    model.eval()
    return model
""",
        """
from torch import nn
class Attention(nn.Module):
    def __init__(self, dropout=0.1):
        super().__init__()
        self.dropout = dropout
    def forward(self, q, k, v):
        dropout = self.dropout if self.training else 0.0
        return nn.functional.scaled_dot_product_attention(q, k, v, dropout_p=dropout)
""",
    )
    INVALID = (
        """
import torch
def fit(model, loader, val_loader, optimizer):
    model.train()
    for epoch in range(10):
        for images in loader:
            model(images).mean().backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            print(sum(model(images).mean() for images in val_loader))
""",
        """
import torch
def evaluate(model, loader):
    model.eval()
    with torch.no_grad():
        return sum(model(images).mean() for images in loader)
def fit(model, loader, val_loader, optimizer):
    for epoch in range(10):
        model.train()
        for step, images in enumerate(loader):
            model(images).mean().backward()
            optimizer.step()
            if step % 100 == 0:
                print(evaluate(model, val_loader))
""",
        """
from torch import nn
class Attention(nn.Module):
    def __init__(self, dropout=0.1):
        super().__init__()
        self.dropout = dropout
    def forward(self, q, k, v):
        if not self.training:
            self.dropout = 0.0
        return nn.functional.scaled_dot_product_attention(q, k, v, dropout_p=self.dropout)
""",
    )

    def check(self, project: Project) -> Iterator[Candidate]:
        """One candidate a network and loop, and one a rate."""
        for lost in modes_of(project).lost:
            yield self._lost(project, lost)
        for rate in overwritten_rates_of(project).overwritten:
            yield self._overwritten(project, rate)

    def _lost(self, project: Project, lost: Lost) -> Candidate:
        path = lost.event.scope.path
        often = "epochs" if lost.is_epoch else "batches"
        message = f"`{lost.network}` stays in evaluation mode: the loop over {often} never calls `train()` after this"
        traces = [Trace("loop", *lost.header, f"the loop over {often}, in which nothing calls `train()`")]
        if lost.setter != lost.event:
            where, span = lost.setter.scope.path, project.node(lost.setter).span
            traces.append(Trace("definition", where, span, "evaluation mode is set here"))
        traces.append(
            Trace("consumer", path, project.node(lost.training).span, "the next pass trains in evaluation mode")
        )
        confidence = Confidence.HIGH if lost.sure else Confidence.MEDIUM
        fix = None
        if lost.network.replace(".", "").isidentifier():
            plan = InsertStatements(lost.before, (f"{lost.network}.train()",))
            fix = FixPlan(Applicability.UNSAFE, f"Call `{lost.network}.train()`", plan)
        return Candidate(self.code, path, project.node(lost.event).span, message, confidence, tuple(traces), fix)

    def _overwritten(self, project: Project, rate: Overwritten) -> Candidate:
        path, scope = rate.ref.path, project.scope(rate.ref)
        span = scope.statements[rate.store.statement].span
        message = (
            f"`{rate.store.name}` stays 0 after the first evaluation: this overwrites it, and nothing sets it back"
        )
        traces = [Trace("override", path, span, f"`{rate.store.name}` is overwritten here")]
        if rate.loop is not None:
            traces.append(
                Trace("loop", rate.loop.scope.path, project.node(rate.loop).span, "training goes on after this")
            )
        return Candidate(self.code, path, span, message, Confidence.HIGH, tuple(traces))


rule = LostTrainingMode
