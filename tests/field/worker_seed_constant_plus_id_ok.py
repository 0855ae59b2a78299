import random

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset


class KeywordClips(Dataset):
    """One second of speech, shifted in time and mixed with background noise."""

    def __init__(self, clips, labels, background):
        self.clips, self.labels, self.background = clips, labels, background

    def __len__(self):
        return len(self.clips)

    def __getitem__(self, i):
        clip = np.roll(self.clips[i], np.random.randint(-80, 80))
        if random.random() < 0.8:
            start = np.random.randint(len(self.background) - len(clip))
            clip = clip + np.random.uniform(0, 0.1) * self.background[start:start + len(clip)]
        return torch.tensor(clip, dtype=torch.float32)[None], int(self.labels[i])


def seed_worker(worker_id):
    worker_seed = torch.initial_seed() % 2**32
    np.random.seed(worker_seed)
    random.seed(worker_seed)


class KeywordNet(nn.Module):
    def __init__(self, n_keywords=4):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv1d(1, 8, 40, stride=8), nn.ReLU(), nn.AdaptiveAvgPool1d(4), nn.Flatten())
        self.out = nn.Linear(32, n_keywords)

    def forward(self, clip):
        return self.out(self.conv(clip))


def make_loader(batch_size=16, num_workers=2):
    source = np.random.default_rng(0)
    data = KeywordClips(source.normal(size=(64, 800)), source.integers(0, 4, 64), source.normal(size=8000))
    generator = torch.Generator()
    generator.manual_seed(0)
    return DataLoader(data, batch_size, shuffle=True, num_workers=num_workers, worker_init_fn=seed_worker, generator=generator)


def train(net, loader, epochs):
    sgd = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    for epoch in range(epochs):
        net.train()
        for clip, keyword in loader:
            loss = nn.functional.cross_entropy(net(clip), keyword)
            sgd.zero_grad()
            loss.backward()
            sgd.step()
        print(epoch, loss.item())


if __name__ == "__main__":
    train(KeywordNet(), make_loader(), epochs=3)
