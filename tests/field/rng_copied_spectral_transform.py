import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class RandomBaseline:
    """Adds a random polynomial baseline to a Raman spectrum."""

    def __init__(self, order=3, amplitude=0.2, seed=None):
        self.order, self.amplitude = order, amplitude
        self.rng = np.random.default_rng(seed)

    def __call__(self, spectrum):
        coefficients = self.rng.uniform(-self.amplitude, self.amplitude, self.order + 1)
        return spectrum + np.polyval(coefficients, np.linspace(-1, 1, len(spectrum)))


class Standardise:
    def __call__(self, spectrum):
        return (spectrum - spectrum.mean()) / (spectrum.std() + 1e-8)


class Pipeline:
    def __init__(self, *steps):
        self.steps = steps

    def __call__(self, spectrum):
        for step in self.steps:
            spectrum = step(spectrum)
        return torch.as_tensor(spectrum, dtype=torch.float32)


class Minerals(Dataset):
    def __init__(self, spectra, labels, transform):
        self.spectra, self.labels, self.transform = spectra, labels, transform

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return self.transform(self.spectra[i]), self.labels[i]


def main(epochs=3):
    spectra = np.abs(np.sin(np.outer(np.arange(1, 41), np.linspace(0, 3, 128))))
    labels = np.arange(40) % 5
    transform = Pipeline(RandomBaseline(seed=17), Standardise())
    loader = DataLoader(Minerals(spectra, labels, transform), batch_size=10, num_workers=2, shuffle=True)
    net = nn.Sequential(nn.Linear(128, 32), nn.ReLU(), nn.Linear(32, 5))
    optimizer = torch.optim.Adam(net.parameters())
    for epoch in range(epochs):
        for spectrum, mineral in loader:
            loss = nn.functional.cross_entropy(net(spectrum), mineral)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(epoch, loss.item())


if __name__ == "__main__":
    main()
