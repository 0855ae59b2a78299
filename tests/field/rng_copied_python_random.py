"""Fill-in-the-blank training data for a small sequence labeller."""
import random
import string

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

ALPHABET = string.ascii_lowercase + " "


def encode(text):
    return torch.tensor([ALPHABET.index(c) for c in text])


class NoisySentences(Dataset):
    """Typing errors: a letter is swapped, dropped or doubled."""

    def __init__(self, sentences, length=32, rate=0.1, seed=1):
        self.sentences = sentences
        self.length = length
        self.rate = rate
        self.rnd = random.Random(seed)

    def __len__(self):
        return len(self.sentences)

    def _typo(self, c):
        kind = self.rnd.choice(["swap", "drop", "double"])
        if kind == "swap":
            return self.rnd.choice(ALPHABET)
        return "" if kind == "drop" else c + c

    def _misspell(self, sentence):
        return "".join(self._typo(c) if self.rnd.random() < self.rate else c for c in sentence)

    def _pad(self, text):
        return encode(text[:self.length].ljust(self.length))

    def __getitem__(self, i):
        clean = self.sentences[i]
        return self._pad(self._misspell(clean)), self._pad(clean)


class Corrector(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.embed = nn.Embedding(len(ALPHABET), dim)
        self.rnn = nn.GRU(dim, dim, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * dim, len(ALPHABET))

    def forward(self, typed):
        hidden, _ = self.rnn(self.embed(typed))
        return self.out(hidden)


def main(epochs=3, workers=2):
    words = "the quick brown fox jumps over lazy dogs while seven wizards box".split()
    sentences = [" ".join(words[k % 7:k % 7 + 5]) for k in range(80)]
    loader = DataLoader(NoisySentences(sentences), batch_size=16, shuffle=True, num_workers=workers)
    model = Corrector()
    adam = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(epochs):
        for typed, meant in loader:
            loss = nn.functional.cross_entropy(model(typed).flatten(0, 1), meant.flatten())
            adam.zero_grad()
            loss.backward()
            adam.step()
        print(epoch, loss.item())


if __name__ == "__main__":
    main()
