import numpy as np
import torch
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler
from torch import nn


def as_tensors(x, y):
    return torch.as_tensor(x, dtype=torch.float32), torch.as_tensor(y)


def fit(X, y, n_epochs=60, lr=1e-2, sigma=0.1, seed=0):
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(X.shape[1], 16), nn.Tanh(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    for epoch in range(n_epochs):
        inputs, labels = as_tensors(X + rng.normal(0, sigma, X.shape), y)
        for rows in torch.randperm(len(inputs)).split(32):
            loss = nn.functional.cross_entropy(model(inputs[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if epoch % 20 == 0:
            print(epoch, loss.item(), X.std())
    return model


def main():
    X, y = load_wine(return_X_y=True)
    test = np.arange(len(X)) % 4 == 0
    scaler = StandardScaler().fit(X[~test])
    X_train, X_test = scaler.transform(X[~test]), scaler.transform(X[test])
    model = fit(X_train, y[~test])
    inputs, labels = as_tensors(X_test, y[test])
    with torch.no_grad():
        print("test accuracy", (model(inputs).argmax(1) == labels).float().mean().item())


if __name__ == "__main__":
    main()
