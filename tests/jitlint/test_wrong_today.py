"""What users reported as wrong or missed, each program beside the one that it must not be taken for."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from jitlint.diagnostic import Confidence
from jitlint.rules import all_rules
from tests.jitlint.cases import project_of


class Pair(NamedTuple):
    """A bug with the codes one of which must find it at medium confidence, and the program that must stay silent."""

    codes: frozenset[str]
    bug: str
    right: str


def pair(codes: str, template: str, bug: str, right: str) -> Pair:
    """Two programs of one template that differ in one place."""
    return Pair(frozenset(codes.split()), template.replace("@", bug), template.replace("@", right))


STARTS = """
import torch
def perturbed(x):
    start = x.clone()
    noisy = x + 0.1 * torch.randn_like(x)
    return noisy, start
def train(model, loader, opt, coords):
    @ = perturbed(coords)
    for images, _ in loader:
        loss = (model(given) - images).pow(2).mean()
        opt.zero_grad(); loss.backward(); opt.step()
"""
RENDER = """
import jax
from jax import random
def render(key, rays, rand=True):
    points = jax.numpy.linspace(2.0, 6.0, 64)
    if rand:
        points = points + random.uniform(key, (64,)) * 0.1
    return network(rays, points)
def train(rays, images, params, optimizer, state):
    for step in range(1000):
        loss, grads = jax.value_and_grad(lambda p: ((render(random.PRNGKey(0), rays) - images) ** 2).mean())(params)
        updates, state = optimizer.update(grads, state)
    return params
"""
FIGURES = """
import jax
import matplotlib.pyplot as plt
from jax import random
def render(key, rays, rand=True):
    points = jax.numpy.linspace(2.0, 6.0, 64)
    if rand:
        points = points + random.uniform(key, (64,)) * 0.1
    return network(rays, points)
for name, rays in views.items():
    plt.imshow(render(random.PRNGKey(0), rays, rand=False))
    plt.savefig(name)
"""
COUNTED = """
import torch
def count_macs(model, cfg):
    dummy = torch.randn(1, 3, cfg.size, cfg.size)
    return profile(model, dummy)
def jitter(x):
    return x + 0.1 * torch.randn_like(x)
def train(model, loader, opt, cfg):
    {}
    for x, y in loader:
        {}
        loss = (model(x) - y).pow(2).mean()
        opt.zero_grad(); loss.backward(); opt.step()
"""
FLIPPED = """
import torch, torchvision.transforms as T
from torch.utils.data import DataLoader, Dataset
pipeline = torch.nn.Sequential(
    # T.RandomHorizontalFlip(),
    # T.RandomVerticalFlip(),
    T.Normalize(0.5, 0.5),
)
class Pictures(Dataset):
    def __init__(self, images, pipeline):
        self.images, self.pipeline = images, pipeline
    def __getitem__(self, index):
        image = self.images[index]
        @
        return self.pipeline(image)
train_loader = DataLoader(Pictures(load("train"), pipeline), shuffle=True)
for image in train_loader:
    loss = (model(image) - image).pow(2).mean()
    loss.backward(); opt.step()
"""
AGENT = """
import torch
class Agent:
    def @(self, batch):
        torch.manual_seed(1)
        observed = batch + 0.1 * torch.randn_like(batch)
        action = self.network(observed)
"""
HUES = """
import matplotlib.pyplot as plt
import torchvision.transforms as T
from PIL import Image
transform = T.Compose([T.Resize(224), T.ColorJitter(), T.ToTensor()])
@
"""
CALLED_AUG = """
import os, random
import torch
@
def train(model, loader, opt):
    for x, y in loader:
        loss = (model(x) - y).pow(2).mean()
        loss.backward(); opt.step()
train(build(), make_loader(), torch.optim.SGD(params, 0.1))
"""
PERTURBS_NOTHING = """
class AugmentedPool:
    def __init__(self, size):
        self.size, self.kept = size, []
    def add(self, x):
        self.kept.append(x)
    def pick(self):
        return random.choice(self.kept)
class AugmentationSampler:
    def __init__(self, n):
        self.n = n
    def __iter__(self):
        return iter(random.sample(range(self.n), self.n))
class RandomMaskMaker:
    def __call__(self, size):
        return torch.rand(size) > 0.5
def delete_augmented_files(folder):
    for name in os.listdir(folder):
        if random.random() < 2:
            os.remove(name)
"""
PERTURBS = """
class RandomBrightness:
    def __call__(self, image):
        return image * random.uniform(0.8, 1.2)
