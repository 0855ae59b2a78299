import argparse
import os
import random

import numpy as np
import torch
import torch.distributed as dist
from torch import nn
from torch.utils.data import DataLoader
from torch.utils.data.distributed import DistributedSampler
from torchvision import datasets, transforms


def init_seeds(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def build_loader(args, rank):
    steps = transforms.Compose([
        transforms.RandomResizedCrop(64, (0.3, 1.0)), transforms.RandomHorizontalFlip(), transforms.ToTensor(),
    ])
    dataset = datasets.ImageFolder(args.data, steps)
    sampler = DistributedSampler(dataset, shuffle=True, seed=args.seed + rank)
    return DataLoader(dataset, args.batch, sampler=sampler, num_workers=4, drop_last=True)


class Embedder(nn.Module):
    def __init__(self, dim=64):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(3, 32, 5, 2), nn.ReLU(), nn.Conv2d(32, 64, 5, 2), nn.ReLU())
        self.fc = nn.Linear(64, dim)

    def forward(self, x):
        return self.fc(self.conv(x).mean((2, 3)))


def main(args):
    dist.init_process_group("nccl")
    rank, local = dist.get_rank(), int(os.environ["LOCAL_RANK"])
    torch.cuda.set_device(local)
    init_seeds(args.seed + rank)
    loader = build_loader(args, rank)
    net = nn.parallel.DistributedDataParallel(Embedder().cuda(), [local])
    head = nn.parallel.DistributedDataParallel(nn.Linear(64, args.classes).cuda(), [local])
    optimizer = torch.optim.SGD([*net.parameters(), *head.parameters()], lr=0.05, momentum=0.9)
    for epoch in range(args.epochs):
        loader.sampler.set_epoch(epoch)
        for image, label in loader:
            loss = nn.functional.cross_entropy(head(net(image.cuda())), label.cuda())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if rank == 0:
            torch.save(net.module.state_dict(), "embedder.pt")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("--classes", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args())
