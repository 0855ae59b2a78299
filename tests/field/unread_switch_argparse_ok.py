import argparse

import torch
import torch.nn as nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms


def get_args():
    parser = argparse.ArgumentParser("SVHN")
    parser.add_argument("--data", default="svhn")
    parser.add_argument("--epochs", default=30, type=int)
    parser.add_argument("--lr", default=0.1, type=float)
    parser.add_argument("--batch-size", default=128, type=int)
    parser.add_argument("--random-erasing", default=0.25, type=float, help="probability of random erasing")
    parser.add_argument("--jitter", action="store_true", help="change brightness and contrast at random")
    return parser.parse_args()


def make_loader(args, split):
    steps = [transforms.ToTensor(), transforms.Normalize((0.438, 0.444, 0.473), (0.198, 0.201, 0.197))]
    if split == "train":
        steps = [transforms.RandomCrop(32, padding=4)] + steps
        if args.jitter:
            steps.insert(0, transforms.ColorJitter(0.3, 0.3))
        steps.append(transforms.RandomErasing(p=args.random_erasing))
    dataset = datasets.SVHN(args.data, split, transform=transforms.Compose(steps), download=True)
    return DataLoader(dataset, args.batch_size, shuffle=split == "train", num_workers=4)


class WideBlock(nn.Module):
    def __init__(self, n_in, n_out, stride):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(n_in), nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False)
        self.bn2, self.conv2 = nn.BatchNorm2d(n_out), nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False)
        self.skip = nn.Conv2d(n_in, n_out, 1, stride, bias=False)

    def forward(self, x):
        out = torch.relu(self.bn1(x))
        return self.conv2(torch.relu(self.bn2(self.conv1(out)))) + self.skip(out)


def main():
    args = get_args()
    train_loader, test_loader = make_loader(args, "train"), make_loader(args, "test")
    net = nn.Sequential(
        nn.Conv2d(3, 16, 3, 1, 1), WideBlock(16, 64, 1), WideBlock(64, 128, 2), WideBlock(128, 256, 2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, 10),
    ).cuda()
    optimizer = torch.optim.SGD(net.parameters(), args.lr, momentum=0.9, weight_decay=5e-4)
    for epoch in range(args.epochs):
        net.train()
        for image, digit in train_loader:
            loss = nn.functional.cross_entropy(net(image.cuda()), digit.cuda())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        net.eval()
        with torch.no_grad():
            hits = sum((net(image.cuda()).argmax(1).cpu() == digit).sum().item() for image, digit in test_loader)
        print(epoch, hits / len(test_loader.dataset))


if __name__ == "__main__":
    main()