"""
SIREN = """
import torch
def fit(image, steps, s):
    coords = get_mgrid(256, 2)
    model = Siren(2, 1)
    opt = torch.optim.Adam(model.parameters(), lr=1e-4)
    @
    for step in range(steps):
        out = model(coords)
        loss = ((out - image) ** 2).mean()
        opt.zero_grad(); loss.backward(); opt.step()
"""
BATCHES = SIREN.replace(
    "out = model(coords)", "idx = torch.randint(0, 65536, (4096,))\n        out = model(coords[idx])"
)
BATCHES = BATCHES.replace("(out - image)", "(out - image[idx])")
LINSPACE = SIREN.replace(
    "get_mgrid(256, 2)",
    "torch.stack(torch.meshgrid(torch.linspace(-1, 1, 256), torch.linspace(-1, 1, 256)), -1).reshape(-1, 2)",
)
MOVED = "coords = coords + (torch.rand_like(coords) - 0.5) * s"
NERF = """
import torch
def sample_along_rays(rays_o, rays_d, near, far, n, perturb=True):
    z = torch.linspace(near, far, n).expand(rays_o.shape[0], n)
    if perturb:
        mids = 0.5 * (z[..., 1:] + z[..., :-1])
        upper = torch.cat([mids, z[..., -1:]], -1)
        lower = torch.cat([z[..., :1], mids], -1)
        z = lower + (upper - lower) * torch.rand_like(z)
    return rays_o[:, None] + rays_d[:, None] * z[..., None], z
def train(model, rays_o, rays_d, target, opt, steps):
    points, z = sample_along_rays(rays_o, rays_d, 2.0, 6.0, 64, perturb=@)
    for step in range(steps):
        rgb = render(model(points), z)
        loss = ((rgb - target) ** 2).mean()
        opt.zero_grad(); loss.backward(); opt.step()
"""
ZEROED = """
import torch
def train(model, x, y, opt, epochs):
    @
    for epoch in range(epochs):
        loss = ((model(x) - y) ** 2).mean()
        opt.zero_grad(); loss.backward(); opt.step()
"""
BEHIND = """
import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset
def train(model, opt, epochs):
    images = np.load("images.npy")
    @
    loader = DataLoader(TensorDataset(torch.from_numpy(images), torch.from_numpy(images)), batch_size=32, shuffle=True)
    for epoch in range(epochs):
        for x, y in loader:
            loss = ((model(x) - y) ** 2).mean()
            opt.zero_grad(); loss.backward(); opt.step()
"""
PART = """
import numpy as np
class Trainer:
    def __init__(self, model, data, opt):
        self.model, self.opt = model, opt
        @
    def train(self, epochs):
        for epoch in range(epochs):
            for part in np.array_split(np.arange(1000), 10):
                loss = self.model(self.data[part]).mean()
                loss.backward(); self.opt.step()
"""
PPO = """
import numpy as np
class Buffer:
    def batches(self, size):
        {}
        for start in range(0, self.n, size):
            {}
            yield self.states[start:start + size] + noise
"""
ONCE = """
import numpy as np
def update(network, states, opt, epochs, size):
    @
    for epoch in range(epochs):
        {}
        for start in range(0, len(states), size):
            part = order[start:start + size]
            loss = network(states[part]).mean()
            opt.zero_grad(); loss.backward(); opt.step()
"""
LAM = """
import numpy as np
import torch
def train_epoch(model, loader, opt, criterion, a):
    {}
    for x, y in loader:
        {}
        order = torch.randperm(x.size(0))
        mixed = lam * x + (1 - lam) * x[order]
        out = model(mixed)
        loss = lam * criterion(out, y) + (1 - lam) * criterion(out, y[order])
        opt.zero_grad(); loss.backward(); opt.step()
"""
MAPPED = """
import tensorflow as tf
def prepare(image, label):
    image = tf.cast(image, tf.float32) / 255.0
    @
    return image, label
train = tf.data.Dataset.from_tensor_slices((images, labels)).map(prepare).shuffle(1000).batch(32)
model.fit(train, epochs=10)
"""
BEHIND_BRACKET = """
import torchvision.transforms as T
from torchvision.datasets import CIFAR10
train_transform = T.Compose([  @
    T.ToTensor(),
    T.Normalize(0.5, 0.5),
])
train_set = CIFAR10("data", train=True, transform=train_transform)
"""
OPTION = """
import argparse
import torch
parser = argparse.ArgumentParser()
parser.add_argument("--augment", action="store_true")
parser.add_argument("--lr", type=float, default=0.1)
args = parser.parse_args()
model, loader = build(@), make_loader()
opt = torch.optim.SGD(model.parameters(), lr=args.lr)
for x, y in loader:
    loss = ((model(x) - y) ** 2).mean()
    opt.zero_grad(); loss.backward(); opt.step()
