from pathlib import Path

import torch
from torch.utils.data import DataLoader, random_split
from torchvision import transforms
from torchvision.datasets import ImageFolder
from torchvision.models import ResNet18_Weights, resnet18

weights = ResNet18_Weights.DEFAULT
mean, std = weights.transforms().mean, weights.transforms().std


def get_transforms():
    aug = transforms.Compose([
        transforms.RandomResizedCrop(224, scale=(0.4, 1.0)),
        transforms.RandomHorizontalFlip(),
        transforms.RandAugment(),
        transforms.ToTensor(),
        transforms.Normalize(mean, std),
    ])
    plain = transforms.Compose([
        transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor(), transforms.Normalize(mean, std),
    ])
    return aug, plain


def make_loaders(root, batch_size, val_share=0.2):
    aug, plain = get_transforms()
    dataset = ImageFolder(str(Path(root)))
    n_val = round(val_share * len(dataset))
    train_set, val_set = random_split(dataset, [len(dataset) - n_val, n_val], torch.Generator().manual_seed(42))
    train_set.dataset.transform = aug
    val_set.dataset = ImageFolder(str(Path(root)), transform=plain)
    train_loader = DataLoader(train_set, batch_size, shuffle=True, num_workers=4, pin_memory=True)
    val_loader = DataLoader(val_set, batch_size, num_workers=4, pin_memory=True)
    return train_loader, val_loader, len(dataset.classes)


def main(root="birds", epochs=20, lr=1e-3):
    train_loader, val_loader, n_classes = make_loaders(root, 64)
    net = resnet18(weights=weights)
    net.fc = torch.nn.Linear(net.fc.in_features, n_classes)
    net = net.cuda()
    optimizer = torch.optim.AdamW(net.parameters(), lr=lr)
    for epoch in range(epochs):
        net.train()
        for x, y in train_loader:
            loss = torch.nn.functional.cross_entropy(net(x.cuda()), y.cuda())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        net.eval()
        with torch.no_grad():
            correct = sum((net(x.cuda()).argmax(1).cpu() == y).sum().item() for x, y in val_loader)
        print(epoch, correct / len(val_loader.dataset))


if __name__ == "__main__":
    main()
