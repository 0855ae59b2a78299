import random

import torch
import torchvision.transforms.functional as TF
from torch import nn
from torch.utils.data import DataLoader, Dataset


class DefectCrops(Dataset):
    """Crops of steel sheets with pixel-wise defect classes."""

    def __init__(self, crops, maps, augment=False):
        self.crops, self.maps, self.augment = crops, maps, augment

    def __len__(self):
        return self.crops.shape[0]

    def __getitem__(self, i):
        crop, defect = self.crops[i], self.maps[i]
        if self.augment:
            if random.random() < 0.5:
                crop = TF.hflip(crop)
                defect = TF.hflip(defect)
            if random.random() < 0.5:
                crop = TF.vflip(crop)
                defect = TF.vflip(defect)
            crop = TF.adjust_brightness(crop, random.uniform(0.8, 1.2))
        return crop, defect.long()


class FCN(nn.Module):
    def __init__(self, n_classes=5):
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(1, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU())
        self.decoder = nn.ConvTranspose2d(32, n_classes, 8, stride=4, padding=2)

    def forward(self, x):
        return self.decoder(self.encoder(x))


def main(path="steel.pt", epochs=60):
    data = torch.load(path)
    train_loader = DataLoader(DefectCrops(data["crops"], data["maps"], augment=True), 16, shuffle=True, num_workers=2)
    net = FCN()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    criterion = nn.CrossEntropyLoss(weight=data["class_weights"])
    for epoch in range(epochs):
        for crop, defect in train_loader:
            optimizer.zero_grad()
            loss = criterion(net(crop), defect)
            loss.backward()
            optimizer.step()
        print(epoch, loss.item())
        torch.save(net.state_dict(), "fcn.pt")


if __name__ == "__main__":
    main()
