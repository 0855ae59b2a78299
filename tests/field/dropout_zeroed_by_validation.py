import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class TextCNN(nn.Module):
    def __init__(self, vocab, n_classes, dim=24, p=0.5):
        super().__init__()
        self.embedding = nn.Embedding(vocab, dim)
        self.convs = nn.ModuleList(nn.Conv1d(dim, 16, k) for k in (2, 3, 4))
        self.drop = nn.Dropout(p)
        self.fc = nn.Linear(48, n_classes)

    def forward(self, ids):
        x = self.embedding(ids).transpose(1, 2)
        pooled = [conv(x).relu().amax(-1) for conv in self.convs]
        return self.fc(self.drop(torch.cat(pooled, 1)))


def without_dropout(net):
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return net


@torch.no_grad()
def accuracy(net, loader):
    net = without_dropout(net)
    right = total = 0
    for ids, label in loader:
        right += (net(ids).argmax(1) == label).sum().item()
        total += len(label)
    return right / total


def main(n_epochs=4):
    torch.manual_seed(1)
    ids, labels = torch.randint(0, 200, (160, 30)), torch.randint(0, 4, (160,))
    train_iter = DataLoader(TensorDataset(ids[:128], labels[:128]), 16, shuffle=True)
    valid_iter = DataLoader(TensorDataset(ids[128:], labels[128:]), 32)
    net = TextCNN(200, 4)
    optimizer = torch.optim.Adadelta(net.parameters())
    best = 0.0
    for epoch in range(1, n_epochs + 1):
        for ids_batch, label_batch in train_iter:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(ids_batch), label_batch)
            loss.backward()
            optimizer.step()
        score = accuracy(net, valid_iter)
        best = max(best, score)
        print(f"epoch {epoch} loss {loss.item():.3f} acc {score:.3f} best {best:.3f} dropout {net.drop.p}")


if __name__ == "__main__":
    main()