"""
PICTURE = """
import numpy as np
import random
import tensorflow as tf
from PIL import Image
def load(path):
    image = Image.open(path.decode())
    if random.random() < 0.5:
        @
    return np.asarray(image)
def read(path, label):
    return tf.py_func(load, [path], tf.uint8), label
train = tf.data.Dataset.from_tensor_slices((paths, labels)).map(read).batch(32)
model.fit(train)
"""
TWO_MAPS = """
import tensorflow as tf
def flip(image, label):
    return tf.image.random_flip_left_right(image), label
def grey(image, label):
    coin = tf.random.uniform([])
    image = tf.cond(coin < 0.5, lambda: tf.image.rgb_to_grayscale(image), lambda: image)
    return image, label
train = tf.data.Dataset.from_tensor_slices((images, labels))
{}train.map(flip)
{}train.map(grey)
model.fit(train.batch(32), epochs=10)
"""
ORDER = "order = np.random.permutation({})"
DEFAULT = """
import math, random
import torch
import torch.nn.functional as F
def {}(image, degrees=random.uniform(-15, 15)):
    angle = math.radians(degrees)
    theta = torch.tensor([[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0]])
    return F.grid_sample(image[None], F.affine_grid(theta[None], [1, *image.shape]))[0]
"""
SPECKLE = """
import numpy as np
def batches(scenes, size):
    {}
    for start in range(0, len(scenes), size):
        {}
        clean = scenes[start:start + size]
        yield clean * speckle, clean
"""
HUGGING_FACE = """
from datasets import load_dataset
from torchvision import transforms as T
pipeline = T.Compose([T.RandomResizedCrop(224), T.RandomHorizontalFlip(), T.ToTensor()])
def prepare(batch):
    batch["pixels"] = [pipeline(image) for image in batch["image"]]
    return batch
food = load_dataset("food101").train_test_split(0.2)
{}food["train"].with_transform(prepare)
trainer = Trainer(model, train_dataset=food["train"])
trainer.train()
"""
LAYERS = """
import tensorflow as tf
from tensorflow.keras import Sequential, layers
augment = Sequential([layers.RandomFlip("horizontal"), layers.RandomRotation(0.2)])
def prepare(x, y):
    return augment(x{}), y
