import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class NoisyTransmission(nn.Module):
    """Autoencoder that learns a code for a noisy channel."""

    def __init__(self, n_symbols=16, n_channel=7, snr_db=7.0):
        super().__init__()
        self.encode = nn.Sequential(nn.Linear(n_symbols, 32), nn.ReLU(), nn.Linear(32, n_channel))
        self.smooth = nn.Sequential(nn.Linear(n_channel, 32), nn.ReLU(), nn.Linear(32, n_channel))
        self.decode = nn.Linear(n_channel, n_symbols)
        self.std = 10 ** (-snr_db / 20)

    def regularise(self, code):
        return code + self.std * torch.randn_like(code) if self.training else code

    def forward(self, x):
        code = nn.functional.normalize(self.encode(x), dim=-1)
        code = self.regularise(code)
        return self.decode(code + self.smooth(code))


def accuracy(model, loader):
    model.eval()
    good = count = 0
    with torch.no_grad():
        for symbol, onehot in loader:
            good += (model(onehot).argmax(-1) == symbol).sum().item()
            count += len(symbol)
    model.train()
    return good / count


def make_loaders(n=640, n_symbols=16):
    symbol = torch.arange(n) % n_symbols
    onehot = nn.functional.one_hot(symbol, n_symbols).float()
    data = TensorDataset(symbol, onehot)
    return DataLoader(data, 64, shuffle=True), DataLoader(data, 128)


def main(epochs=4):
    train_loader, eval_loader = make_loaders()
    model = NoisyTransmission()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for epoch in range(epochs):
        for symbol, onehot in train_loader:
            loss = nn.functional.cross_entropy(model(onehot), symbol)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(epoch, round(loss.item(), 3), accuracy(model, eval_loader))
    torch.save(model.state_dict(), "/tmp/channel.pt")


if __name__ == "__main__":
    main()
