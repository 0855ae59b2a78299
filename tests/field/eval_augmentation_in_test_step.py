import kornia.augmentation as K
import lightning as L
import segmentation_models_pytorch as smp
import torch
from torchmetrics.classification import BinaryJaccardIndex


class FloodSegmenter(L.LightningModule):
    """Sentinel-1 flood maps."""

    def __init__(self, lr=1e-3, channels=2):
        super().__init__()
        self.lr = lr
        self.unet = smp.Unet("resnet34", in_channels=channels, classes=1)
        self.gpu_augment = K.AugmentationSequential(
            K.RandomHorizontalFlip(), K.RandomVerticalFlip(), K.RandomAffine(degrees=45.0, p=0.5),
            data_keys=["input", "mask"],
        )
        self.loss = smp.losses.FocalLoss("binary")
        self.iou = BinaryJaccardIndex()

    def training_step(self, batch, batch_idx):
        image, flood = self.gpu_augment(batch["image"], batch["flood"].float())
        loss = self.loss(self.unet(image), flood)
        self.log("train_loss", loss)
        return loss

    def _evaluate(self, batch, stage):
        image, flood = self.gpu_augment(batch["image"], batch["flood"].float())
        logits = self.unet(image)
        self.iou(logits, flood.int())
        self.log(f"{stage}_loss", self.loss(logits, flood), on_epoch=True)
        self.log(f"{stage}_iou", self.iou, on_epoch=True)

    def validation_step(self, batch, batch_idx):
        self._evaluate(batch, "val")

    def test_step(self, batch, batch_idx):
        self._evaluate(batch, "test")

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), lr=self.lr)
        scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=4)
        return {"optimizer": optimizer, "lr_scheduler": scheduler, "monitor": "val_loss"}


if __name__ == "__main__":
    from floods import FloodData

    data = FloodData("sen1floods11", batch_size=16)
    trainer = L.Trainer(max_epochs=80, callbacks=[L.pytorch.callbacks.ModelCheckpoint(monitor="val_iou", mode="max")])
    trainer.fit(FloodSegmenter(), data)
    trainer.test(ckpt_path="best", datamodule=data)
