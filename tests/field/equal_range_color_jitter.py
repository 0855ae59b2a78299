import pathlib

import torch
import torchvision
from torch.utils.data import DataLoader
from torchvision.transforms import v2

ROOT = pathlib.Path("~/data/eurosat").expanduser()


def transforms_for(stage, size=64):
    to_float = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]
    normalize = v2.Normalize([0.344, 0.380, 0.408], [0.203, 0.137, 0.116])
    if stage == "train":
        return v2.Compose([
            *to_float,
            v2.RandomResizedCrop(size, scale=(1.0, 1.0), ratio=(1.0, 1.0), antialias=True),
            v2.ColorJitter(brightness=(1, 1), contrast=(1, 1)),
            normalize,
        ])
    return v2.Compose([*to_float, v2.Resize((size, size), antialias=True), normalize])


class Engine:
    def __init__(self, lr=0.01, epochs=20, batch=128):
        self.epochs = epochs
        self.net = torchvision.models.resnet18(num_classes=10)
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=lr, momentum=0.9, nesterov=True)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(self.optimizer, lr, epochs=epochs, steps_per_epoch=169)
        train = torchvision.datasets.ImageFolder(ROOT / "train", transforms_for("train"))
        test = torchvision.datasets.ImageFolder(ROOT / "test", transforms_for("test"))
        self.train_loader = DataLoader(train, batch, shuffle=True, drop_last=True, num_workers=6)
        self.test_loader = DataLoader(test, batch, num_workers=6)

    def train(self):
        self.net.train()
        for images, land_use in self.train_loader:
            loss = torch.nn.functional.cross_entropy(self.net(images), land_use)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.schedule.step()

    @torch.inference_mode()
    def test(self):
        self.net.eval()
        return sum((self.net(x).argmax(1) == y).sum().item() for x, y in self.test_loader) / len(self.test_loader.dataset)

    def run(self):
        for epoch in range(self.epochs):
            self.train()
            print(epoch, f"{self.test():.4f}")


if __name__ == "__main__":
    Engine().run()
