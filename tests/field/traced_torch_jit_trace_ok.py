import random

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class BatchAugment(nn.Module):
    """Random shift and gain of a batch of one-dimensional signals."""

    def __init__(self, max_shift=12, gain=0.2):
        super().__init__()
        self.max_shift, self.gain = max_shift, gain

    def forward(self, x, shift: torch.Tensor, gain: torch.Tensor):
        index = (torch.arange(x.shape[-1], device=x.device) - shift) % x.shape[-1]
        return x[..., index] * gain

    def draw(self):
        shift = torch.tensor(random.randint(-self.max_shift, self.max_shift))
        return shift, torch.tensor(random.uniform(1 - self.gain, 1 + self.gain))


class Classifier(nn.Sequential):
    def __init__(self, n_classes=3):
        super().__init__(
            nn.Conv1d(1, 8, 7, stride=2), nn.ReLU(), nn.AdaptiveMaxPool1d(8), nn.Flatten(), nn.Linear(64, n_classes)
        )


def train(signals, labels, epochs=3, batch=20):
    loader = DataLoader(TensorDataset(signals, labels), batch, shuffle=True)
    model = Classifier()
    # the traced module is what the deployment runs as well
    eager = BatchAugment()
    augment = torch.jit.trace(eager, (signals[:batch], *eager.draw()))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(epochs):
        for x, y in loader:
            loss = nn.functional.cross_entropy(model(augment(x, *eager.draw())), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(epoch, loss.item())


if __name__ == "__main__":
    t = torch.linspace(0, 20, 128)
    phases = torch.rand(60, 1) * 6
    labels = torch.arange(60) % 3
    train(torch.sin(t * (labels[:, None] + 1) + phases)[:, None], labels)
