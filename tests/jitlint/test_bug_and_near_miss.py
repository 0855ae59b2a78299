"""Shapes of real bugs that reviewers found in public code, each with the same program as it should be."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from jitlint.diagnostic import Confidence
from jitlint.rules import all_rules
from jitlint.screen import Level, screen
from tests.jitlint.cases import project_of


class Pair(NamedTuple):
    """A bug, the code and least confidence that it must be found with, and the program that must stay silent."""

    code: str
    confidence: Confidence
    bug: str
    right: str


GAN = """
import numpy as np
def train(generator, discriminator, gan, images, epochs, size):
    {above}
    real = np.ones((size, 1))
    for epoch in range(epochs):
        {inside}
        fake = generator.predict(noise)
        discriminator.train_on_batch(fake, 1 - real)
        gan.train_on_batch(noise, real)
"""
SESSION = """
import numpy as np
def train(sess, train_op, loss, x, z, data, steps):
    {above}
    for step in range(steps):
        {inside}
        sess.run([train_op, loss], feed_dict={{x: data.next_batch(64), z: batch_z}})
"""
KERAS = """
import numpy as np
from keras.datasets import mnist
(x_train, _), (x_test, _) = mnist.load_data()
noisy = x_train + 0.5 * np.random.normal(size=x_train.shape)
noisy = np.clip(noisy, 0.0, 1.0)
autoencoder.fit({}, x_train, epochs=1)
"""
MIXUP = """
import numpy as np
import torch
def train(model, loader, opt, criterion):
    for x, y in loader:
        lam = np.random.beta(1.0, 1.0)
        order = torch.randperm(x.size(0))
        mixed = lam * x + (1 - lam) * x[order]
        criterion(model({}), y).backward()
        opt.step()
"""
DENOISER = """
import torch
def train(model, loader, opt):
    for images, _ in loader:
        noisy = torch.clamp(images + 0.5 * torch.randn_like(images), 0.0, 1.0)
        ((model({}) - images) ** 2).mean().backward()
        opt.step()
"""
ORDER = """
import numpy as np
def train(model, x, y, epochs, size):
    for epoch in range(epochs):
        order = np.random.permutation(len(x))
        for start in range(0, len(x), size):
            model.train_on_batch({}, y[start : start + size])
"""
SLICES = """
import numpy as np
def train(model, x, epochs):
    noisy = x + 0.1 * np.random.normal(size=x.shape)
    for epoch in range(epochs):
        {}
        for start in range(0, len(x), 32):
            model.train_on_batch(noisy[start : start + 32], x[start : start + 32])
"""
FLIP = """
from PIL import Image
from torch.utils.data import Dataset
class Pictures(Dataset):
    def __getitem__(self, index):
        image = Image.open(self.paths[index])
        if self.flip:
            {}
        return self.to_tensor(image)
"""
CHAIN = """
import random
import torch
from torch.utils.data import Dataset
def jitter(x):
    return x + 0.1 * torch.randn_like(x)
def flip(x):
    return x.flip(-1) if random.random() < 0.5 else x
class Pictures(Dataset):
    def __getitem__(self, index):
        image = self.images[index]
        image = flip(image)
        {}
        return image
"""
PREPROCESS = """
import tensorflow as tf
def preprocess_for_{}(image):
    image = tf.image.resize(image, [32, 32])
    # image = tf.image.random_flip_left_right(image)
    return image
"""
TRIAL = """
import albumentations as A
from torch.utils.data import Dataset
class Scenes(Dataset):
    def __init__(self, split, transforms):
        self.transforms = transforms
    def __getitem__(self, index):
        return self.transforms(self.images[index])
if __name__ == "__main__":
    transforms = A.Compose([
        # A.HorizontalFlip(p=0.5),
        A.Normalize(),
    ])
    train_set = Scenes("train", transforms=transforms)
    {}
