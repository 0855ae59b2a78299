"""A tiny NeRF on one scene; every item is a set of rays of one view."""
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class RayDataset(Dataset):
    def __init__(self, images, poses, focal, n_rays=128):
        self.images, self.poses, self.focal, self.n_rays = images, poses, focal, n_rays
        _, self.h, self.w, _ = images.shape
        j, i = torch.meshgrid(torch.arange(self.h), torch.arange(self.w), indexing="ij")
        directions = torch.stack([(i - self.w / 2) / focal, -(j - self.h / 2) / focal, -torch.ones_like(i)], -1)
        self.directions = directions.reshape(-1, 3)
        self.select = torch.randint(self.h * self.w, (n_rays,))

    def __len__(self):
        return len(self.images)

    def __getitem__(self, view):
        rotation, origin = self.poses[view, :3, :3], self.poses[view, :3, 3]
        rays_d = self.directions[self.select] @ rotation.T
        rgb = self.images[view].reshape(-1, 3)[self.select]
        return origin.expand_as(rays_d), rays_d, rgb


class Field(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(3, hidden), nn.ReLU(), nn.Linear(hidden, 4))

    def forward(self, rays_o, rays_d, n_samples=8):
        depth = torch.linspace(1.0, 4.0, n_samples)
        depth = depth + torch.rand(*rays_o.shape[:-1], n_samples) * 3.0 / n_samples
        points = rays_o[..., None, :] + rays_d[..., None, :] * depth[..., None]
        raw = self.mlp(points)
        weight = F.softmax(raw[..., 3], -1)[..., None]
        return (weight * raw[..., :3].sigmoid()).sum(-2)


def optimize_scene(iterations=3):
    images = torch.rand(4, 16, 16, 3)
    poses = torch.eye(4).repeat(4, 1, 1)
    loader = DataLoader(RayDataset(images, poses, focal=20.0), batch_size=2, shuffle=True)
    field = Field()
    opt = torch.optim.Adam(field.parameters(), lr=5e-4)
    for it in range(iterations):
        for rays_o, rays_d, rgb in loader:
            loss = F.mse_loss(field(rays_o, rays_d), rgb)
            opt.zero_grad()
            loss.backward()
            opt.step()
        print(it, -10 * torch.log10(loss).item())


if __name__ == "__main__":
    optimize_scene()
