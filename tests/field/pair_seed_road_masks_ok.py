import os
import random

import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

MAX_SEED = 2147483647


class RoadSegmentation(Dataset):
    """Aerial images and road masks; both need the same random geometry."""

    def __init__(self, root, size=256):
        self.root = root
        self.names = sorted(os.listdir(os.path.join(root, "images")))
        self.geometry = transforms.Compose([
            transforms.RandomResizedCrop(size, scale=(0.5, 1.0)),
            transforms.RandomHorizontalFlip(),
            transforms.RandomVerticalFlip(),
            transforms.ToTensor(),
        ])

    def __len__(self):
        return len(self.names)

    def _open(self, folder, name, mode):
        return Image.open(os.path.join(self.root, folder, name)).convert(mode)

    def __getitem__(self, i):
        image = self._open("images", self.names[i], "RGB")
        mask = self._open("masks", self.names[i], "L")
        seed = random.randrange(MAX_SEED)
        torch.manual_seed(seed)
        image = self.geometry(image)
        torch.manual_seed(seed)
        mask = self.geometry(mask)
        return image, (mask > 0.5).float()


def loop(model, root, epochs=50, lr=1e-4):
    loader = DataLoader(RoadSegmentation(root), batch_size=8, shuffle=True, num_workers=4, drop_last=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    bce = torch.nn.BCEWithLogitsLoss()
    for epoch in range(epochs):
        for image, mask in loader:
            optimizer.zero_grad()
            bce(model(image), mask).backward()
            optimizer.step()
        torch.save(model.state_dict(), f"road_{epoch:03d}.pt")