"""
OLD_VERSION = """
import torch
from torch.utils.data import Dataset
def augment(x):
    return x + torch.randn_like(x)
class Patches(Dataset):
    {}

        {} = augment(patch)
        return patch
"""
SETTING = """
import random
from torch.utils.data import Dataset
CONFIG = {{"SEED": 42, "rate": 0.1}}
class Pictures(Dataset):
    def __getitem__(self, index):
        random.seed({})
        return self.augment(self.images[index])
    def augment(self, x):
        return x + random.random()
"""
GRID = """
import numpy as np
import tensorflow as tf
def fit(images{0}):
    {1}
    for part in np.array_split(images, 10):
        with tf.GradientTape() as tape:
            loss = model(part + np.random.normal(size=part.shape))
        optimizer.apply_gradients(zip(tape.gradient(loss, model.weights), model.weights))
    return model
def run(images, model, optimizer):
    for a, b in [(0, 1), (1, 2)]:
        np.random.seed(7)
        fit(images{2})
"""
FEATURES = """
import torch
def run(model, loader, opt, epochs, seed=42):
    for epoch in range(epochs):
        torch.manual_seed(seed)
        {0}
        for x, y in loader:
            seen = model(x + torch.randn_like(x))
"""
SORT = """
import {0}
class Layers:
    def __init__(self, layers, key):
        self.layers, self.key = layers, key
    def score(self, x):
        for layer in self.layers:
            x = layer.sort(x, key=self.key)
        return x
"""
SPLIT = """
import random
def train(model, data, opt, epochs):
    order = list(range(len(data)))
    random.shuffle(order)
    held_out = data[order[:10]]
    for epoch in range(epochs):
        for i in {0}:
            model(data[i]).backward()
            opt.step()
        print([model(x) for x in held_out])
"""
DROPOUT = """
import torch
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5))
    def forward(self, x):
        {}
        return self.body(x)
"""
FIGURE = """
import random
def train(model, loader, opt, ax):
    for x in loader:
        rng = random.Random(3)
        {}
        opt.step()
"""
LAZY = """
import torch
from torch import nn
class Jitter(nn.Module):
    def __init__(self):
        super().__init__()
        self.noise = None
    def forward(self, coords):
        if self.noise is None:
            self.noise = torch.randn_like(coords)
        {}
        return self.net(coords + 0.1 * self.noise)
"""
BY_INDEX = """
import numpy as np
from torch.utils.data import Dataset
class Pictures(Dataset):
    def __init__(self, images):
        self.images = images
        self.noise = {}
    def __getitem__(self, index):
        return self.images[index] + self.noise[index]
"""
MODELS = """
import torch
def train_all(models, data):
    for i in range(len(models)):
        generator = torch.Generator().manual_seed(420)
        parts = torch.{}
        train(models[i], parts)
"""
RENEWED = """
import torch
def train(model, x, opt, n, size):
    for epoch in range(200):
        order = torch.randperm(n)
        {}
        epoch_loss = 0.0
        for i in range(0, n, size):
            loss = model({}[i : i + size]).mean()
            loss.backward()
            opt.step()
            epoch_loss += loss.item()
"""
TWO_FORMS = """
import numpy as np
def train(model, x):
    noisy = np.clip(x + np.random.normal(size=x.shape), 0, 1)
    images = x.reshape(-1, 28, 28, 1)
    noisy_images = images + np.random.normal(size=images.shape)
    print(noisy_images.shape)
    model.fit({}, images, epochs=30)
"""
SWITCH = """
import random
from torch.utils.data import DataLoader, Dataset
AUGMENT = {}
def jitter(x):
    return x + random.random()
class Pictures(Dataset):
    def __init__(self, images, augment=AUGMENT):
        self.images = images
        self.augment = augment
    def __getitem__(self, index):
        image = self.images[index]
        if self.augment:
            image = jitter(image)
        return image
