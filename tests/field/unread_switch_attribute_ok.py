"""Sequence-to-one regression of battery state of charge."""
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


@dataclass
class BatteryConfig:
    window: int = 30
    hidden: int = 24
    noise_std: float = 0.01
    epochs: int = 3
    lr: float = 2e-3


class Cycles(Dataset):
    """Windows of current, voltage and temperature; noise_std imitates cheap sensors."""

    def __init__(self, log, charge, cfg, train):
        self.log, self.charge = log, charge
        self.window = cfg.window
        self.noise_std = cfg.noise_std if train else 0.0

    def __len__(self):
        return len(self.log) - self.window

    def __getitem__(self, start):
        window = self.log[start:start + self.window]
        if self.noise_std > 0:
            window = window + self.noise_std * torch.randn(window.shape)
        return window, self.charge[start + self.window - 1]


class SocModel(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.rnn = nn.LSTM(3, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)

    def forward(self, window):
        return torch.sigmoid(self.out(self.rnn(window)[0][:, -1])).squeeze(1)


def train(cfg):
    log = torch.randn(400, 3)
    charge = torch.sigmoid(log.cumsum(0)[:, 0] / 20)
    train_loader = DataLoader(Cycles(log[:300], charge[:300], cfg, train=True), 30, shuffle=True)
    test_loader = DataLoader(Cycles(log[300:], charge[300:], cfg, train=False), 70)
    model = SocModel(cfg.hidden)
    optimizer = torch.optim.Adam(model.parameters(), lr=cfg.lr)
    for epoch in range(cfg.epochs):
        for window, soc in train_loader:
            loss = nn.functional.mse_loss(model(window), soc)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            test = torch.cat([(model(window) - soc).abs() for window, soc in test_loader]).mean()
        print(epoch, loss.item(), test.item())


if __name__ == "__main__":
    train(BatteryConfig())
