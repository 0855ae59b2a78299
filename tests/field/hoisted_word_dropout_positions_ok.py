"""Sentiment of short reviews with word dropout."""
import numpy as np
import torch
from torch import nn

PAD, UNK = 0, 1


class BagOfWords(nn.Module):
    def __init__(self, n_words, dim=24):
        super().__init__()
        self.bag = nn.EmbeddingBag(n_words, dim, padding_idx=PAD)
        self.out = nn.Linear(dim, 2)

    def forward(self, ids):
        return self.out(self.bag(ids))


def load(n=240, length=15, n_words=300):
    g = np.random.default_rng(21)
    ids = g.integers(2, n_words, size=(n, length))
    labels = (ids[:, :3].sum(1) > 3 * n_words / 2).astype(np.int64)
    return ids, labels


def minibatches(ids, labels, size):
    order = np.random.permutation(len(ids))
    for start in range(0, len(order), size):
        rows = order[start:start + size]
        yield ids[rows], labels[rows]


def train(word_dropout=0.15, n_epochs=4):
    ids, labels = load()
    model = BagOfWords(300)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for epoch in range(n_epochs):
        total = 0.0
        for batch, target in minibatches(ids, labels, 24):
            dropped = np.random.rand(*batch.shape) < word_dropout
            batch[dropped] = UNK
            loss = nn.functional.cross_entropy(model(torch.from_numpy(batch)), torch.from_numpy(target))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(target)
        print(f"epoch {epoch}: {total / len(ids):.4f}")


if __name__ == "__main__":
    train()
