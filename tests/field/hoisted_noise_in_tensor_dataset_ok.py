"""Robust regression of material properties: measurement noise as augmentation."""
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


class Head(nn.Module):
    def __init__(self, n_in, width=32, p=0.1):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(n_in, width), nn.SiLU(), nn.Dropout(p), nn.Linear(width, 1))

    def forward(self, x):
        return self.body(x).squeeze(-1)


class Study:
    def __init__(self, descriptors, modulus, noise_level=0.05, seed=0):
        torch.manual_seed(seed)
        self.noise_level = noise_level
        scaled = (descriptors - descriptors.mean(0)) / descriptors.std(0)
        n_val = len(scaled) // 5
        order = torch.randperm(len(scaled))
        self.x_train, self.y_train = scaled[order[n_val:]], modulus[order[n_val:]]
        self.val = TensorDataset(scaled[order[:n_val]], modulus[order[:n_val]])

    def perturbed(self, x):
        return x + self.noise_level * torch.randn_like(x)

    def run(self, epochs=4, batch_size=32):
        train = TensorDataset(self.x_train, self.y_train)
        loader = DataLoader(train, batch_size, shuffle=True)
        val_loader = DataLoader(self.val, 256)
        model = Head(self.x_train.shape[1])
        optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
        for epoch in range(epochs):
            model.train()
            for x, y in loader:
                optimizer.zero_grad()
                loss = nn.functional.mse_loss(model(self.perturbed(x)), y)
                loss.backward()
                optimizer.step()
            model.eval()
            with torch.no_grad():
                rmse = torch.cat([model(x) - y for x, y in val_loader]).square().mean().sqrt()
            print(epoch, loss.item(), rmse.item())


if __name__ == "__main__":
    table = torch.randn(200, 9)
    Study(table, table[:, :4].sum(1).tanh()).run()
