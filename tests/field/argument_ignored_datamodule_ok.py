import lightning as L
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms as T


class LeafDiseases(Dataset):
    def __init__(self, images, labels, transform=None):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        x = self.images[i]
        if self.transform is not None:
            x = self.transform(x)
        return x, self.labels[i]


class LeafDataModule(L.LightningDataModule):
    def __init__(self, bank, train_transform=None, eval_transform=None, batch_size=32, workers=4):
        super().__init__()
        self.bank = bank
        self.train_transform = train_transform
        self.eval_transform = eval_transform
        self.batch_size, self.workers = batch_size, workers

    def setup(self, stage=None):
        (xt, yt), (xv, yv) = self.bank["train"], self.bank["val"]
        self.train_set = LeafDiseases(xt, yt, self.train_transform)
        self.val_set = LeafDiseases(xv, yv, self.eval_transform)

    def train_dataloader(self):
        return DataLoader(self.train_set, self.batch_size, shuffle=True, num_workers=self.workers)

    def val_dataloader(self):
        return DataLoader(self.val_set, self.batch_size, num_workers=self.workers)


class LeafClassifier(L.LightningModule):
    def __init__(self, classes=7):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(3, 16, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, classes))

    def training_step(self, batch, _):
        x, y = batch
        return nn.functional.cross_entropy(self.net(x), y)

    def validation_step(self, batch, _):
        x, y = batch
        self.log("val_acc", (self.net(x).argmax(1) == y).float().mean())

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=3e-4)


def main():
    norm = T.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    augment = T.Compose([T.RandomResizedCrop(96, (0.6, 1.0)), T.RandomHorizontalFlip(), T.RandomRotation(20), norm])
    plain = T.Compose([T.Resize((96, 96)), norm])
    data = LeafDataModule(torch.load("leaves.pt"), train_transform=augment, eval_transform=plain)
    L.Trainer(max_epochs=40).fit(LeafClassifier(), datamodule=data)


if __name__ == "__main__":
    main()
