"""The rule about what is kept after its first use: every bug beside its near miss."""

from __future__ import annotations

from pathlib import Path

import pytest

from jitlint.diagnostic import Confidence
from tests.jitlint.beside import Beside, check, found

ONCE = "the augmentation is drawn once and kept: "
AFTER = ONCE + "`cache()` comes after the random `map`"
TABLE = ONCE + "this `map` runs a single time; `with_transform` runs for every sample"
CHAIN = """
import tensorflow as tf
def augment(image, label):
    image = tf.image.random_flip_left_right(image)
    return tf.image.random_brightness(image, 0.2), label
def build(paths):
    ds = tf.data.Dataset.from_tensor_slices(paths)
    return HERE.shuffle(1000).batch(32)
"""
KERAS = """
import tensorflow as tf
augmenter = tf.keras.Sequential([tf.keras.layers.RandomFlip(), tf.keras.layers.RandomRotation(0.1)])
def prepare(ds, augment=False):
    HERE
    return ds.prefetch(tf.data.AUTOTUNE)
train_ds = prepare(load("train"), augment=True)
model.fit(train_ds, epochs=20)
"""
MAP = "ds = ds.map(lambda x, y: (augmenter(x, training=True), y))"
FILES = """
# file: augment.py
import tensorflow as tf
def jitter(spectrum):
    return spectrum + tf.random.normal(tf.shape(spectrum), stddev=0.1)
# file: data.py
import tensorflow as tf
from augment import jitter
class Spectra:
    def noisy(self, ds):
        return HERE
    def train(self, files):
        return self.noisy(tf.data.TFRecordDataset(files)).cache().batch(8)
"""
HUGGING = """
import random
from datasets import load_dataset
from transformers import Trainer
def louder(wave):
    return wave * random.uniform(0.5, 1.5)
def plain(batch):
    batch["wave"] = [wave / 32768 for wave in batch["wave"]]
    return batch
def augment(batch):
    batch["wave"] = [louder(wave) for wave in batch["wave"]]
    return batch
raw = load_dataset("superb", "ks"HERE
Trainer(model, train_dataset=train).train()
"""
LRU = """
import functools
import numpy as np
from torch.utils.data import Dataset
@functools.lru_cache(maxsize=None)
def load(path, train):
    image = np.load(path)
    HERE
    return image
class Images(Dataset):
    def __getitem__(self, i):
        return load(self.paths[i], True)
"""
MEMORY = """
import joblib
import numpy as np
memory = joblib.Memory("cache")
@memory.cache
def spectrum(path):
    data = read(path)
    return HERE
"""
CYCLE = """
import itertools
from torch.utils.data import DataLoader
def train(model, optimizer, a, b):
    a_loader = DataLoader(a, 32, shuffle=True)
    b_loader = DataLoader(b, 32, shuffle=True)
    for epoch in range(20):
        for x, y in zip(a_loader, HEREb_loader)):
            model(x, y).backward()
            optimizer.step()
"""
LIST = """
from torch.utils.data import DataLoader
def train(model, optimizer, data, epochs):
    train_loader = DataLoader(data, 32, shuffle=True)
    HERE
        for x in batches:
            model(x).backward()
            optimizer.step()
"""
STORE = """
import numpy as np
from torch.utils.data import DataLoader, Dataset
class Waves(Dataset):
    def __init__(self, paths):
        self.paths, self.store = paths, {}
    def shifted(self, wave):
        return np.roll(wave, np.random.randint(len(wave)))
    def __getitem__(self, i):
        wave = self.store.get(i)
        if wave is None:
            HERE
        return wave
loader = DataLoader(Waves(paths), batch_size=4)
"""
KEPT = "every epoch has the augmentation of the first one: the augmented sample stays in `store`"
ROUND = "every round has the batches of the first one: `itertools.cycle` keeps them"
EPOCH = "every epoch has the batches of the first one: `list` keeps them"
CASES = [
    Beside(
        "JIT105",
        CHAIN,
        "ds.map(read).map(augment, num_parallel_calls=4).cache()",
        "ds.map(read).cache().map(augment, num_parallel_calls=4)",
        "return ds",
        AFTER,
        fixed=True,
    ),
    Beside(
        "JIT105",
        CHAIN,
        "ds.map(augment).map(tf.io.encode_png).cache()",
        "ds.cache().map(augment).map(tf.io.encode_png)",
        "return ds",
        AFTER,
        fixed=True,
    ),
    Beside(
        "JIT105",
        KERAS,
        f"if augment:\n        {MAP}\n    ds = ds.cache()",
        f"ds = ds.cache()\n    if augment:\n        {MAP}",
        "ds.cache()",
        AFTER,
    ),
    Beside("JIT105", FILES, "ds.map(jitter)", "ds.map(tf.io.parse_tensor)", "self.noisy(", AFTER),
    Beside(
        "JIT105", HUGGING, ')\ntrain = raw["train"].map(augment)', ')\ntrain = raw["train"].map(plain)', "map", TABLE
    ),
    Beside(
        "JIT105",
        HUGGING,
        ').with_format("numpy")\ntrain = raw["train"].filter(len).map(function=augment)',
        ', streaming=True)\ntrain = raw["train"].filter(len).map(function=augment)',
        "filter",
        TABLE,
    ),
    Beside(
        "JIT105", LRU, "image = image + np.random.normal(size=image.shape)", "", "def load", ONCE + "`load` has a cache"
    ),
    Beside(
        "JIT105",
        MEMORY,
        "data + np.random.normal(size=data.shape)",
        "data + np.random.default_rng(0).normal(size=data.shape)",
        "def spectrum",
        ONCE + "`spectrum` has a cache",
    ),
    Beside(
        "JIT105",
        CYCLE,
        "itertools.cycle(",
        "(batch for _ in itertools.cycle([None]) for batch in ",
        "zip(",
        ROUND,
        fixed=True,
    ),
    Beside(
        "JIT105",
        LIST,
        "batches = list(train_loader)\n    for epoch in range(epochs):",
        "for epoch in range(epochs):\n        batches = list(train_loader)",
        "list(",
        EPOCH,
    ),
    Beside(
        "JIT105",
        STORE,
        "wave = self.shifted(np.load(self.paths[i]))\n            self.store[i] = wave",
        "wave = np.load(self.paths[i])\n            self.store[i] = wave\n            wave = self.shifted(wave)",
        "self.store[i]",
        KEPT,
    ),
]
WAVES = STORE.replace("HERE", "wave = self.shifted(np.load(self.paths[i]))\n            self.store[i] = wave")
QUIET = {
    "a few batches": CHAIN.replace("HERE", "ds.map(augment).take(1).cache()"),
    "evaluation": CHAIN.replace("HERE", "ds.map(augment).cache()").replace("def build", "def build_test"),
    "no loader": CYCLE.replace("HEREb_loader", "itertools.cycle(['a', 'b']"),
    "fixed order": LIST.replace("HERE", "batches = list(train_loader)\n    for epoch in range(epochs):").replace(
        "shuffle=True", "shuffle=False"
    ),
    "lost with the workers": WAVES.replace("batch_size=4", "batch_size=4, num_workers=2"),
}


@pytest.mark.parametrize("case", CASES)
def test_something_random_is_kept(case: Beside, tmp_path: Path) -> None:
    check(case, tmp_path)


@pytest.mark.parametrize("case", QUIET)
def test_what_may_be_kept(case: str, tmp_path: Path) -> None:
    assert found("JIT105", QUIET[case], tmp_path) == []


def test_a_loader_known_by_its_name(tmp_path: Path) -> None:
    text = CYCLE.replace("b_loader = DataLoader(b, 32, shuffle=True)", "b_loader = b.loader()")
    (candidate,) = found("JIT105", text.replace("HERE", "itertools.cycle("), tmp_path)
    assert candidate.confidence is Confidence.MEDIUM


def test_a_loader_known_by_its_name_that_trains_nothing(tmp_path: Path) -> None:
    text = """
import itertools
def spectrum(model, dataloader):
    for batch in itertools.cycle(dataloader):
        model.update(batch)
"""
    assert found("JIT105", text, tmp_path / "right") == []
    assert found("JIT105", text.replace("model.update(batch)", "model(batch).backward()"), tmp_path / "bug")
