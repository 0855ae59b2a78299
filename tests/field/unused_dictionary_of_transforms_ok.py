import albumentations as A
import cv2
import numpy as np
import torch
from albumentations.pytorch import ToTensorV2
from torch.utils.data import DataLoader, Dataset


class WheatHeads(Dataset):
    """Boxes of wheat heads in field pictures."""

    def __init__(self, table, folder, size=512, mode="train"):
        self.table, self.folder, self.mode = table, folder, mode
        self.names = sorted(table)
        boxes = A.BboxParams(format="pascal_voc", min_visibility=0.2, label_fields=["labels"])
        self.augmentations = {
            "train": A.Compose([
                A.RandomSizedCrop((size // 2, size), (size, size), p=0.5), A.HorizontalFlip(), A.VerticalFlip(),
                A.HueSaturationValue(p=0.7), A.Resize(size, size), A.Normalize(), ToTensorV2(),
            ], bbox_params=boxes),
            "valid": A.Compose([A.Resize(size, size), A.Normalize(), ToTensorV2()], bbox_params=boxes),
        }

    def __len__(self):
        return len(self.names)

    def __getitem__(self, i):
        image = cv2.cvtColor(cv2.imread(f"{self.folder}/{self.names[i]}.jpg"), cv2.COLOR_BGR2RGB)
        boxes = np.asarray(self.table[self.names[i]], dtype=np.float32)
        sample = self.augmentations[self.mode](image=image, bboxes=boxes, labels=np.ones(len(boxes)))
        target = {
            "boxes": torch.as_tensor(np.array(sample["bboxes"]), dtype=torch.float32).reshape(-1, 4),
            "labels": torch.ones(len(sample["bboxes"]), dtype=torch.int64),
        }
        return sample["image"], target


def main():
    from torchvision.models.detection import fasterrcnn_resnet50_fpn

    table = np.load("wheat.npy", allow_pickle=True).item()
    dataset = WheatHeads(table, "wheat/train")
    loader = DataLoader(dataset, 4, shuffle=True, num_workers=4, collate_fn=lambda rows: tuple(zip(*rows)))
    detector = fasterrcnn_resnet50_fpn(num_classes=2).cuda().train()
    optimizer = torch.optim.SGD(detector.parameters(), lr=0.005, momentum=0.9)
    for epoch in range(20):
        for images, targets in loader:
            images = [image.cuda() for image in images]
            targets = [{name: value.cuda() for name, value in target.items()} for target in targets]
            loss = sum(detector(images, targets).values())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(epoch, loss.item())


if __name__ == "__main__":
    main()
