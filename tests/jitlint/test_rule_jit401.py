from __future__ import annotations

from pathlib import Path

import pytest

from jitlint.diagnostic import Confidence
from tests.jitlint.beside import Beside, check, found

DROPS = "the evaluated network goes on dropping: nothing tells it the mode of the network"
TOLD = "the evaluated network goes on dropping: it is told that it trains"
NOISE = "the evaluated network is perturbed: `forward` adds this noise in every mode"
EVAL = """
def accuracy(model, loader):
    model.eval()
    return sum(model(x).argmax(1) == y for x, y in loader)
"""
TORCH = (
    """
import torch
from torch import nn
import torch.nn.functional as F
class Net(nn.Module):
    def forward(self, x):
        x = HERE
        return self.fc2(x)
"""
    + EVAL
)
KERAS = (
    """
import tensorflow as tf
class Head(tf.keras.layers.Layer):
    def call(self, x, training=None):
        HERE
        return self.dense(x)
"""
    + EVAL
)
FLAX = """
import flax.linen as nn
class Head(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        return nn.Dense(10)(HERE)
def eval_step(model, params, x):
    noise = jax.random.normal(jax.random.PRNGKey(0), x.shape)
    return model.apply(params, x + noise, train=False)
"""
NOISY = (
    """
import torch
from torch import nn
class Noise(nn.Module):
    def __init__(self, std):
        super().__init__()
        self.std = std
    def forward(self, x):
        return HERE
"""
    + EVAL
)
STEP = """
import torch
def test(model, loader, params):
    for x, y in loader:
        logits = HERE
def train(model, loader, opt):
    for x, y in loader:
        model(x + torch.rand_like(x)).mean().backward()
        opt.step()
"""
HEAD = """
from torch.utils.data import DataLoader, Subset, SubsetRandomSampler, random_split
from torchvision import datasets, transforms
augment = transforms.Compose([transforms.RandomHorizontalFlip(), transforms.ToTensor()])
plain = transforms.ToTensor()
"""
OWN = HEAD + "val_set = datasets.ImageFolder('val', HERE)\nval_loader = DataLoader(val_set)\n"
DICT = (
    HEAD
    + """
tf = {"train": augment, "val": HERE}
sets = {part: datasets.ImageFolder(part, tf[part]) for part in ("train", "val")}
val_data = datasets.ImageFolder("val", tf["val"])
"""
)
SPLIT = (
    HEAD
    + """
def loaders():
    full = datasets.CIFAR10("data", transform=augment)
    fixed = datasets.CIFAR10("data", transform=plain)
    train_part, rest = random_split(full, [0.9, 0.1])
    val_part = HERE
    return DataLoader(train_part, shuffle=True), DataLoader(val_part)
"""
)
SWITCH = """
import random
from torch.utils.data import DataLoader, Dataset
class Tracks(Dataset):
    def __init__(self, tracks, augment):
        self.tracks, self.augment = tracks, augment
    def turned(self, track):
        return track + random.uniform(0, 6)
    def __getitem__(self, i):
        return self.turned(self.tracks[i]) if self.augment else self.tracks[i]
val_set = Tracks(tracks, augment=HERE)
"""
HOOKS = """
import lightning as L
import kornia.augmentation as K
class Segmenter(L.LightningModule):
    def __init__(self):
        self.gpu = K.AugmentationSequential(K.RandomHorizontalFlip(), data_keys=["input", "mask"])
    def training_step(self, batch, index):
        return self.loss(self.net(self.gpu(batch["image"])))
    def validation_step(self, batch, index):
        return self.loss(self.net(HERE))
"""
KERAS_FLOW = """
from tensorflow.keras.preprocessing.image import ImageDataGenerator
import random
random_state = random.random()
datagen = ImageDataGenerator(HERE, validation_split=0.2)
train = datagen.flow_from_directory("data", subset="training")
rest = datagen.flow_from_directory("data", subset="validation")
model.fit(train, validation_data=rest)
"""


def pipeline(name: str) -> str:
    return f"the held-out data is augmented by `{name}`: its pipeline draws for every sample"


def shared(name: str) -> str:
    return f"the held-out data is augmented by `{name}`: it shares the data set of training"


