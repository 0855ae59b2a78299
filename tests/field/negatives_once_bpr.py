"""Bayesian personalised ranking on implicit feedback."""
import argparse
import random

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Triples(Dataset):
    """(user, item the user clicked, item the user did not click)."""

    def __init__(self, clicks, n_items):
        self.n_items = n_items
        self.seen = {}
        for user, item in clicks:
            self.seen.setdefault(user, set()).add(item)
        self.rows = [(user, item, self._draw_negative(user)) for user, item in clicks]

    def _draw_negative(self, user):
        while True:
            candidate = random.randrange(self.n_items)
            if candidate not in self.seen[user]:
                return candidate

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, k):
        return self.rows[k]


class BPR(nn.Module):
    def __init__(self, n_users, n_items, factors):
        super().__init__()
        self.user, self.item = nn.Embedding(n_users, factors), nn.Embedding(n_items, factors)

    def score(self, user, item):
        return (self.user(user) * self.item(item)).sum(dim=-1)

    def forward(self, user, positive, negative):
        return -nn.functional.logsigmoid(self.score(user, positive) - self.score(user, negative)).mean()


def cli():
    p = argparse.ArgumentParser()
    p.add_argument("--factors", type=int, default=16)
    p.add_argument("--epochs", type=int, default=3)
    p.add_argument("--lr", type=float, default=1e-2)
    p.add_argument("--seed", type=int, default=0)
    return p.parse_args()


def main(opt):
    random.seed(opt.seed)
    torch.manual_seed(opt.seed)
    clicks = [(user, (7 * user + 3 * k) % 60) for user in range(25) for k in range(6)]
    loader = DataLoader(Triples(clicks, n_items=60), batch_size=32, shuffle=True)
    bpr = BPR(25, 60, opt.factors)
    adam = torch.optim.Adam(bpr.parameters(), lr=opt.lr)
    for epoch in range(opt.epochs):
        for batch in loader:
            adam.zero_grad()
            loss = bpr(*batch)
            loss.backward()
            adam.step()
        print(f"{epoch:3d}  {loss.item():.4f}")


if __name__ == "__main__":
    main(cli())
