"""The rule about JAX keys: every bug beside its near miss."""

from __future__ import annotations

from pathlib import Path

import pytest

from jitlint.diagnostic import Confidence
from tests.jitlint.beside import found

FLAX = """
import jax
def train_step(state, batch, key):
    noise = jax.random.normal(key, batch.shape)
    drop = jax.random.fold_in(key, state.step)
    def loss_fn(params):
        images = state.model.apply(params, batch["image"], rngs={"dropout": drop}, method=state.model.images)
        words = state.model.apply(params, batch["text"], rngs={"dropout": HERE}, method=state.model.words)
        return loss(images, words)
    return state.apply_gradients(grads=jax.grad(loss_fn)(state.params))
"""
LOOP = """
import jax
from flax import linen as nn
def fit(model, state, batches, key):
    for step, batch in enumerate(batches):
        HERE
        grads = jax.grad(lambda p: loss(model.apply(p, batch, rngs={"dropout": drop})))(state.params)
        state = state.apply_gradients(grads=grads)
"""
STREAM = """
import jax
from flax import nnx
class Attention(nnx.Module):
    def __call__(self, x, rngs, deterministic):
        if not deterministic:
            dropout_rng = HERE
        else:
            dropout_rng = None
        return self.attend(x, dropout_rng=dropout_rng)
"""
RUNS = """
import jax
class Trainer:
    def __init__(self, config):
        self.config = config
    def fit(self):
        key = jax.random.PRNGKey(self.config.seed)
        params = self.network.init(key=key)
        for batch in self.batches:
            params = self.update(params, batch)
        return params
def main(configs, config):
    for item in configs:
        HERE
"""
EACH = "every pass of the loop draws the same numbers: `key` is not split for it"


def test_a_key_for_the_dropout_of_every_pass(tmp_path: Path) -> None:
    assert {item.message for item in found("JIT308", LOOP.replace("HERE", "drop = key"), tmp_path / "bug")} == {EACH}
    mended = LOOP.replace("HERE", "drop = jax.random.fold_in(key, step)")
    assert found("JIT308", mended, tmp_path / "right") == []


@pytest.mark.parametrize(
    "text",
    [
        FLAX.replace("HERE", "drop"),  # a module folds its own path into the key of a stream
        STREAM.replace("HERE", "rngs()"),
        STREAM.replace("HERE", "self.make_rng('dropout')"),
        RUNS.replace("HERE", "trainer = Trainer(item)\n        trainer.fit()"),  # each pass is a training of its own
    ],
)
def test_keys_that_are_used_once(text: str, tmp_path: Path) -> None:
    assert found("JIT308", text, tmp_path) == []


def test_one_object_whose_calls_begin_alike(tmp_path: Path) -> None:
    head, here, tail = RUNS.partition("def main(configs, config):\n")
    text = head + here + "    trainer = Trainer(config)\n" + tail.replace("HERE", "trainer.fit()")
    (candidate,) = found("JIT308", text, tmp_path)
    assert candidate.message == "every call draws the same numbers: `key` is not split for it"
    assert candidate.confidence is Confidence.MEDIUM
