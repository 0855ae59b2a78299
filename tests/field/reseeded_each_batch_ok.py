"""Classifier of network traffic with feature corruption as in SCARF."""
import argparse

import numpy as np
import torch
from torch import nn


class Encoder(nn.Module):
    def __init__(self, n_features, dim=32):
        super().__init__()
        self.f = nn.Sequential(nn.Linear(n_features, dim), nn.ReLU(), nn.Linear(dim, dim))
        self.g = nn.Sequential(nn.ReLU(), nn.Linear(dim, 16))

    def forward(self, x):
        return nn.functional.normalize(self.g(self.f(x)), dim=-1)


def corrupt(batch, table, rate):
    """Replaces a share of the features by values of other rows."""
    rows = np.random.randint(len(table), size=batch.shape)
    marginal = np.take_along_axis(table, rows, axis=0)
    return np.where(np.random.random(batch.shape) < rate, marginal, batch)


def nt_xent(a, b, temperature):
    logits = a @ b.T / temperature
    return nn.functional.cross_entropy(logits, torch.arange(len(a)))


def main(args):
    np.random.seed(args.seed)
    torch.manual_seed(args.seed)
    table = np.random.lognormal(size=(320, 14)).astype(np.float32)
    encoder = Encoder(table.shape[1])
    optimizer = torch.optim.Adam(encoder.parameters(), lr=args.lr)
    for epoch in range(args.epochs):
        order = torch.randperm(len(table)).numpy()
        for start in range(0, len(table), args.batch_size):
            batch = table[order[start:start + args.batch_size]]
            views = torch.from_numpy(batch), torch.from_numpy(corrupt(batch, table, args.rate))
            loss = nt_xent(*map(encoder, views), args.temperature)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(epoch, loss.item())


if __name__ == "__main__":
    cli = argparse.ArgumentParser()
    cli.add_argument("--seed", type=int, default=0)
    cli.add_argument("--epochs", type=int, default=3)
    cli.add_argument("--batch-size", type=int, default=40)
    cli.add_argument("--lr", type=float, default=1e-3)
    cli.add_argument("--rate", type=float, default=0.6)
    cli.add_argument("--temperature", type=float, default=0.5)
    main(cli.parse_args())