loader = DataLoader(Pictures(load()))
"""
LATENT = "noise = np.random.normal(0, 1, (size, 100))"
FED = "batch_z = np.random.uniform(-1, 1, [64, 100])"
LOW, MEDIUM, HIGH = Confidence.LOW, Confidence.MEDIUM, Confidence.HIGH
PAIRS = {
    "Keras GAN": Pair("JIT102", MEDIUM, GAN.format(above=LATENT, inside=""), GAN.format(above="", inside=LATENT)),
    "TensorFlow 1": Pair("JIT102", MEDIUM, SESSION.format(above=FED, inside=""), SESSION.format(above="", inside=FED)),
    "noise above the epochs, sliced": Pair(
        "JIT101",
        LOW,
        SLICES.format("print(epoch)"),
        SLICES.format("noisy = x + 0.1 * np.random.normal(size=x.shape)"),
    ),
    "noisy data not fitted": Pair("JIT204", HIGH, KERAS.format("x_train"), KERAS.format("noisy")),
    "mixup not used": Pair("JIT204", HIGH, MIXUP.format("x"), MIXUP.format("mixed")),
    "clipped noise not used": Pair("JIT204", HIGH, DENOISER.format("images"), DENOISER.format("noisy")),
    "order not used": Pair("JIT204", MEDIUM, ORDER.format("x[start:]"), ORDER.format("x[order[start : start + size]]")),
    "flip by a flag": Pair(
        "JIT204",
        HIGH,
        FLIP.format("image.transpose(Image.FLIP_LEFT_RIGHT)"),
        FLIP.format("image = image.transpose(Image.FLIP_LEFT_RIGHT)"),
    ),
    "link of a chain": Pair("JIT201", LOW, CHAIN.format("# image = jitter(image)"), CHAIN.format("# images are done")),
    "preprocess_for_train": Pair("JIT201", MEDIUM, PREPROCESS.format("train"), PREPROCESS.format("eval")),
    "trial under main": Pair(
        "JIT201",
        MEDIUM,
        TRIAL.format("for image in train_set:\n        net(image).backward(); opt.step()"),
        TRIAL.format("image = train_set[2000]"),
    ),
    "old version": Pair(
        "JIT201",
        MEDIUM,
        OLD_VERSION.format("def __getitem__(self, index):\n        patch = self.patches[index]", "# patch"),
        OLD_VERSION.format(
            "# def __getitem__(self, index):\n    #     patch = self.patches[index]\n\n"
            "    #     patch = augment(patch)\n\n    def __getitem__(self, index):\n"
            "        patch = self.patches[index]",
            "patch",
        ),
    ),
    "seed of a dict": Pair("JIT301", MEDIUM, SETTING.format('CONFIG["SEED"]'), SETTING.format("self.sample_seed()")),
    "key of a sort": Pair("JIT308", LOW, SORT.format("equinox as eqx"), SORT.format("torch")),
    "order of a split": Pair(
        "JIT107",
        MEDIUM,
        SPLIT.format("order").replace("data[order[:10]]", "data[:10]"),
        SPLIT.format("sorted(order[10:])"),
    ),
    "seed of every setting": Pair(
        "JIT301",
        MEDIUM,
        GRID.format(", model, optimizer", "model = tf.function(model)", ", model, optimizer"),
        GRID.format("", "model = ResNet(18)", ""),
    ),
    "seed of features": Pair(
        "JIT301", MEDIUM, FEATURES.format("model.train(True)"), FEATURES.format("model.train(mode=False)")
    ),
    "seed of a quiet training": Pair(
        "JIT301", MEDIUM, FEATURES.format("model.train(x, verbose=False)"), FEATURES.format("model.train(False)")
    ),
    "seed before dropout": Pair("JIT301", LOW, DROPOUT.format("torch.manual_seed(0)"), DROPOUT.format("pass")),
    "generator of a figure": Pair(
        "JIT302",
        MEDIUM,
        FIGURE.format("model(x + rng.random()).backward()"),
        FIGURE.format("ax.scatter(x, [rng.random() for _ in x])").replace("opt.step()", "pass"),
    ),
    "generator of a split": Pair(
        "JIT302",
        MEDIUM,
        MODELS.format("randn(9, generator=generator)").replace(
            "        train(models[i], parts)", "        show(parts)"
        ),
        MODELS.format("utils.data.random_split(data, [9, 1], generator=generator)"),
    ),
    "samples in a new order": Pair(
        "JIT204", MEDIUM, RENEWED.format("print(epoch)", "x"), RENEWED.format("x = x[order]", "x")
    ),
    "two forms of the data": Pair("JIT204", HIGH, TWO_FORMS.format("images"), TWO_FORMS.format("noisy_images")),
    "noise of the first call": Pair("JIT104", LOW, LAZY.format("pass"), LAZY.format("self.noise.normal_()")),
    "noise by index": Pair(
        "JIT104", LOW, BY_INDEX.format("np.random.normal(size=images.shape)"), BY_INDEX.format("np.zeros(9)")
    ),
    "default that is a constant": Pair("JIT205", MEDIUM, SWITCH.format(False), SWITCH.format(True)),
}


def findings(text: str, root: Path) -> dict[str, Confidence]:
    project = project_of(text, root)
    items = [item for rule in all_rules() for item in rule().check(project)]
    return {item.code: item.confidence for item in sorted(items, key=lambda item: item.confidence)}


@pytest.mark.parametrize("name", PAIRS)
def test_the_bug_is_found(name: str, tmp_path: Path) -> None:
    pair = PAIRS[name]
    assert findings(pair.bug, tmp_path).get(pair.code, -1) >= pair.confidence


@pytest.mark.parametrize("name", PAIRS)
def test_the_right_program_is_not_reported(name: str, tmp_path: Path) -> None:
    pair = PAIRS[name]
    assert pair.code not in findings(pair.right, tmp_path)


@pytest.mark.parametrize("name", PAIRS)
def test_the_bug_passes_the_screen(name: str) -> None:
    assert screen(PAIRS[name].bug.encode()).level is Level.DRAWS


CROP = """
from torchvision import transforms
train_transform = transforms.Compose([
    # transforms.RandomCrop({}),
    transforms.ToTensor(),
])
"""
BODY = """
import torch
def jitter(x):
    return x + torch.randn_like(x)