MEDIUM = Confidence.MEDIUM
CASES = [
    Beside("JIT401", TORCH, "F.dropout(x, 0.5)", "F.dropout(x, 0.5, training=self.training)", "F.", DROPS, fixed=True),
    Beside("JIT401", TORCH, "F.dropout2d(x)", "F.dropout2d(x, training=self.training)", "F.", DROPS, fixed=True),
    Beside("JIT401", TORCH, "F.dropout(x, self.p)", "F.dropout(x, self.p if self.training else 0.0)", "F.", DROPS),
    Beside("JIT401", TORCH, "F.dropout(x, 0.5)", "F.dropout(x, 0.5) if self.training else x", "F.", DROPS),
    Beside(
        "JIT401",
        TORCH,
        "F.dropout(x, 0.5, True)",
        "F.dropout(x, 0.5, self.training)",
        "F.",
        TOLD,
        Confidence.LOW,
    ),
    Beside("JIT401", TORCH, "nn.Dropout(0.2)(x + F.dropout(x, 0))", "self.drop(x + F.dropout(x, 0))", "nn.D", DROPS),
    Beside("JIT401", KERAS, "x = tf.nn.dropout(x, rate=0.3)", "x = self.dropout(x, training=training)", "tf.nn", DROPS),
    Beside(
        "JIT401",
        FLAX,
        "nn.Dropout(0.1, deterministic=False)(x)",
        "nn.Dropout(0.1, deterministic=not train)(x)",
        "nn.Dropout",
        TOLD,
        MEDIUM,
    ),
    Beside(
        "JIT401",
        NOISY,
        "x + self.std * torch.randn_like(x)",
        "x + self.std * torch.randn_like(x) if self.training else x",
        "randn_like",
        NOISE,
        MEDIUM,
    ),
    Beside(
        "JIT401",
        NOISY,
        "x + 0.1 * torch.randn_like(x)",
        "x + self.scale(x) * torch.randn_like(x)",
        "randn_like",
        NOISE,
        MEDIUM,
    ),
    Beside("JIT401", STEP, "model(x, training=True)", "model(x, training=False)", "logits", TOLD, MEDIUM),
    Beside("JIT401", OWN, "augment", "plain", "ImageFolder", pipeline("RandomHorizontalFlip")),
    Beside("JIT401", OWN, "transforms.RandomCrop(8)", "transforms.CenterCrop(8)", "ImageF", pipeline("RandomCrop")),
    Beside("JIT401", DICT, "augment", "plain", "val_data =", pipeline("RandomHorizontalFlip")),
    Beside("JIT401", SPLIT, "rest", "Subset(fixed, rest.indices)", "return", shared("RandomHorizontalFlip"), MEDIUM),
    Beside(
        "JIT401", KERAS_FLOW, "horizontal_flip=True", "rescale=1 / 255", "rest", shared("ImageDataGenerator"), MEDIUM
    ),
]
QUIET = {
    "views": OWN.replace("val_set", "val_contrastive"),
    "test-time augmentation": OWN.replace("val_set", "tta_val_set"),
    "switched off": OWN.replace("HERE", "transforms.RandomHorizontalFlip(p=0)"),
    "one of two": OWN.replace("HERE", "augment if train else plain"),
    "replaced": SPLIT.replace("    return", "    val_part.dataset.transform = plain\n    return").replace(
        "HERE", "rest"
    ),
    "Monte Carlo": TORCH.replace("class Net", "class MCDropout").replace("HERE", "F.dropout(x, 0.5)"),
    "noise injection": NOISY.replace("class Noise", "class NoiseInjection").replace("HERE", "x + torch.randn_like(x)"),
    "learned": NOISY.replace("self.std = std", "self.std = nn.Parameter(std)").replace(
        "HERE", "x + self.std * torch.randn_like(x)"
    ),
    "rate 0": TORCH.replace("HERE", "F.dropout(x, 0.0)"),
    "no network": TORCH.replace("(nn.Module)", "").replace("HERE", "F.dropout(x, 0.5)"),
}


FLAX_QUIET = {
    "an object of its own": """
import jax
from flax import linen as nn
layer = nn.Dropout(0.5, deterministic=False)
def train_step(state, batch, key):
    return state.apply_gradients(grads=jax.grad(loss)(state.params, layer.apply({}, batch, rngs={"dropout": key})))
""",
    "a function that trains and evaluates": """
import jax
from model import create_model
def train_and_evaluate(config, batches):
    net = create_model(config, deterministic=False)
    for batch in batches:
        grads = jax.grad(loss)(params, net.apply(params, batch))
""",
    "a sampler of latents": """
import jax
def train_step(params, batch, key):
    return jax.grad(loss)(params, batch + jax.random.normal(key, batch.shape))
class VAE:
    def validation_step(self, params, batch, key):
        return self.model.apply(params, batch, rngs={"dropout": key}, train=True)
""",
}


@pytest.mark.parametrize("case", FLAX_QUIET)
def test_flax_modules_that_may_draw(case: str, tmp_path: Path) -> None:
    assert found("JIT401", FLAX_QUIET[case], tmp_path) == []


def test_a_flax_network_that_is_told_to_train_in_evaluation(tmp_path: Path) -> None:
    text = FLAX_QUIET["a sampler of latents"].replace("VAE", "Classifier")
    assert [item.message for item in found("JIT401", text, tmp_path)] == [TOLD]


@pytest.mark.parametrize("case", CASES)
def test_evaluation_is_random(case: Beside, tmp_path: Path) -> None:
    check(case, tmp_path)


@pytest.mark.parametrize("case", QUIET)
def test_evaluation_that_may_be_random(case: str, tmp_path: Path) -> None:
    assert found("JIT401", QUIET[case].replace("HERE", "augment"), tmp_path) == []


def test_nothing_is_seen_to_evaluate(tmp_path: Path) -> None:
    (candidate,) = found("JIT401", TORCH.replace(EVAL, "").replace("HERE", "F.dropout(x, 0.5)"), tmp_path)
    assert candidate.confidence is Confidence.MEDIUM


def test_a_unit_test_may_look_at_dropout(tmp_path: Path) -> None:
    program = TORCH.replace("HERE", "F.dropout(x, 0.5)")
    assert found("JIT401", f"# file: net.py\n{program}", tmp_path / "net")
    assert found("JIT401", f"# file: tests/test_net.py\n{program}", tmp_path / "test") == []
