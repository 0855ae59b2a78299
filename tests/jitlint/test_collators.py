"""A function that puts batches together runs once a batch: where something trains on them, it is known to repeat."""

from __future__ import annotations

import pytest

from jitlint.api import lint_text
from jitlint.config import Settings
from jitlint.diagnostic import Confidence

COLLATE = """\
import torch
from torch.utils.data import DataLoader
from transformers import Trainer


def hide(inputs):
    generator = torch.Generator().manual_seed(0)
    hidden = torch.rand(inputs.shape, generator=generator) < 0.25
    return inputs.masked_fill(hidden, 0.0)


def collate(samples):
    return {"inputs": hide(torch.stack(samples))}


"""


@pytest.mark.parametrize(
    ("use", "confidence"),
    [
        ("Trainer(model=model, train_dataset=data, data_collator=collate).train()", Confidence.MEDIUM),
        ("Trainer(model=model, args=args, train_dataset=data, data_collator=lambda s: collate(s))", Confidence.MEDIUM),
        ("train_loader = DataLoader(data, batch_size=8, collate_fn=collate)", Confidence.MEDIUM),
        # the same numbers in each evaluation are meant
        ("Trainer(model=model, eval_dataset=data, data_collator=collate).evaluate()", Confidence.LOW),
        ("val_loader = DataLoader(data, batch_size=8, collate_fn=collate)", Confidence.LOW),
        ("loader = DataLoader(data, batch_size=8, collate_fn=collate)", Confidence.LOW),
        # another function of this name, of a library that nothing is known of
        ("other.Trainer(train_dataset=data, data_collator=collate)", Confidence.LOW),
    ],
)
def test_a_generator_that_a_collator_builds_again(use: str, confidence: Confidence) -> None:
    report = lint_text(COLLATE + use + "\n", "train.py", Settings(confidence=Confidence.LOW))
    assert [(item.code, item.confidence) for item in report.diagnostics] == [("JIT302", confidence)]
