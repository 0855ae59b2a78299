import torch
from torch import nn


def get_rays(height, width, focal):
    i, j = torch.meshgrid(torch.arange(width) + 0.5, torch.arange(height) + 0.5, indexing="xy")
    d = torch.stack([(i - width / 2) / focal, (height / 2 - j) / focal, -torch.ones_like(i)], -1)
    return torch.zeros_like(d).reshape(-1, 3), nn.functional.normalize(d, dim=-1).reshape(-1, 3)


def sample_along_rays(rays_o, rays_d, near, far, n_samples, perturb=False):
    t = torch.linspace(near, far, n_samples).expand(len(rays_o), n_samples)
    if perturb:
        width = (far - near) / n_samples
        t = t + torch.rand(t.shape) * width
    return rays_o[:, None] + rays_d[:, None] * t[..., None], t


def composite(raw, t):
    delta = torch.cat([t[:, 1:] - t[:, :-1], torch.full_like(t[:, :1], 1e3)], -1)
    alpha = 1 - torch.exp(-torch.relu(raw[..., 3]) * delta)
    trans = torch.cumprod(torch.cat([torch.ones_like(alpha[:, :1]), 1 - alpha + 1e-10], -1), -1)[:, :-1]
    return ((alpha * trans)[..., None] * torch.sigmoid(raw[..., :3])).sum(1)


class Radiance(nn.Module):
    def __init__(self, n_freq=4, hidden=48):
        super().__init__()
        self.register_buffer("freqs", 2.0 ** torch.arange(n_freq))
        self.net = nn.Sequential(nn.Linear(6 * n_freq, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 4))

    def forward(self, xyz):
        scaled = (xyz[..., None] * self.freqs).flatten(-2)
        return self.net(torch.cat([scaled.sin(), scaled.cos()], -1))


def train_one_view(target, focal, near=2.0, far=6.0, n_samples=16, n_iters=30):
    field = Radiance()
    optimizer = torch.optim.Adam(field.parameters(), lr=5e-4)
    rays_o, rays_d = get_rays(*target.shape[:2], focal)
    for it in range(n_iters):
        points, t = sample_along_rays(rays_o, rays_d, near, far, n_samples, perturb=True)
        rgb = composite(field(points), t)
        loss = (rgb - target.reshape(-1, 3)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if it % 10 == 0:
            print(f"iter {it:5d}  mse {loss.item():.5f}")
    return field


if __name__ == "__main__":
    train_one_view(torch.rand(12, 12, 3), focal=15.0)
