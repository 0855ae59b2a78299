import argparse
import json
import os
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.utils.data import DataLoader, DistributedSampler, SequentialSampler
from torchvision import datasets, models, transforms

NORMALIZE = transforms.Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])


def build_loaders(root, batch_size, workers):
    augment = transforms.Compose([
        transforms.RandomResizedCrop(224), transforms.RandomHorizontalFlip(), transforms.ToTensor(), NORMALIZE,
    ])
    plain = transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor(), NORMALIZE])
    sets = {
        "train": datasets.ImageFolder(root / "train", augment),
        "val": datasets.ImageFolder(root / "val", plain),
    }
    samplers = {"train": DistributedSampler(sets["train"], shuffle=True), "val": SequentialSampler(sets["val"])}
    return {
        phase: DataLoader(sets[phase], batch_size, sampler=samplers[phase], num_workers=workers, pin_memory=True)
        for phase in sets
    }


def run_phase(phase, loader, model, criterion, optimizer):
    model.train(phase == "train")
    total = count = 0
    with torch.set_grad_enabled(phase == "train"):
        for images, target in loader:
            images, target = images.cuda(non_blocking=True), target.cuda(non_blocking=True)
            loss = criterion(model(images), target)
            if phase == "train":
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            total += loss.item() * len(target)
            count += len(target)
    return total / count


def main(args):
    dist.init_process_group("nccl")
    local_rank = int(os.environ["LOCAL_RANK"])
    torch.cuda.set_device(local_rank)
    loaders = build_loaders(args.root, args.batch_size, args.workers)
    model = nn.parallel.DistributedDataParallel(models.resnet50(num_classes=100).cuda(), [local_rank])
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    log = []
    for epoch in range(args.epochs):
        loaders["train"].sampler.set_epoch(epoch)
        log.append({phase: run_phase(phase, loaders[phase], model, criterion, optimizer) for phase in loaders})
        if dist.get_rank() == 0:
            Path("log.json").write_text(json.dumps(log))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=Path)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=90)
    main(parser.parse_args())
