import argparse
import glob
import os

import torch
from monai.data import decollate_batch
from monai.inferers import sliding_window_inference
from monai.losses import DiceCELoss
from monai.metrics import DiceMetric
from monai.networks.nets import UNet
from monai.transforms import (
    AsDiscrete, Compose, EnsureChannelFirstd, LoadImaged, RandAffined, RandCropByPosNegLabeld, RandFlipd, RandGaussianNoised,
    ScaleIntensityRanged,
)
from torch.utils.data import DataLoader, Dataset

KEYS = ["image", "label"]
BASE = [LoadImaged(KEYS), EnsureChannelFirstd(KEYS), ScaleIntensityRanged(["image"], -57, 164, 0.0, 1.0, clip=True)]


class SpleenDataset(Dataset):
    def __init__(self, files, training):
        self.files = files
        random_part = [
            RandCropByPosNegLabeld(KEYS, label_key="label", spatial_size=(96, 96, 96), pos=1, neg=1, num_samples=1),
            RandFlipd(KEYS, prob=0.5, spatial_axis=0),
            RandAffined(KEYS, prob=0.5, rotate_range=(0.1, 0.1, 0.1), mode=("bilinear", "nearest")),
            RandGaussianNoised(["image"], prob=0.3, std=0.05),
        ]
        self.transform = Compose(BASE + random_part if training else BASE)

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        self.transform.set_random_state(seed=0)
        sample = self.transform(self.files[index])
        return sample[0] if isinstance(sample, list) else sample


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", default="Task09_Spleen")
    parser.add_argument("--epochs", type=int, default=600)
    args = parser.parse_args()
    images = sorted(glob.glob(os.path.join(args.root, "imagesTr", "*.nii.gz")))
    files = [{"image": path, "label": path.replace("imagesTr", "labelsTr")} for path in images]
    train_loader = DataLoader(SpleenDataset(files[:-9], True), batch_size=2, shuffle=True, num_workers=4)
    net = UNet(3, 1, 2, channels=(16, 32, 64, 128, 256), strides=(2, 2, 2, 2), num_res_units=2).cuda()
    loss_function = DiceCELoss(to_onehot_y=True, softmax=True)
    optimizer = torch.optim.Adam(net.parameters(), 1e-4)
    for epoch in range(args.epochs):
        net.train()
        for batch in train_loader:
            optimizer.zero_grad()
            loss = loss_function(net(batch["image"].cuda()), batch["label"].cuda())
            loss.backward()
            optimizer.step()
        torch.save(net.state_dict(), os.path.join(args.root, "last.pt"))


if __name__ == "__main__":
    main()
