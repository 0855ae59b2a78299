"""Train a classifier with mixup.

Every batch is blended with a shuffled copy of itself, images and labels alike, by a coefficient from a
Beta distribution (Zhang et al., "mixup: Beyond Empirical Risk Minimization", 2018).
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.distributions import Beta
from torch.utils.data import DataLoader, TensorDataset

CLASSES = 4


def make_clusters(count):
    """Points around one centre for each class, and their labels."""
    centres = torch.tensor([[2.0, 0.0], [-2.0, 0.0], [0.0, 2.0], [0.0, -2.0]])
    labels = torch.randint(CLASSES, (count,))
    return centres[labels] + 0.8 * torch.randn(count, 2), labels


def train(model, loader, optimizer, epochs, alpha=0.4):
    """Train with mixup; returns the mean loss of the last epoch."""
    mixing = Beta(alpha, alpha)
    for _ in range(epochs):
        total = 0.0
        for inputs, labels in loader:
            order = torch.randperm(len(inputs))
            lam = mixing.sample()
            mixed = lam * inputs + (1 - lam) * inputs[order]
            logits = model(mixed)
            loss = lam * F.cross_entropy(logits, labels) + (1 - lam) * F.cross_entropy(logits, labels[order])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(inputs)
    return total / len(loader.dataset)


def main():
    """Train on synthetic points and print the final loss and the accuracy on new points."""
    torch.manual_seed(0)
    loader = DataLoader(TensorDataset(*make_clusters(2048)), batch_size=64, shuffle=True)
    model = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, CLASSES))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    loss = train(model, loader, optimizer, epochs=20)
    points, labels = make_clusters(1000)
    print(f"accuracy: {(model(points).argmax(1) == labels).float().mean():.3f}")
    print(f"final loss: {loss:.4f}")


if __name__ == "__main__":
    main()
