import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, get_worker_info


class GalaxyCutouts(Dataset):
    def __init__(self, cutouts, redshift, seed=99):
        self.cutouts, self.redshift, self.seed = cutouts, redshift, seed
        self._rng = None

    @property
    def rng(self):
        if self._rng is None:
            info = get_worker_info()
            self._rng = np.random.default_rng(self.seed + (0 if info is None else info.id))
        return self._rng

    def __len__(self):
        return len(self.cutouts)

    def __getitem__(self, k):
        cutout = np.rot90(self.cutouts[k], self.rng.integers(4))
        if self.rng.random() < 0.5:
            cutout = np.fliplr(cutout)
        sky = self.rng.normal(0, 0.02, cutout.shape)
        return torch.from_numpy((cutout + sky).astype(np.float32))[None], np.float32(self.redshift[k])


class RedshiftNet(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv2d(1, 8, 3), nn.ReLU(), nn.AvgPool2d(2), nn.Conv2d(8, 16, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
            nn.Flatten(), nn.Linear(16, 1), nn.Softplus(), nn.Flatten(0),
        )


def fit(epochs=3):
    cutouts = np.random.default_rng(1).random((40, 16, 16))
    dataset = GalaxyCutouts(cutouts, cutouts.mean((1, 2)))
    loader = DataLoader(dataset, batch_size=10, shuffle=False, num_workers=2)
    model = RedshiftNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(epochs):
        for cutout, z in loader:
            loss = nn.functional.smooth_l1_loss(model(cutout), z)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(epoch, loss.item())


if __name__ == "__main__":
    fit()
