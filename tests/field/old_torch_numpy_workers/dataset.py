import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset


class CTSlices(Dataset):
    def __init__(self, slices, masks, augment):
        self.slices, self.masks, self.augment = slices, masks, augment

    def __len__(self):
        return len(self.slices)

    def _distort(self, image, mask):
        if np.random.rand() < 0.5:
            image, mask = image[:, ::-1], mask[:, ::-1]
        image = image * np.random.uniform(0.9, 1.1) + np.random.normal(0, 0.02, image.shape)
        shift = np.random.randint(-6, 7)
        return np.roll(image, shift, 0), np.roll(mask, shift, 0)

    def __getitem__(self, i):
        image, mask = self.slices[i], self.masks[i]
        if self.augment:
            image, mask = self._distort(image, mask)
        return torch.from_numpy(image.copy()).float()[None], torch.from_numpy(mask.copy()).long()


def get_loader(slices, masks, batch_size, augment=True, workers=4):
    return DataLoader(CTSlices(slices, masks, augment), batch_size, shuffle=True, num_workers=workers)
