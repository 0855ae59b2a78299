"""Cassava leaf diseases, Lightning version."""
import albumentations as A
import cv2
import pandas as pd
import pytorch_lightning as pl
import timm
import torch
from albumentations.pytorch import ToTensorV2
from torch.utils.data import DataLoader, Dataset


def training_pipeline(size):
    return A.Compose([
        A.Resize(size, size),
        A.HorizontalFlip(p=0),
        A.ShiftScaleRotate(shift_limit=0.1, scale_limit=0.2, rotate_limit=30, p=0.0),
        A.GaussianBlur(p=0),
        A.Normalize(),
        ToTensorV2(),
    ])


class Leaves(Dataset):
    def __init__(self, frame, pipeline):
        self.files, self.labels, self.pipeline = frame.image_id.tolist(), frame.label.tolist(), pipeline

    def __len__(self):
        return len(self.files)

    def __getitem__(self, i):
        image = cv2.cvtColor(cv2.imread("train_images/" + self.files[i]), cv2.COLOR_BGR2RGB)
        return self.pipeline(image=image)["image"], self.labels[i]


class LeafModel(pl.LightningModule):
    def __init__(self, lr):
        super().__init__()
        self.lr = lr
        self.backbone = timm.create_model("resnext50_32x4d", pretrained=True, num_classes=5)

    def training_step(self, batch, batch_idx):
        image, label = batch
        loss = torch.nn.functional.cross_entropy(self.backbone(image), label)
        self.log("train_loss", loss, prog_bar=True)
        return loss

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), lr=self.lr)
        return [optimizer], [torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.trainer.max_epochs)]


if __name__ == "__main__":
    frame = pd.read_csv("train.csv")
    loader = DataLoader(Leaves(frame, training_pipeline(384)), 32, shuffle=True, num_workers=8, drop_last=True)
    pl.Trainer(max_epochs=12, accelerator="gpu", devices=1).fit(LeafModel(3e-4), loader)
