import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

device = torch.device("cuda")
to_tensor = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
gpu_augment = nn.Sequential(
    transforms.RandomRotation(12.0),
    transforms.RandomResizedCrop(28, scale=(0.8, 1.0), antialias=True),
)


def make_net():
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(1600, 10),
    )


def test_error(net, loader):
    net.eval()
    with torch.no_grad():
        wrong = sum((net(image.to(device)).argmax(1).cpu() != digit).sum().item() for image, digit in loader)
    return wrong / len(loader.dataset)


def main(epochs=15):
    train_set = datasets.MNIST("mnist", True, to_tensor, download=True)
    test_set = datasets.MNIST("mnist", False, to_tensor)
    train_loader = DataLoader(train_set, 64, shuffle=True, num_workers=2, pin_memory=True)
    test_loader = DataLoader(test_set, 1000)
    net = make_net().to(device)
    optimizer = torch.optim.Adadelta(net.parameters())
    for epoch in range(epochs):
        net.train()
        for image, digit in train_loader:
            image, digit = image.to(device), digit.to(device)
            image = gpu_augment(image)
            loss = nn.functional.cross_entropy(net(image), digit)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(epoch, test_error(net, test_loader))


if __name__ == "__main__":
    main()
