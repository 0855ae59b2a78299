"""The mistakes that `benchmarks/injected_bugs.py` plants are what they are called, and the linter finds them here."""

from __future__ import annotations

import ast
import sys
from collections import Counter
from pathlib import Path

import pytest

from jitlint.api import lint_text

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))
from planted_bugs import AUGMENTATIONS, Planted, mistakes

TORCH = """
import torch
from torch.utils.data import DataLoader, DistributedSampler


def main(model, train_set, val_set, optimizer, epochs):
    sampler = DistributedSampler(train_set)
    loader = DataLoader(train_set, sampler=sampler)
    for epoch in range(epochs):
        sampler.set_epoch(epoch)
        model.train()
        for images, labels in loader:
            loss = torch.nn.functional.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            for images, labels in DataLoader(val_set):
                print((model(images).argmax(1) == labels).float().mean())
"""
JAX = """
import jax
import optax


def fit(loss_of, params, loader, optimizer, state, seed):
    key = jax.random.PRNGKey(seed)
    for batch in loader:
        key, subkey = jax.random.split(key)
        noise = jax.random.normal(subkey, batch.shape)
        grads = jax.grad(loss_of)(params, batch + noise)
        updates, state = optimizer.update(grads, state)
        params = optax.apply_updates(params, updates)
    return params
"""
CASES = [*mistakes(TORCH), *mistakes(JAX)]


def codes(text: str, folder: Path) -> Counter[str]:
    return Counter(item.code for item in lint_text(text, str(folder / "train.py")).diagnostics)


def test_each_kind_is_planted() -> None:
    kinds = [case.kind for case in CASES]

    assert len(kinds) == len(set(kinds))
    assert {*AUGMENTATIONS} == {kind.removesuffix(" above the batch loop") for kind in kinds if "batch loop" in kind}
    assert {"seed in every epoch", "set_epoch removed", "train() removed", "key used again"} < set(kinds)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind)
def test_a_planted_mistake_is_found_and_the_original_is_silent(case: Planted, tmp_path: Path) -> None:
    ast.parse(case.text)
    found = codes(case.text, tmp_path)

    assert not codes(case.original, tmp_path)
    assert case.codes & set(found)
