"""Data sets with every kind of randomness of the truth table; importable, so that spawned workers find them."""

import random

import numpy as np
import torch
from torch.utils.data import Dataset, IterableDataset, get_worker_info

BASE = torch.arange(8.0)


class Augmented(Dataset):
    """Eight samples; subclasses add noise."""

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return BASE + index + self.noise(index)


class GlobalNumpy(Augmented):
    def noise(self, index):
        return float(np.random.rand())


class GlobalPython(Augmented):
    def noise(self, index):
        return random.random()


class GlobalTorch(Augmented):
    def noise(self, index):
        return torch.rand(8)


class OwnTorch(Augmented):
    def __init__(self):
        self.generator = torch.Generator().manual_seed(3)

    def noise(self, index):
        return torch.rand(8, generator=self.generator)


class OwnNumpy(Augmented):
    def __init__(self):
        self.transforms = {"noise": np.random.default_rng(3)}

    def noise(self, index):
        return float(self.transforms["noise"].random())


class OwnRandomState(Augmented):
    def __init__(self):
        self.state = np.random.RandomState(3)

    def noise(self, index):
        return float(self.state.rand())


class OwnPython(Augmented):
    def __init__(self):
        self.random = random.Random(3)

    def noise(self, index):
        return self.random.random()


class ConstantSeed(Augmented):
    def noise(self, index):
        return float(np.random.default_rng(0).random())


class IndexSeed(Augmented):
    def noise(self, index):
        return float(np.random.default_rng(index).random())


class FromEntropy(Augmented):
    def noise(self, index):
        return float(np.random.default_rng().random())


class Plain(Augmented):
    def noise(self, index):
        return 0.0


class CachedBase(Augmented):
    """Caches the deterministic part only, and draws afresh."""

    def __init__(self):
        self.cache = {}

    def noise(self, index):
        self.cache.setdefault(index, BASE * index)
        return self.cache[index] + torch.rand(8)


class CachedAll(Augmented):
    """Caches the augmented sample."""

    def __init__(self):
        self.cache = {}

    def noise(self, index):
        if index not in self.cache:
            self.cache[index] = torch.rand(8)
        return self.cache[index]


class Batched(GlobalTorch):
    """Fetches a batch at once."""

    def __getitems__(self, indices):
        return [self[index] for index in indices]


class Streamed(IterableDataset):
    def __iter__(self):
        for index in range(4):
            yield BASE + index + torch.rand(8)


def reseed_own(worker_id):
    """The right way: reseed the data set's own generator."""
    dataset = get_worker_info().dataset
    assert isinstance(dataset, OwnTorch)
    dataset.generator = torch.Generator().manual_seed(torch.initial_seed())
