import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset


class LidarScans(Dataset):
    def __init__(self, scans, labels, num_points=256):
        super().__init__()
        self.labels = torch.as_tensor(labels)
        self.num_points = num_points
        self.scans = [self._centre(scan) for scan in scans]

    @staticmethod
    def _centre(scan):
        scan = scan - scan.mean(axis=0, keepdims=True)
        return scan / np.abs(scan).max()

    def __len__(self):
        return len(self.scans)

    def __getitem__(self, i):
        scan = self.scans[i]
        points = scan[np.random.permutation(len(scan))[:self.num_points]]
        return torch.from_numpy(points).float().T, self.labels[i]


class SharedMLP(nn.Sequential):
    def __init__(self, *widths):
        layers = []
        for a, b in zip(widths[:-1], widths[1:]):
            layers += [nn.Conv1d(a, b, 1), nn.BatchNorm1d(b), nn.ReLU()]
        super().__init__(*layers)


class ScanClassifier(nn.Module):
    def __init__(self, n_classes):
        super().__init__()
        self.points = SharedMLP(3, 32, 64)
        self.classify = nn.Linear(64, n_classes)

    def forward(self, points):
        return self.classify(torch.amax(self.points(points), dim=2))


class Experiment:
    def __init__(self, epochs=3, lr=1e-3):
        rng = np.random.default_rng(8)
        self.loader = DataLoader(LidarScans(rng.normal(size=(24, 2048, 3)), np.arange(24) % 4), 6, shuffle=True)
        self.net = ScanClassifier(4)
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=lr)
        self.epochs = epochs

    def one_epoch(self):
        losses = []
        for points, label in self.loader:
            loss = nn.functional.cross_entropy(self.net(points), label)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            losses.append(loss.item())
        return np.mean(losses)

    def run(self):
        self.net.train()
        for epoch in range(self.epochs):
            print(epoch, self.one_epoch())


if __name__ == "__main__":
    Experiment().run()
