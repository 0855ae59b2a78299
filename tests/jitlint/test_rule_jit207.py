from __future__ import annotations

from pathlib import Path

import pytest

from jitlint.diagnostic import Candidate, Confidence, InsertStatements
from jitlint.rules.jit207_lost_training_mode import LostTrainingMode
from tests.jitlint.cases import project_of

HEAD = """
import torch
from torch import nn
def evaluate(net, loader):
    net.eval()
    with torch.no_grad():
        return sum(net(x).mean() for x in loader)
"""


def found(text: str, root: Path, least: Confidence = Confidence.LOW) -> list[Candidate]:
    return [item for item in LostTrainingMode().check(project_of(text, root)) if item.confidence >= least]


@pytest.mark.parametrize("case", LostTrainingMode.VALID)
def test_valid(case: str, tmp_path: Path) -> None:
    assert found(case, tmp_path) == []


@pytest.mark.parametrize("case", LostTrainingMode.INVALID)
def test_invalid(case: str, tmp_path: Path) -> None:
    assert len(found(case, tmp_path, Confidence.MEDIUM)) == 1


LOOP = """
def fit(model, loader, val_loader, optimizer):
    model.train()
    for epoch in range(10):
        {head}
        for step, x in enumerate(loader):
            model(x).mean().backward()
            optimizer.step()
            {inner}
        {after}
"""


def loop(head: str = "pass", inner: str = "pass", after: str = "pass") -> str:
    return HEAD + LOOP.format(head=head, inner=inner, after=after)


def test_evaluation_after_each_epoch(tmp_path: Path) -> None:
    (item,) = found(loop(after="score = evaluate(model, val_loader)\n        print(score)"), tmp_path)
    assert item.message == "`model` stays in evaluation mode: the loop over epochs never calls `train()` after this"
    assert item.confidence is Confidence.MEDIUM  # nothing tells what the network is
    assert [(trace.role, trace.span.line) for trace in item.evidence] == [
        ("loop", 11),
        ("definition", 5),
        ("consumer", 14),
    ]
    assert item.fix is not None
    assert isinstance(item.fix.plan, InsertStatements)
    assert (item.fix.plan.before.line, item.fix.plan.statements) == (18, ("model.train()",))


BUGS = {
    "in the batch loop": loop(head="model.train()", inner="if step % 9 == 0: evaluate(model, val_loader)"),
    "of all calls the last": loop(inner="loss = 1", after="evaluate(model, val_loader)"),
    "train(False)": loop(after="model.train(False); check(model)"),
    "by a method": """
import torch
class Trainer:
    def __init__(self, model, optimizer):
        self.model, self.optimizer = model, optimizer
    def validate(self, loader):
        self.model.eval()
        with torch.no_grad():
            return sum(self.model(x) for x in loader)
    def train_epoch(self, loader):
        for x in loader:
            self.model(x).mean().backward()
            self.optimizer.step()
    def fit(self, loader, val_loader):
        self.model.train()
        for epoch in range(10):
            self.train_epoch(loader)
            self.validate(val_loader)
""",
}


@pytest.mark.parametrize("case", BUGS)
def test_training_goes_on_in_evaluation_mode(case: str, tmp_path: Path) -> None:
    assert len(found(BUGS[case], tmp_path)) == 1


NEAR_MISSES = {
    "train() at the head": loop(head="model.train()", after="evaluate(model, val_loader)"),
    "train() in the step": loop(inner="model.train()", after="evaluate(model, val_loader)"),
    "train() after": loop(after="evaluate(model, val_loader); model.train()"),
    "in the last pass": loop(after="if epoch == 9: evaluate(model, val_loader)"),
    "the loop ends": loop(inner="if step == 5:\n                evaluate(model, val_loader)\n                return"),
    "another network": loop(after="evaluate(teacher, val_loader)"),
    "a frozen part": loop(head="model.backbone.eval()"),
    "frozen on purpose": loop(head="model.eval()"),
    "after the training": HEAD
    + """
def fit(model, loader, val_loader, optimizer):
    for x in loader:
        model(x).mean().backward()
        optimizer.step()
    return evaluate(model, val_loader)
""",
    "a trainer that cannot be seen": HEAD
    + """
import engine
def fit(model, loader, val_loader, optimizer):
    for epoch in range(10):
        engine.train_one_epoch(model, loader, optimizer)
        evaluate(model, val_loader)
""",
    "a network of its own for each fold": HEAD
    + """
def fit(folds, val_loader):
    for fold in folds:
        model = build()
        for x in fold:
            model(x).mean().backward()
            torch.optim.SGD().step()
        evaluate(model, val_loader)
""",
    "the head of a frozen network": HEAD
    + """
def linear_train(net, head, loader):
    net.eval()
    for x in loader:
        head(net(x)).mean().backward()
        torch.optim.SGD().step()
def fit(net, head, loader, val_loader):
    for epoch in range(10):
        linear_train(net, head, loader)
        evaluate(net, val_loader)
""",
    "both modes are the same": HEAD
    + """
def fit(loader, val_loader):
    model = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
    optimizer = torch.optim.Adam(model.parameters())
    for epoch in range(10):
        for x in loader:
            model(x).mean().backward()
            optimizer.step()
        evaluate(model, val_loader)
""",
    "a class whose modes are the same": HEAD
    + """
class Net(nn.Module):
    def __init__(self):
        self.layer = nn.Linear(3, 3)
def fit(loader, val_loader):
    model = Net()
    for epoch in range(10):
        for x in loader:
            model(x).mean().backward()
            torch.optim.SGD().step()
        evaluate(model, val_loader)
""",
}


