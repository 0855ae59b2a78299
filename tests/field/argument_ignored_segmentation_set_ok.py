import random
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset


class FlipAndTurn:
    def __call__(self, image, mask):
        if random.random() < 0.5:
            image, mask = np.fliplr(image), np.fliplr(mask)
        turns = random.randrange(4)
        return np.rot90(image, turns), np.rot90(mask, turns)


def scale(image, mask):
    return image.astype(np.float32) / 255.0, (mask > 127).astype(np.float32)


class CrackDataset(Dataset):
    """Concrete cracks.

    Args:
        root: folder with `images` and `masks`
        augmentation: callable of (image, mask), for training
        preprocessing: callable of (image, mask)
    """

    def __init__(self, root, augmentation=None, preprocessing=None):
        self.image_files = sorted((Path(root) / "images").glob("*.png"))
        self.mask_files = [Path(root) / "masks" / file.name for file in self.image_files]
        self.augmentation = augmentation
        self.preprocessing = preprocessing

    def __len__(self):
        return len(self.image_files)

    def __getitem__(self, i):
        image = np.asarray(Image.open(self.image_files[i]).convert("L"))
        mask = np.asarray(Image.open(self.mask_files[i]).convert("L"))
        if self.augmentation is not None:
            image, mask = self.augmentation(image, mask)
        if self.preprocessing is not None:
            image, mask = self.preprocessing(image, mask)
        return torch.from_numpy(image.copy())[None], torch.from_numpy(mask.copy())[None]


def train(root="cracks", epochs=30):
    train_set = CrackDataset(f"{root}/train", augmentation=FlipAndTurn(), preprocessing=scale)
    valid_set = CrackDataset(f"{root}/valid", preprocessing=scale)
    train_loader = DataLoader(train_set, batch_size=8, shuffle=True)
    valid_loader = DataLoader(valid_set, batch_size=8)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(1, 16, 5, padding=2), torch.nn.ReLU(), torch.nn.Conv2d(16, 1, 5, padding=2)
    )
    optimizer = torch.optim.Adam(model.parameters())
    bce = torch.nn.BCEWithLogitsLoss()
    for epoch in range(epochs):
        for image, mask in train_loader:
            loss = bce(model(image), mask)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            print(epoch, np.mean([bce(model(image), mask).item() for image, mask in valid_loader]))


if __name__ == "__main__":
    train()
