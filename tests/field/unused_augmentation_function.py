"""CTC phoneme recogniser."""
import random

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


def normalise(features):
    return (features - features.mean(0)) / (features.std(0) + 1e-5)


def spec_augment(features, n_freq_masks=2, n_time_masks=2, F=5, T=8):
    """SpecAugment (Park et al. 2019) without time warping; features are (frames, mels)."""
    features = features.clone()
    frames, mels = features.shape
    for _ in range(n_freq_masks):
        width = random.randint(0, F)
        start = random.randint(0, mels - width)
        features[:, start:start + width] = 0
    for _ in range(n_time_masks):
        width = random.randint(0, T)
        start = random.randint(0, frames - width)
        features[start:start + width] = 0
    return features


class Utterances(Dataset):
    def __init__(self, features, phonemes, training=False):
        self.features, self.phonemes = features, phonemes
        self.training = training

    def __len__(self):
        return len(self.features)

    def __getitem__(self, k):
        features = normalise(self.features[k])
        return features, self.phonemes[k]


class Recogniser(nn.Module):
    def __init__(self, mels=20, phonemes=12):
        super().__init__()
        self.lstm = nn.LSTM(mels, 24, batch_first=True, bidirectional=True)
        self.out = nn.Linear(48, phonemes + 1)

    def forward(self, features):
        hidden, _ = self.lstm(features)
        return self.out(hidden).log_softmax(-1).transpose(0, 1)


def train(epochs=3):
    features, phonemes = torch.randn(32, 50, 20), torch.randint(1, 13, (32, 9))
    loader = DataLoader(Utterances(features, phonemes), 8, shuffle=True)
    model, ctc = Recogniser(), nn.CTCLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(epochs):
        for x, y in loader:
            log_probs = model(x)
            frames = torch.full((len(x),), log_probs.shape[0])
            loss = ctc(log_probs, y, frames, torch.full((len(x),), y.shape[1]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(epoch, loss.item())


if __name__ == "__main__":
    train()
