"""Point cloud classification with a PointNet."""
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset


def jitter_(points, sigma=0.01, clip=0.05):
    return points.add_((torch.randn_like(points) * sigma).clamp_(-clip, clip))


def rotate_up(points):
    angle = torch.rand(()) * 2 * torch.pi
    c, s = angle.cos(), angle.sin()
    rotation = torch.stack([torch.stack([c, -s, c * 0]), torch.stack([s, c, c * 0]), torch.tensor([0.0, 0.0, 1.0])])
    return points @ rotation.T


class ShapeClouds(Dataset):
    def __init__(self, clouds, categories, augment):
        self.clouds = clouds.float().contiguous()
        self.categories = categories
        self.augment = augment

    def __getitem__(self, i):
        points = self.clouds[i]
        if self.augment:
            points = rotate_up(jitter_(points))
        return points, self.categories[i]

    def __len__(self):
        return self.clouds.shape[0]


class PointNetCls(nn.Module):
    def __init__(self, k=5):
        super().__init__()
        self.mlp1, self.mlp2 = nn.Linear(3, 32), nn.Linear(32, 64)
        self.head = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Dropout(0.3), nn.Linear(32, k))

    def forward(self, points):
        x = F.relu(self.mlp1(points))
        x = self.mlp2(x).max(dim=1).values
        return self.head(x)


def train_one_epoch(model, loader, optimizer):
    model.train()
    for points, category in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(points), category)
        loss.backward()
        optimizer.step()
    return loss.item()


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    return sum((model(points).argmax(-1) == category).sum().item() for points, category in loader)


def main():
    clouds, categories = torch.rand(60, 48, 3) - 0.5, torch.arange(60) % 5
    train_loader = DataLoader(ShapeClouds(clouds[:50], categories[:50], augment=True), 10, shuffle=True)
    test_loader = DataLoader(ShapeClouds(clouds[50:], categories[50:], augment=False), 10)
    model = PointNetCls()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(4):
        print(epoch, train_one_epoch(model, train_loader, optimizer), evaluate(model, test_loader))
    print("largest coordinate of the stored clouds", train_loader.dataset.clouds.abs().max().item())


if __name__ == "__main__":
    main()
