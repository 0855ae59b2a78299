import random

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Tracks(Dataset):
    """GPS tracks and the means of transport."""

    def __init__(self, tracks, modes, augment):
        self.tracks, self.modes, self.augment = tracks, modes, augment

    def __len__(self):
        return len(self.tracks)

    def _rotate(self, track):
        angle = torch.tensor(random.uniform(0, 2 * torch.pi))
        c, s = torch.cos(angle), torch.sin(angle)
        return track @ torch.stack([torch.stack([c, -s]), torch.stack([s, c])])

    def _thin(self, track):
        keep = torch.rand(len(track)) > 0.1
        return track * keep[:, None]

    def __getitem__(self, i):
        track = self.tracks[i] - self.tracks[i].mean(0)
        if self.augment:
            track = self._thin(self._rotate(track))
        return track.T, self.modes[i]


class ModeNet(nn.Module):
    def __init__(self, n_modes=4):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv1d(2, 24, 5), nn.ReLU(), nn.Conv1d(24, 24, 5), nn.ReLU())
        self.head = nn.Linear(24, n_modes)

    def forward(self, track):
        return self.head(self.conv(track).amax(-1))


def main(epochs=3):
    tracks, modes = torch.randn(100, 40, 2).cumsum(1), torch.arange(100) % 4
    train_set = Tracks(tracks[:80], modes[:80], augment=True)
    val_set = Tracks(tracks[80:], modes[80:], augment=False)
    train_loader, val_loader = DataLoader(train_set, 16, shuffle=True), DataLoader(val_set, 20)
    net = ModeNet()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    for epoch in range(epochs):
        net.train()
        for track, mode in train_loader:
            loss = nn.functional.cross_entropy(net(track), mode)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        net.eval()
        with torch.no_grad():
            val_loss = sum(nn.functional.cross_entropy(net(track), mode).item() for track, mode in val_loader)
        print(epoch, loss.item(), val_loss)


if __name__ == "__main__":
    main()
