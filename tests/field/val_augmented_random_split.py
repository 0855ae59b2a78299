"""Fine-tunes EfficientNet on a folder of mushrooms."""
import copy
import os
import time

import timm
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Subset, random_split
from torchvision import transforms
from torchvision.datasets import ImageFolder

DATA, BATCH, EPOCHS = "mushrooms", 32, 12
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

tf_train = transforms.Compose([
    transforms.Resize(256),
    transforms.RandomCrop(224),
    transforms.RandomHorizontalFlip(),
    transforms.TrivialAugmentWide(),
    transforms.ToTensor(),
    transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
])
tf_plain = transforms.Compose([
    transforms.Resize(256),
    transforms.CenterCrop(224),
    transforms.ToTensor(),
    transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
])


def get_data():
    full = ImageFolder(os.path.join(DATA, "train"), transform=tf_train)
    n_val = int(0.15 * len(full))
    train_part, val_part = random_split(full, [len(full) - n_val, n_val], generator=torch.Generator().manual_seed(0))
    test = ImageFolder(os.path.join(DATA, "test"), transform=tf_plain)
    return (
        DataLoader(train_part, BATCH, shuffle=True, num_workers=4),
        DataLoader(val_part, BATCH, num_workers=4),
        DataLoader(test, BATCH, num_workers=4),
        full.classes,
    )


def accuracy(model, loader):
    model.eval()
    with torch.no_grad():
        hits = [(model(x.to(device)).argmax(1).cpu() == y) for x, y in loader]
    return torch.cat(hits).float().mean().item()


def main():
    train_dl, val_dl, test_dl, classes = get_data()
    model = timm.create_model("efficientnet_b0", pretrained=True, num_classes=len(classes)).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
    loss_fn = nn.CrossEntropyLoss()
    best, best_state = 0.0, None
    for epoch in range(EPOCHS):
        since = time.time()
        model.train()
        for x, y in train_dl:
            loss = loss_fn(model(x.to(device)), y.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        score = accuracy(model, val_dl)
        if score > best:
            best, best_state = score, copy.deepcopy(model.state_dict())
        print(f"{epoch}: {score:.3f} in {time.time() - since:.0f} s")
    model.load_state_dict(best_state)
    print("test", accuracy(model, test_dl))


if __name__ == "__main__":
    main()
