import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class NoisyInput(nn.Module):
    """Regularises the next layer with noise on its input (training only)."""

    def __init__(self, n_features, std=0.1):
        super().__init__()
        self.std = std
        self.register_buffer("noise", torch.randn(n_features))

    def forward(self, x):
        if not self.training:
            return x
        return x + self.std * self.noise


class ChurnModel(nn.Module):
    def __init__(self, n_features=20, hidden=40):
        super().__init__()
        self.net = nn.Sequential(
            NoisyInput(n_features), nn.Linear(n_features, hidden), nn.ReLU(),
            NoisyInput(hidden, 0.05), nn.Linear(hidden, 1),
        )

    def forward(self, x):
        return self.net(x).squeeze(1)


def epoch_of(model, loader, optimizer=None):
    model.train(mode=optimizer is not None)
    losses = []
    for x, left in loader:
        with torch.set_grad_enabled(optimizer is not None):
            loss = nn.functional.binary_cross_entropy_with_logits(model(x), left)
        if optimizer is not None:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
    return sum(losses) / len(losses)


if __name__ == "__main__":
    x = torch.randn(300, 20)
    left = (x[:, 0] + 0.5 * x[:, 1] > 0).float()
    train_loader = DataLoader(TensorDataset(x[:240], left[:240]), 40, shuffle=True)
    test_loader = DataLoader(TensorDataset(x[240:], left[240:]), 60)
    model = ChurnModel()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(4):
        print(epoch, epoch_of(model, train_loader, optimizer), epoch_of(model, test_loader))
