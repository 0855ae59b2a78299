import functools
import random

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


def worker_init_fn(worker_id, num_workers, rank, seed):
    # The seed of each worker equals num_workers * rank + worker_id + user_seed
    worker_seed = num_workers * rank + worker_id + seed
    np.random.seed(worker_seed)
    random.seed(worker_seed)


class PoseDataset(Dataset):
    """Heat maps of joints; the box is shifted and scaled at random, as in top-down pose estimation."""

    def __init__(self, crops, joints, pipeline):
        self.crops, self.joints, self.pipeline = crops, joints, pipeline

    def __len__(self):
        return len(self.crops)

    def __getitem__(self, idx):
        results = {"img": self.crops[idx], "joints": self.joints[idx]}
        for step in self.pipeline:
            results = step(results)
        return results["img"].astype(np.float32), results["joints"].astype(np.float32)


class RandomShift:
    def __init__(self, factor=0.16):
        self.factor = factor

    def __call__(self, results):
        dy, dx = np.random.randint(-3, 4, 2)
        results["img"] = np.roll(results["img"], (dy, dx), axis=(1, 2))
        results["joints"] = results["joints"] + self.factor * np.array([dx, dy]) / 16
        return results


class PhotoMetricDistortion:
    def __call__(self, results):
        if random.random() < 0.5:
            results["img"] = results["img"] * random.uniform(0.5, 1.5)
        return results


def build_dataloader(dataset, samples_per_gpu, workers_per_gpu, rank=0, seed=None):
    init_fn = None
    if seed is not None:
        init_fn = functools.partial(worker_init_fn, num_workers=workers_per_gpu, rank=rank, seed=seed)
    return DataLoader(dataset, samples_per_gpu, shuffle=True, num_workers=workers_per_gpu, worker_init_fn=init_fn)


def train_detector(epochs=3, seed=0):
    rng = np.random.default_rng(seed)
    dataset = PoseDataset(rng.random((48, 1, 16, 16)), rng.random((48, 4, 2)), [RandomShift(), PhotoMetricDistortion()])
    loader = build_dataloader(dataset, 8, 2, seed=seed)
    model = nn.Sequential(nn.Flatten(), nn.Linear(256, 8), nn.Unflatten(1, (4, 2)))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
    for epoch in range(epochs):
        for img, joints in loader:
            loss = nn.functional.smooth_l1_loss(model(img), joints)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(epoch, loss.item())


if __name__ == "__main__":
    train_detector()
