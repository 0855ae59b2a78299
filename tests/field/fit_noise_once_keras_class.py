import argparse

import numpy as np
from tensorflow import keras
from tensorflow.keras import layers


class StackedDenoisingAutoencoder:
    """Features of gene expression profiles."""

    def __init__(self, n_genes, hidden=(512, 128), corruption=0.25, epochs=100, batch_size=64):
        self.corruption, self.epochs, self.batch_size = corruption, epochs, batch_size
        inputs = keras.Input((n_genes,))
        x = inputs
        for units in hidden:
            x = layers.Dense(units, activation="selu")(x)
        self.encoder = keras.Model(inputs, x)
        for units in reversed(hidden[:-1]):
            x = layers.Dense(units, activation="selu")(x)
        self.autoencoder = keras.Model(inputs, layers.Dense(n_genes)(x))
        self.autoencoder.compile(optimizer=keras.optimizers.Adam(1e-4), loss="mse")

    def _load(self, path):
        table = np.load(path)
        return (table - table.mean(0)) / (table.std(0) + 1e-6)

    def _corrupt(self, x):
        keep = np.random.binomial(1, 1 - self.corruption, size=x.shape)
        return x * keep

    def fit(self, path):
        x = self._load(path)
        x_corrupted = self._corrupt(x)
        stop = keras.callbacks.EarlyStopping(monitor="loss", patience=10)
        self.autoencoder.fit(x_corrupted, x, epochs=self.epochs, batch_size=self.batch_size, callbacks=[stop])
        return self

    def transform(self, path):
        return self.encoder.predict(self._load(path), batch_size=self.batch_size)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("expression", help=".npy of samples x genes")
    parser.add_argument("--corruption", type=float, default=0.25)
    parser.add_argument("--epochs", type=int, default=100)
    args = parser.parse_args()
    n_genes = np.load(args.expression, mmap_mode="r").shape[1]
    sdae = StackedDenoisingAutoencoder(n_genes, corruption=args.corruption, epochs=args.epochs)
    np.save("features.npy", sdae.fit(args.expression).transform(args.expression))


if __name__ == "__main__":
    main()