@pytest.mark.parametrize("case", NEAR_MISSES)
def test_training_mode_comes_back_or_need_not(case: str, tmp_path: Path) -> None:
    assert found(NEAR_MISSES[case], tmp_path) == []


def test_a_network_that_is_seen_to_drop_out(tmp_path: Path) -> None:
    text = NEAR_MISSES["a class whose modes are the same"].replace("nn.Linear(3, 3)", "nn.Dropout()")
    (item,) = found(text, tmp_path)
    assert item.confidence is Confidence.HIGH


RATES = """
import torch
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.noise_std = 0.1
    def forward(self, x):
        {}
        return x + self.noise_std * torch.randn_like(x)
"""


def test_rate_that_evaluation_overwrites(tmp_path: Path) -> None:
    (item,) = found(RATES.format("if not self.training: self.noise_std = 0"), tmp_path)
    expected = "`self.noise_std` stays 0 after the first evaluation: this overwrites it, and nothing sets it back"
    assert (item.message, item.span.line) == (expected, 8)


@pytest.mark.parametrize(
    "line",
    [
        "if self.training: self.noise_std = 0",
        "self.noise_std = 0 if not self.training else 0.1",
        "if not self.training: self.noise_std = 0\n        else: self.noise_std = 0.1",
        "if not self.training: self.width = 0",
        "if not self.training: noise_std = 0",
    ],
)
def test_rate_that_is_set_again(line: str, tmp_path: Path) -> None:
    assert found(RATES.format(line), tmp_path) == []


VALIDATION = """
import torch
def {name}(net, loader):
    net.drop.p = 0.0
    {context}
        return sum(net(x) for x in loader)
def fit(net, loader, val_loader, optimizer):
    for epoch in range(10):
        for x in loader:
            net(x).mean().backward()
            optimizer.step()
        {call}
"""


def test_rate_that_a_validation_overwrites(tmp_path: Path) -> None:
    text = VALIDATION.format(name="score", context="with torch.no_grad():", call="score(net, val_loader)")
    (item,) = found(text, tmp_path)
    assert [(trace.role, trace.span.line) for trace in item.evidence] == [("override", 4), ("loop", 12)]


@pytest.mark.parametrize(
    ("name", "context", "call"),
    [
        ("finish", "if net:", "finish(net, val_loader)"),  # a schedule, no evaluation
        ("score", "with torch.no_grad():", "if epoch == 9: score(net, val_loader)"),
        ("score", "with torch.no_grad():", "score(net, val_loader); net.drop.p = 0.5"),
        ("score", "with torch.no_grad():", "pass"),
    ],
)
def test_rate_that_is_switched_off_on_purpose(name: str, context: str, call: str, tmp_path: Path) -> None:
    assert found(VALIDATION.format(name=name, context=context, call=call), tmp_path) == []


STEP = (
    HEAD
    + """
def train_iter(model, x, val_loader, optimizer):
    {first}
    optimizer.zero_grad()
    model(x).mean().backward()
    optimizer.step()
    print(evaluate(model, val_loader))
def fit(model, x, val_loader, optimizer):
    model.train()
{caller}"""
)
EPOCHS = """    for epoch in range(200):
        {}
        train_iter(model, x, val_loader, optimizer)
"""


@pytest.mark.parametrize(
    ("first", "caller", "count"),
    [
        ("pass", EPOCHS.format("pass"), 1),
        ("model.train()", EPOCHS.format("pass"), 0),
        ("pass", EPOCHS.format("model.train()"), 0),
        ("pass", "    train_iter(model, x, val_loader, optimizer)\n", 0),
    ],
    ids=["a step that a loop calls", "it sets the mode", "the loop sets the mode", "one step"],
)
def test_a_function_that_is_one_step(first: str, caller: str, count: int, tmp_path: Path) -> None:
    items = found(STEP.format(first=first, caller=caller), tmp_path)
    assert len(items) == count
    for item in items:
        assert [(trace.role, trace.span.line) for trace in item.evidence] == [
            ("loop", 17),
            ("definition", 5),
            ("consumer", 12),
        ]
