import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn


def occlude(images, rng, size=3):
    images = images.copy()
    for image in images:
        y, x = rng.randint(0, 8 - size, size=2)
        image[y:y + size, x:x + size] = rng.uniform(0, 1)
    return images


def batches(x, y, size):
    order = np.random.permutation(len(x))
    for k in range(0, len(order), size):
        yield x[order[k:k + size]], y[order[k:k + size]]


def main(seed=7, n_epochs=3, size=64):
    np.random.seed(seed)
    digits = load_digits()
    x_train, x_test, y_train, y_test = train_test_split(
        digits.images.astype(np.float32) / 16, digits.target, test_size=0.25, random_state=seed
    )
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    loss_fn = nn.CrossEntropyLoss()
    rng = np.random.RandomState(seed)
    for epoch in range(n_epochs):
        for images, labels in batches(x_train, y_train, size):
            inputs = torch.from_numpy(occlude(images, rng))
            loss = loss_fn(model(inputs), torch.from_numpy(labels))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            predicted = model(torch.from_numpy(x_test)).argmax(1).numpy()
        print(epoch, loss.item(), (predicted == y_test).mean())


if __name__ == "__main__":
    main()
