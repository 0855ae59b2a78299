"""Classify small pictures, with random augmentation of the training images.

One set of pictures is split into a training and a validation part. The training images are cropped and
flipped at random each time they are read; the validation images are only normalised.

The bug: both parts of the split share one dataset, so the validation transform replaces the random one.
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset, random_split
from torchvision.transforms import v2

CLASSES = 3


class Stripes(Dataset):
    """Noisy pictures of horizontal, vertical and diagonal stripes."""

    def __init__(self, count, size=24, transform=None):
        self.transform = transform
        generator = torch.Generator().manual_seed(1)
        y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
        self.labels = torch.arange(count) % CLASSES
        waves = torch.stack([torch.sin(y), torch.sin(x), torch.sin(x + y)])
        noise = torch.randn(count, size, size, generator=generator)
        self.images = (waves[self.labels] + noise).unsqueeze(1)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        image = self.images[index]
        if self.transform is not None:
            image = self.transform(image)
        return image, self.labels[index]


def make_loaders(count=450, held_out=90, batch_size=32):
    """Training and validation loader over the same pictures, split at random."""
    train_transform = v2.Compose([v2.RandomCrop(16), v2.RandomHorizontalFlip(), v2.Normalize([0.0], [1.2])])
    val_transform = v2.Compose([v2.CenterCrop(16), v2.Normalize([0.0], [1.2])])
    train_set, val_set = random_split(Stripes(count), [count - held_out, held_out])
    train_set.dataset.transform = train_transform
    val_set.dataset.transform = val_transform
    train_loader = DataLoader(train_set, batch_size=batch_size, shuffle=True)
    return train_loader, DataLoader(val_set, batch_size=batch_size)


def make_model():
    """A small convolutional classifier."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 16, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, CLASSES),
    )


def train_epoch(model, loader, optimizer):
    """One pass over the training images; returns the mean loss."""
    model.train()
    total = 0.0
    for images, labels in loader:
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(images)
    return total / len(loader.dataset)


@torch.no_grad()
def accuracy(model, loader):
    """Share of the images of the loader that the model names right."""
    model.eval()
    right = sum((model(images).argmax(1) == labels).sum().item() for images, labels in loader)
    return right / len(loader.dataset)


def main():
    """Train for a few epochs; print the final loss and the validation accuracy."""
    torch.manual_seed(0)
    train_loader, val_loader = make_loaders()
    model = make_model()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(8):
        loss = train_epoch(model, train_loader, optimizer)
    print(f"validation accuracy: {accuracy(model, val_loader):.2f}")
    print(f"final loss: {loss:.4f}")


if __name__ == "__main__":
    main()
