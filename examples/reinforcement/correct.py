"""Learn to balance a point by policy gradients (Williams, "Simple Statistical Gradient-Following Algorithms", 1992).

A point is pushed left or right and must stay near the origin. Each episode begins somewhere else.
"""

import random

import torch
from torch import nn
from torch.distributions import Categorical

LENGTH = 30


class Balance:
    """A point on a line with a position and a velocity; the wind pushes it at random."""

    def reset(self, seed=None):
        """Begin an episode; the same seed gives the same beginning and the same wind."""
        if seed is not None:
            random.seed(seed)
        self.position, self.velocity = random.uniform(-1, 1), 0.0
        return torch.tensor([self.position, self.velocity])

    def step(self, action):
        """Push by -0.1 or 0.1; returns what is seen, and the reward."""
        self.velocity += 0.1 * (2 * action - 1) + random.gauss(0, 0.02)
        self.position += self.velocity
        return torch.tensor([self.position, self.velocity]), -abs(self.position)


def run_episode(env, policy):
    """Play one episode; returns the log-probabilities of the actions, and the rewards."""
    seen = env.reset()
    log_probabilities, rewards = [], []
    for _ in range(LENGTH):
        chosen = Categorical(logits=policy(seen))
        action = chosen.sample()
        log_probabilities.append(chosen.log_prob(action))
        seen, reward = env.step(action.item())
        rewards.append(reward)
    return torch.stack(log_probabilities), torch.tensor(rewards)


def train(env, policy, optimizer, episodes):
    """Train; returns the loss of the last episode."""
    for _ in range(episodes):
        log_probabilities, rewards = run_episode(env, policy)
        returns = rewards.flip(0).cumsum(0).flip(0)
        loss = -(log_probabilities * (returns - returns.mean())).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


def main():
    """Train and print the final loss."""
    torch.manual_seed(0)
    random.seed(0)
    policy = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 2))
    optimizer = torch.optim.Adam(policy.parameters(), lr=1e-2)
    loss = train(Balance(), policy, optimizer, episodes=100)
    print(f"final loss: {loss:.4f}")


if __name__ == "__main__":
    main()
