import sys

import torch
import torchvision.transforms as T
from torch.utils.data import DataLoader
from torchvision.datasets import STL10
from torchvision.models import mobilenet_v3_small


def train_transform():
    return T.Compose([
        T.Resize(112),
        # T.RandomCrop(96),
        # T.RandomHorizontalFlip(),
        T.CenterCrop(96),  # T.ColorJitter(0.4, 0.4, 0.4, 0.1),
        T.ToTensor(),
        T.Normalize((0.447, 0.440, 0.407), (0.260, 0.257, 0.271)),
    ])


def test_transform():
    return T.Compose([
        T.Resize(112), T.CenterCrop(96), T.ToTensor(), T.Normalize((0.447, 0.440, 0.407), (0.260, 0.257, 0.271)),
    ])


def evaluate(net, loader, device):
    net.eval()
    hits = 0
    with torch.no_grad():
        for image, target in loader:
            hits += (net(image.to(device)).argmax(1).cpu() == target).sum().item()
    return hits / len(loader.dataset)


def main(root, epochs=100):
    device = "cuda" if torch.cuda.is_available() else "cpu"
    train_set = STL10(root, "train", transform=train_transform(), download=True)
    test_set = STL10(root, "test", transform=test_transform())
    train_loader = DataLoader(train_set, 64, shuffle=True, num_workers=4, drop_last=True)
    test_loader = DataLoader(test_set, 256, num_workers=4)
    net = mobilenet_v3_small(num_classes=10).to(device)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    for epoch in range(epochs):
        net.train()
        for image, target in train_loader:
            loss = torch.nn.functional.cross_entropy(net(image.to(device)), target.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(epoch, evaluate(net, test_loader, device))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "stl10")
