import os

import albumentations as A
import cv2
import segmentation_models_pytorch as smp
import torch
from albumentations.pytorch import ToTensorV2
from torch.utils.data import DataLoader, Dataset


def get_training_augmentation(size):
    return A.Compose([
        A.Resize(size, size),
        A.Rotate(limit=(15, 15), border_mode=cv2.BORDER_REFLECT, p=1.0),
        A.HorizontalFlip(p=0.5),
        A.RandomBrightnessContrast(brightness_limit=0.2, contrast_limit=0.2, p=0.5),
        A.Normalize(),
        ToTensorV2(),
    ])


def get_validation_augmentation(size):
    return A.Compose([A.Resize(size, size), A.Normalize(), ToTensorV2()])


class Polyps(Dataset):
    def __init__(self, folder, ids, augmentation):
        self.folder, self.ids, self.augmentation = folder, ids, augmentation

    def __len__(self):
        return len(self.ids)

    def __getitem__(self, i):
        image = cv2.cvtColor(cv2.imread(os.path.join(self.folder, "image", self.ids[i])), cv2.COLOR_BGR2RGB)
        mask = cv2.imread(os.path.join(self.folder, "mask", self.ids[i]), cv2.IMREAD_GRAYSCALE) // 255
        sample = self.augmentation(image=image, mask=mask)
        return sample["image"], sample["mask"][None].float()


def main(folder="kvasir", size=320, epochs=40):
    ids = sorted(os.listdir(os.path.join(folder, "image")))
    cut = int(0.9 * len(ids))
    train_loader = DataLoader(Polyps(folder, ids[:cut], get_training_augmentation(size)), 8, shuffle=True, num_workers=4)
    valid_loader = DataLoader(Polyps(folder, ids[cut:], get_validation_augmentation(size)), 8, num_workers=4)
    model = smp.Unet("resnet34", encoder_weights="imagenet", classes=1).cuda()
    dice = smp.losses.DiceLoss("binary")
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    for epoch in range(epochs):
        model.train()
        for image, mask in train_loader:
            loss = dice(model(image.cuda()), mask.cuda())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            print(epoch, sum(dice(model(x.cuda()), y.cuda()).item() for x, y in valid_loader) / len(valid_loader))


if __name__ == "__main__":
    main()
