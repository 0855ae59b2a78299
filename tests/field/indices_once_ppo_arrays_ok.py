"""PPO for a continuous toy task, with NumPy rollouts."""
import numpy as np
import torch
from torch import nn
from torch.distributions import Normal


class ActorCritic(nn.Module):
    def __init__(self, obs_dim=3, act_dim=1):
        super().__init__()
        self.pi = nn.Sequential(nn.Linear(obs_dim, 32), nn.Tanh(), nn.Linear(32, act_dim))
        self.v = nn.Sequential(nn.Linear(obs_dim, 32), nn.Tanh(), nn.Linear(32, 1))
        self.log_std = nn.Parameter(torch.full((act_dim,), -0.5))

    def evaluate(self, obs, act):
        dist = Normal(self.pi(obs), self.log_std.exp())
        return dist.log_prob(act).sum(-1), dist.entropy().sum(-1), self.v(obs).squeeze(-1)

    @torch.no_grad()
    def act(self, obs):
        dist = Normal(self.pi(obs), self.log_std.exp())
        action = dist.sample()
        return action, dist.log_prob(action).sum(-1), self.v(obs).squeeze(-1)


def rollout(agent, horizon):
    obs, rows = torch.zeros(3), []
    for _ in range(horizon):
        action, logp, value = agent.act(obs)
        reward = -float((obs**2).sum()) - 0.01 * float(action**2)
        rows.append((obs.numpy(), action.numpy(), logp.item(), value.item(), reward))
        obs = 0.9 * obs + 0.1 * action + 0.1 * torch.randn(3)
    obs_b, act_b, logp_b, val_b, rew_b = map(np.array, zip(*rows))
    returns = np.array([np.sum(rew_b[i:i + 50] * 0.97 ** np.arange(len(rew_b[i:i + 50]))) for i in range(horizon)])
    return [torch.as_tensor(a, dtype=torch.float32) for a in (obs_b, act_b, logp_b, returns, returns - val_b)]


def update(agent, optimizer, batch, update_epochs=4, minibatch_size=64, clip=0.2):
    obs, act, old_logp, returns, adv = batch
    b_inds = np.arange(len(obs))
    for epoch in range(update_epochs):
        np.random.shuffle(b_inds)
        for start in range(0, len(obs), minibatch_size):
            mb = b_inds[start:start + minibatch_size]
            logp, entropy, value = agent.evaluate(obs[mb], act[mb])
            ratio = (logp - old_logp[mb]).exp()
            a = (adv[mb] - adv[mb].mean()) / (adv[mb].std() + 1e-8)
            policy_loss = -torch.min(ratio * a, ratio.clamp(1 - clip, 1 + clip) * a).mean()
            loss = policy_loss + 0.5 * (value - returns[mb]).pow(2).mean() - 0.01 * entropy.mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(agent.parameters(), 0.5)
            optimizer.step()
    return loss.item()


if __name__ == "__main__":
    agent = ActorCritic()
    optimizer = torch.optim.Adam(agent.parameters(), lr=3e-4)
    for iteration in range(5):
        print(iteration, update(agent, optimizer, rollout(agent, 256)))