class Trainer:
    def training_step(self, batch):
        # batch = jitter(batch)
        {}
        return self.model(batch).mean()
"""


SIBLINGS = """
# file: data.py
import numpy as np
from torch.utils.data import Dataset
class Pictures(Dataset):
    def __getitem__(self, index):
        return self.load(index)
class RandomFlip:
    def __call__(self, x):
        return x[:, ::-1] if np.random.rand() < 0.5 else x
class RandomNoise:
    def __call__(self, x):
        return x + np.random.normal(size=x.shape)
# file: train.py
import data
train_set = data.Pictures()
{}
"""


@pytest.mark.parametrize(
    ("code", "missed", "given_up"),
    [
        ("JIT201", CROP.format("32, padding=4"), CROP.format("112")),
        ("JIT201", BODY.format("# the loss"), BODY.format("# return self.model(batch).mean()")),
        ("JIT202", SIBLINGS.format(""), SIBLINGS.format("flip = data.RandomFlip()")),
    ],
    ids=["a crop to the size that the input has", "an old body", "one of several, of which another is used"],
)
def test_what_may_be_given_up_has_low_confidence(code: str, missed: str, given_up: str, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    assert findings(missed, tmp_path / "one")[code] >= MEDIUM
    assert findings(given_up, tmp_path / "other")[code] is LOW


def test_samples_in_a_new_order_have_no_stale_order(tmp_path: Path) -> None:
    assert findings(PAIRS["samples in a new order"].right, tmp_path) == {}
