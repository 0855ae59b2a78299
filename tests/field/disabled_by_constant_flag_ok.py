"""Behaviour cloning from demonstrations, with noise on the observations."""
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

BATCH_SIZE = 32
HIDDEN = 48
OBS_NOISE = 0.02


class Policy(nn.Module):
    def __init__(self, n_obs, n_act):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(n_obs, HIDDEN), nn.ELU(), nn.Linear(HIDDEN, HIDDEN), nn.ELU())
        self.mean = nn.Linear(HIDDEN, n_act)

    def forward(self, obs):
        return torch.tanh(self.mean(self.trunk(obs)))


def randomise(obs):
    return obs + OBS_NOISE * torch.randn_like(obs)


class Cloner:
    def __init__(self, demos):
        self.loader = DataLoader(demos, BATCH_SIZE, shuffle=True)
        obs, act = demos[0]
        self.policy = Policy(len(obs), len(act))
        self.optimizer = torch.optim.Adam(self.policy.parameters(), lr=1e-3)

    def learn(self, epochs):
        for epoch in range(epochs):
            for obs, act in self.loader:
                loss = nn.functional.mse_loss(self.policy(randomise(obs)), act)
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
            print(epoch, loss.item())


if __name__ == "__main__":
    obs = torch.randn(160, 10)
    act = torch.tanh(obs @ torch.randn(10, 3) / 3)
    Cloner(TensorDataset(obs, act)).learn(3)
