"""Emotion recognition from log-mel spectrograms."""
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class FrequencyMask(nn.Module):
    def __init__(self, max_width=6, p=0.8):
        super().__init__()
        self.max_width, self.p = max_width, p

    def forward(self, mel):
        if torch.rand(()) >= self.p:
            return mel
        width = int(torch.randint(1, self.max_width + 1, ()))
        start = int(torch.randint(mel.shape[-2] - width, ()))
        keep = torch.ones_like(mel)
        keep[..., start:start + width, :] = 0
        return mel * keep


class EmotionNet(nn.Module):
    def __init__(self, n_mels=24, n_emotions=4):
        super().__init__()
        self.mask = FrequencyMask()
        self.conv = nn.Sequential(nn.Conv1d(n_mels, 32, 5), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten())
        self.out = nn.Linear(32, n_emotions)

    def forward(self, mel):
        return self.out(self.conv(self.mask(mel)))


class Solver:
    def __init__(self, net, train_loader, dev_loader):
        self.net, self.train_loader, self.dev_loader = net, train_loader, dev_loader
        self.optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)

    def unweighted_recall(self):
        saved, self.net.mask.p = self.net.mask.p, 0.0
        hits = total = 0
        with torch.no_grad():
            for mel, emotion in self.dev_loader:
                hits += (self.net(mel).argmax(1) == emotion).sum().item()
                total += len(emotion)
        self.net.mask.p = saved
        return hits / total

    def solve(self, epochs):
        for epoch in range(epochs):
            for mel, emotion in self.train_loader:
                self.optimizer.zero_grad()
                loss = nn.functional.cross_entropy(self.net(mel), emotion)
                loss.backward()
                self.optimizer.step()
            print(epoch, round(loss.item(), 3), self.unweighted_recall(), "masking with p =", self.net.mask.p)


def main():
    mels, emotions = torch.randn(90, 24, 40), torch.arange(90) % 4
    train = DataLoader(TensorDataset(mels[:70], emotions[:70]), 14, shuffle=True)
    dev = DataLoader(TensorDataset(mels[70:], emotions[70:]), 20)
    Solver(EmotionNet(), train, dev).solve(epochs=4)


if __name__ == "__main__":
    main()
