"""Deep Q-learning on CartPole."""
import argparse
import random
from collections import deque

import gymnasium as gym
import numpy as np
import torch
from torch import nn


class QNetwork(nn.Module):
    def __init__(self, n_obs, n_actions):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(n_obs, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, n_actions))

    def forward(self, obs):
        return self.layers(obs)


def td_loss(q, target, batch, gamma):
    obs, action, reward, next_obs, done = (torch.as_tensor(np.array(column), dtype=torch.float32) for column in zip(*batch))
    with torch.no_grad():
        goal = reward + gamma * (1 - done) * target(next_obs).max(1).values
    value = q(obs).gather(1, action.long()[:, None]).squeeze(1)
    return nn.functional.smooth_l1_loss(value, goal)


def train(args):
    random.seed(args.seed)
    torch.manual_seed(args.seed)
    env = gym.make("CartPole-v1")
    q, target = QNetwork(4, 2), QNetwork(4, 2)
    target.load_state_dict(q.state_dict())
    optimizer = torch.optim.AdamW(q.parameters(), lr=args.lr)
    memory, steps = deque(maxlen=10_000), 0
    for episode in range(args.episodes):
        obs, _ = env.reset(seed=args.seed if episode == 0 else None)
        total, done = 0.0, False
        while not done:
            epsilon = max(0.05, 1 - steps / 5000)
            if random.random() < epsilon:
                action = env.action_space.sample()
            else:
                action = int(q(torch.as_tensor(obs)[None]).argmax())
            next_obs, reward, terminated, truncated, _ = env.step(action)
            done = terminated or truncated
            memory.append((obs, action, reward, next_obs, terminated))
            obs, total, steps = next_obs, total + reward, steps + 1
            if len(memory) >= 1000:
                optimizer.zero_grad()
                td_loss(q, target, random.sample(memory, 128), args.gamma).backward()
                optimizer.step()
            if steps % 500 == 0:
                target.load_state_dict(q.state_dict())
        print(episode, total)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--episodes", type=int, default=400)
    parser.add_argument("--lr", type=float, default=2.5e-4)
    parser.add_argument("--gamma", type=float, default=0.99)
    parser.add_argument("--seed", type=int, default=1)
    train(parser.parse_args())
