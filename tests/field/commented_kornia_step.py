import kornia.augmentation as K
import pytorch_lightning as pl
import torch
import torchmetrics
from torch import nn


class GalaxyZoo(pl.LightningModule):
    def __init__(self, n_classes=10, lr=1e-3, weight_decay=1e-4):
        super().__init__()
        self.save_hyperparameters()
        self.aug = K.AugmentationSequential(
            K.RandomHorizontalFlip(p=0.5),
            K.RandomVerticalFlip(p=0.5),
            K.RandomRotation(degrees=180.0, p=1.0),
            K.ColorJitter(0.1, 0.1, 0.1, 0.0, p=0.5),
            data_keys=["input"],
        )
        self.features = nn.Sequential(
            nn.Conv2d(3, 32, 5, stride=2), nn.BatchNorm2d(32), nn.SiLU(),
            nn.Conv2d(32, 64, 3, stride=2), nn.BatchNorm2d(64), nn.SiLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        )
        self.classifier = nn.Linear(64, n_classes)
        self.loss = nn.CrossEntropyLoss(label_smoothing=0.1)
        self.accuracy = torchmetrics.Accuracy("multiclass", num_classes=n_classes)

    def forward(self, x):
        return self.classifier(self.features(x))

    def training_step(self, batch, batch_idx):
        x, y = batch
        # rotation is what the survey is invariant to
        # x = self.aug(x)
        loss = self.loss(self(x), y)
        self.log("train/loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch, batch_idx):
        x, y = batch
        self.accuracy(self(x), y)
        self.log("val/acc", self.accuracy, on_epoch=True)

    def configure_optimizers(self):
        opt = torch.optim.AdamW(self.parameters(), lr=self.hparams.lr, weight_decay=self.hparams.weight_decay)
        return {"optimizer": opt, "lr_scheduler": torch.optim.lr_scheduler.CosineAnnealingLR(opt, self.trainer.max_epochs)}


if __name__ == "__main__":
    from galaxies import GalaxyDataModule

    pl.seed_everything(11)
    pl.Trainer(max_epochs=60, accelerator="auto", precision="16-mixed").fit(GalaxyZoo(), GalaxyDataModule("galaxies", 128))