train = tf.data.Dataset.from_tensor_slices((images, labels)).batch(32)
train = train.map({})
model.fit(train, epochs=40)
"""
GAMMA = "speckle = np.random.gamma(4, 0.25, size=(size, 64, 64))"
PAIRS = {
    "only the start reaches the model": pair("JIT101", STARTS, "given, start", "noisy, given"),
    "draws switched off in a figure": Pair(frozenset({"JIT302", "JIT308"}), RENDER, FIGURES),
    "dummy input of a helper": Pair(
        frozenset({"JIT201"}),
        COUNTED.format("model.train()", "# x = jitter(x)"),
        COUNTED.format("# macs = count_macs(model, cfg)", "x = jitter(x)"),
    ),
    "flips commented": pair("JIT201", FLIPPED, "pass", "image = image + 0.1 * torch.randn_like(image)"),
    "agent that looks only": pair(
        "JIT301",
        AGENT,
        "training_step",
        "infer",
    ),
    "colours of a figure": pair(
        "JIT205",
        HUES,
        "train_set = ImageFolder('train', transform=transform)\nfor x in DataLoader(train_set):\n"
        "    model(x).backward(); opt.step()",
        "plt.imshow(transform(Image.open('cat.png')).permute(1, 2, 0))\nplt.savefig('figure.pdf')",
    ),
    "called after augmentation": pair("JIT202", CALLED_AUG, PERTURBS, PERTURBS_NOTHING),
    "coordinates of a fit": pair("JIT101", SIREN, MOVED, "image = image + 0.1 * torch.rand_like(image)"),
    "mini-batches of coordinates": pair("JIT101", BATCHES, MOVED, "image = image + 0.1 * torch.rand_like(image)"),
    "coordinates of linspace": pair("JIT101", LINSPACE, MOVED, "image = image + 0.1 * torch.rand_like(image)"),
    "points along rays": pair("JIT101", NERF, "True", "False"),
    "zeroed at drawn positions": pair("JIT101", ZEROED, "x[torch.rand(x.shape) < 0.15] = 0", "x[x < 0.15] = 0"),
    "noise behind a loader": pair(
        "JIT101",
        BEHIND,
        "images = images + np.random.normal(0, 0.1, images.shape).astype('float32')",
        "images = images / 255.0",
    ),
    "noise picked in parts": pair(
        "JIT101 JIT104", PART, "self.data = data + np.random.normal(size=data.shape)", "self.data = data / 255.0"
    ),
    "coefficient of an epoch": Pair(
        frozenset({"JIT102"}),
        LAM.format("lam = np.random.beta(a, a)", "pass"),
        LAM.format("pass", "lam = np.random.beta(a, a)"),
    ),
    "order of all updates": Pair(
        frozenset({"JIT107"}),
        ONCE.format("pass").replace("@", ORDER.format("len(states)")),
        ONCE.format(ORDER.format("len(states)")).replace("@", "pass"),
    ),
    "one draw of a buffer": Pair(
        frozenset({"JIT102"}),
        PPO.format("noise = np.random.normal(size=self.states.shape[1:])", "pass"),
        PPO.format("pass", "noise = np.random.normal(size=self.states.shape[1:])"),
    ),
    "angle of a default": Pair(frozenset({"JIT103"}), DEFAULT.format("random_affine"), DEFAULT.format("resample_once")),
    "speckle of a generator": Pair(frozenset({"JIT102"}), SPECKLE.format(GAMMA, "pass"), SPECKLE.format("pass", GAMMA)),
    "transform of Hugging Face": Pair(
        frozenset({"JIT204"}), HUGGING_FACE.format(""), HUGGING_FACE.format('food["train"] = ')
    ),
    "layers in a lambda": Pair(
        frozenset({"JIT205"}),
        LAYERS.format("", "lambda x, y: (augment(x), y)"),
        LAYERS.format("", "lambda x, y: (augment(x, training=True), y)"),
    ),
    "layers in a function": Pair(
        frozenset({"JIT205"}), LAYERS.format("", "prepare"), LAYERS.format(", training=True", "prepare")
    ),
    "map without its augmentation": pair(
        "JIT201",
        MAPPED,
        "# image = tf.image.random_flip_left_right(image)",
        "# image = tf.image.resize(image, [32, 32])",
    ),
    "behind the bracket": pair("JIT201", BEHIND_BRACKET, "# T.RandomHorizontalFlip(),", "# T.Resize(32),"),
    "option of the command line": pair("JIT206", OPTION, "", "args.augment"),
    "picture not turned": pair(
        "JIT204",
        PICTURE,
        "image.transpose(Image.FLIP_LEFT_RIGHT)",
        "image = image.transpose(Image.FLIP_LEFT_RIGHT)",
    ),
    "both maps dropped": Pair(frozenset({"JIT204"}), TWO_MAPS.format("", ""), TWO_MAPS.format("train = ", "train = ")),
    "second map dropped": Pair(
        frozenset({"JIT204"}), TWO_MAPS.format("train = ", ""), TWO_MAPS.format("train = ", "train = ")
    ),
}


def found(text: str, root: Path) -> dict[str, Confidence]:
    root.mkdir(exist_ok=True)
    project = project_of(text, root)
    items = [item for rule in all_rules() for item in rule().check(project)]
    return {item.code: item.confidence for item in sorted(items, key=lambda item: item.confidence)}


@pytest.mark.parametrize("name", PAIRS)
def test_the_bug_is_found(name: str, tmp_path: Path) -> None:
    case = PAIRS[name]
    codes = {code for code, sure in found(case.bug, tmp_path / "bug").items() if sure >= Confidence.MEDIUM}
    assert codes & case.codes


@pytest.mark.parametrize("name", PAIRS)
def test_the_right_program_is_silent(name: str, tmp_path: Path) -> None:
    case = PAIRS[name]
    codes = {code for code, sure in found(case.right, tmp_path / "right").items() if sure >= Confidence.MEDIUM}
    assert codes == set()


def test_both_dropped_maps_are_named(tmp_path: Path) -> None:
    project = project_of(TWO_MAPS.format("", ""), tmp_path)
    (rule,) = (rule for rule in all_rules() if rule.code == "JIT204")
    assert sorted(item.span.line for item in rule().check(project)) == [10, 11]
