import argparse
import math
import os

import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms
from torchvision.models import convnext_tiny


def build_transforms(size):
    norm = transforms.Normalize([0.5] * 3, [0.5] * 3)
    train_tf = transforms.Compose([
        transforms.RandomResizedCrop(size), transforms.RandomHorizontalFlip(), transforms.ToTensor(), norm,
    ])
    val_tf = transforms.Compose([
        transforms.Resize(math.ceil(size / 0.9)), transforms.CenterCrop(size), transforms.ToTensor(), norm,
    ])
    return train_tf, val_tf


class Averager:
    def __init__(self):
        self.total = self.n = 0

    def add(self, value, n):
        self.total, self.n = self.total + value * n, self.n + n

    @property
    def mean(self):
        return self.total / max(self.n, 1)


def run_epoch(net, loader, loss_fn, optimizer=None):
    net.train(optimizer is not None)
    losses = Averager()
    with torch.set_grad_enabled(optimizer is not None):
        for image, label in loader:
            loss = loss_fn(net(image.cuda()), label.cuda())
            if optimizer is not None:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            losses.add(loss.item(), len(label))
    return losses.mean


def main(args):
    train_tf, val_tf = build_transforms(args.size)
    train_set = datasets.ImageFolder(os.path.join(args.data, "train"), train_tf)
    val_set = datasets.ImageFolder(os.path.join(args.data, "val"), val_tf)
    train_loader = DataLoader(train_set, 32, shuffle=True, num_workers=6)
    val_loader = DataLoader(val_set, 64, num_workers=6)
    net = convnext_tiny(num_classes=len(train_set.classes)).cuda()
    optimizer, best = torch.optim.AdamW(net.parameters(), lr=args.lr), math.inf
    for epoch in range(args.epochs):
        train_loss = run_epoch(net, train_loader, nn.CrossEntropyLoss(label_smoothing=0.1), optimizer)
        val_loss = run_epoch(net, val_loader, nn.CrossEntropyLoss())
        if val_loss < best:
            best = val_loss
            torch.save(net.state_dict(), "best.pt")
        print(f"{epoch}: {train_loss:.4f} {val_loss:.4f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default="rocks")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--lr", type=float, default=5e-4)
    parser.add_argument("--epochs", type=int, default=50)
    main(parser.parse_args())
