import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Tagger(nn.Module):
    def __init__(self, n_words=120, n_tags=7, dim=20, p=0.4):
        super().__init__()
        self.embed = nn.Embedding(n_words, dim)
        self.drop = nn.Dropout(p)
        self.rnn = nn.GRU(dim, dim, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * dim, n_tags)

    def forward(self, words):
        hidden, _ = self.rnn(self.drop(self.embed(words)))
        return self.out(self.drop(hidden))


def dev_accuracy(model, loader):
    model.eval()
    right = total = 0
    with torch.no_grad():
        for words, tags in loader:
            right += (model(words).argmax(-1) == tags).sum().item()
            total += tags.numel()
    return right / total


def fit(model, train_loader, dev_loader, epochs=2, eval_every=5, patience=10):
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    best, bad, step = 0.0, 0, 0
    model.train()
    for epoch in range(epochs):
        for words, tags in train_loader:
            loss = nn.functional.cross_entropy(model(words).flatten(0, 1), tags.flatten())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
            if step % eval_every == 0:
                score = dev_accuracy(model, dev_loader)
                best, bad = (score, 0) if score > best else (best, bad + 1)
                print(step, f"loss {loss.item():.3f} dev {score:.3f} training={model.training}")
                if bad >= patience:
                    return best
    return best


if __name__ == "__main__":
    words = torch.randint(0, 120, (200, 12))
    tags = words % 7
    fit(Tagger(), DataLoader(TensorDataset(words[:160], tags[:160]), 16, shuffle=True),
        DataLoader(TensorDataset(words[160:], tags[160:]), 40))
