"""Kinds of programs that a blind set of repositories showed to be misread, each beside the bug that it looks like."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from jitlint.diagnostic import Confidence
from tests.jitlint.beside import found


class Pair(NamedTuple):
    """A program with `HERE`, what stands there with the bug, and what stands there in the program that has none."""

    code: str
    program: str
    bug: str
    right: str
    bug_at: Confidence = Confidence.MEDIUM


PERSISTENT = """
import random
from torch.utils.data import DataLoader, Dataset
def seed_worker(worker_id):
    random.seed(worker_id)
class Crops(Dataset):
    def __getitem__(self, index):
        return self.images[index][random.randint(0, 4):]
def loader(workers, keep):
    return DataLoader(
        Crops(), shuffle=True, num_workers=workers, worker_init_fn=seed_worker, persistent_workers=HERE
    )
"""
ATTACK = """
import torch
from torch.optim import Adam
def craft(model, images, labels, steps):
    delta = torch.zeros_like(images, requires_grad=True)
    optimizer = Adam(HERE, lr=0.1)
    noise = torch.randn_like(images) * 0.25
    for step in range(steps):
        loss = -torch.nn.functional.cross_entropy(model(images + delta + noise), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return delta
"""
CARRIED = """
import torch
class Trainer:
    def __init__(self, size):
        self.noise = torch.zeros(size)
        self.noise.uniform_(-8, 8)
    def train_one_epoch(self, model, loader, optimizer):
        for images, labels in loader:
            part = self.noise[: images.size(0)].clone().requires_grad_(True)
            loss = self.loss(model(images + part), labels)
            optimizer.zero_grad()
            loss.backward()
            HERE
            optimizer.step()
"""
FOLDS = """
import torch
def main(folds, make, data):
    for number, (train, test) in enumerate(folds.split(data)):
        HERE
"""
PAIRED = """
import jax
def train(key, pictures, masks, loss, step, params, epochs):
    for epoch in range(epochs):
        key, sub = jax.random.split(key)
        HERE
        grads = jax.grad(loss)(params, pictures, masks)
        params = step(params, grads)
    return params
"""
PARTS = """
import numpy as np
import torch
from torch.utils.data import DataLoader, SubsetRandomSampler, TensorDataset
def load(images, seed):
    rng = np.random.RandomState(seed)
    order = rng.permutation(len(images))
    noisy = images + rng.normal(size=images.shape)
    return dict(clean=images, noisy=noisy, labelled=order[:100], rest=order[100:])
def main(images, model, optimizer):
    parts = load(images, 1)
    loader = DataLoader(TensorDataset(parts[HERE]), 4, sampler=SubsetRandomSampler(parts["labelled"]))
    for epoch in range(9):
        for (x,) in loader:
            loss = (model(x) - x).pow(2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
"""
GIVEN_BACK = """
import torch
def train_epoch(network, state, loader, optimizer):
    for x, y in loader:
        noisy = x + torch.randn_like(x)
        loss = (network(noisy + state.last) - y).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return HERE
def main(network, state, loader, optimizer):
    for epoch in range(9):
        state, kept = train_epoch(network, state, loader, optimizer)
"""
ASKED = """
import numpy as np
import torch
class Mesh:
    def __init__(self, points, field):
        self.points, self.field = points, field
    def shift(self):
        return HERE
class Box:
    def shift(self):
        return [0.0, 1.0]
def fit(model, mesh, optimizer, loader):
    shift = torch.tensor(mesh.shift())
    for x, y in loader:
        loss = (model(x + shift) - y).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
def noisy(points):
    return points + np.random.normal(size=points.shape)
def main(model, optimizer, loader):
    points = np.load("points.npy")
    field = noisy(points)
    fit(model, Box(), optimizer, loader)
    fit(model, Mesh(len(points), field), optimizer, loader)
"""
DELEGATED = """
import numpy as np
import torch
class Space:
    def __init__(self, table, pool):
        self.table, self.pool = table, pool
    HERE
def fit(model, space, optimizer, loader):
    shift = torch.tensor(space.shift())
    for x, y in loader:
        loss = (model(x + shift) - y).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
def noisy(points):
    return points + np.random.normal(size=points.shape)
def main(table, model, optimizer, loader):
    points = np.load("points.npy")
    fit(model, Space(table, noisy(points)), optimizer, loader)
"""
SPLIT = """
import numpy as np
from sklearn.model_selection import StratifiedKFold
from torch.utils.data import Dataset
class Folds:
    def __init__(self, labels):
        self.labels = labels
    def rows(self, images):
        made_up = np.random.normal(size=(len(self.labels), 2))
        train, test = next(StratifiedKFold(5).split(made_up, self.labels))
        return HERE
class Scans(Dataset):
    def __init__(self, images, labels):
        self.rows = Folds(labels).rows(images)
        self.images = images
    def __getitem__(self, index):
        return self.images[index], self.rows[index]
"""
SHAPE = """
import haiku as hk
import jax
def make(net, key, size):
    x = jax.random.uniform(key, (size, 2))
    t = jax.random.uniform(key)
    params = net.init(key, x, t)
    return HERE
def train(net, key, loader, loss):
    made = make(net, key, 3)
    for batch in loader:
        made = jax.tree.map(lambda p, g: p - g, made, jax.grad(loss)(made, batch))
"""
THINNED = """
import numpy as np
import torch
def perturb(rows):
    return rows + np.random.normal(size=rows.shape)
def train(model, optimizer, rows, x_test):
    # HERE
    for x in torch.utils.data.DataLoader(rows):
        loss = (model(x) - x).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(model(x_test))
"""
HELD_OUT = """
import torch
from torch.utils.data import DataLoader
from torchvision import datasets, transforms
train_set = datasets.ImageFolder("train", transforms.Compose([transforms.RandomCrop(32), transforms.ToTensor()]))
val_set = datasets.ImageFolder("val", transforms.Compose([transforms.ColorJitter(HERE), transforms.ToTensor()]))
train_loader = DataLoader(train_set, shuffle=True)
val_loader = DataLoader(val_set)
"""
PAIRS = {
    "a comment that would change test data": Pair(
        "JIT201", THINNED, "rows = perturb(rows)", "x_test = perturb(x_test)"
    ),
    "a transform without strength in a validation": Pair("JIT401", HELD_OUT, "0.4", ""),
    "workers that live on, where there are any": Pair(
        "JIT304", PERSISTENT, "False", "True if workers > 0 else False", Confidence.HIGH
    ),
    "workers that live on if a setting says so": Pair("JIT304", PERSISTENT, "None", "keep", Confidence.HIGH),
    "noise of one attack": Pair("JIT102", ATTACK, "model.parameters()", "[delta]"),
    "a perturbation that gradients carry on": Pair(
        "JIT102",
        CARRIED,
        "pass",
        "self.noise[: images.size(0)].add_(part.grad.sign())\n            self.noise.clamp_(-8, 8)",
    ),
    "a seed before each whole training": Pair(
        "JIT301",
        FOLDS,
        "torch.manual_seed(42)\n        make.train_epoch(train)",
        "torch.manual_seed(42)\n        trainer = make(number)\n        trainer.train(train)",
    ),
    "two arrays in one order": Pair(
        "JIT308",
        PAIRED,
        "pictures += jax.random.normal(sub, pictures.shape); masks += jax.random.normal(sub, masks.shape)",
        "pictures = jax.random.permutation(sub, pictures); masks = jax.random.permutation(sub, masks)",
    ),
    "one entry of dict(…)": Pair("JIT101", PARTS, '"noisy"', '"clean"'),
    "one element of what a step gives back": Pair("JIT101", GIVEN_BACK, "noisy, state", "state, noisy"),
    "a method of an object made with noise": Pair("JIT101", ASKED, "self.field", "list(range(self.points))"),
    "a method of what an object wraps": Pair(
        "JIT101",
        DELEGATED,
        "def shift(self): return self.pool",
        "def __getattr__(self, name): return getattr(self.table, name)",
    ),
    "a split with made-up inputs": Pair("JIT104", SPLIT, "images + np.random.normal(size=images.shape)", "train"),
    "inputs that tell `init` a shape": Pair("JIT308", SHAPE, "params, x, t", "params"),
}


@pytest.mark.parametrize("name", PAIRS)
def test_the_bug_is_found_and_the_misread_program_is_not_reported(name: str, tmp_path: Path) -> None:
    pair = PAIRS[name]
    bug = found(pair.code, pair.program.replace("HERE", pair.bug), tmp_path / "bug")
    right = found(pair.code, pair.program.replace("HERE", pair.right), tmp_path / "right")
    assert max((item.confidence for item in bug), default=-1) >= pair.bug_at
    assert [item for item in right if item.confidence >= Confidence.MEDIUM] == []
