"""What the audit of training loaders by `python -m runtime_probe` costs: plain and audited epochs, interleaved.

    OMP_NUM_THREADS=1 python benchmarks/probe_loader_overhead.py

A data set of tensors is flipped and noised; an optimizer steps on each batch, so that the loader counts as a
training loader. Prints the ratio of the medians. Only the first epochs of a loader are audited: a run of many
epochs pays once.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from runtime_probe.loader_audit import EPOCHS
from runtime_probe.probe import Probe

SAMPLES = 4096


class Pictures(Dataset[Tensor]):
    """(3, size, size) float32, flipped and noised at random."""

    def __init__(self, size: int) -> None:
        self.images = torch.rand(64, 3, size, size)

    def __len__(self) -> int:
        return SAMPLES

    def __getitem__(self, index: int) -> Tensor:
        image = self.images[index % 64]
        image = image.flip(-1) if torch.rand(()) < 0.5 else image
        return image + 0.1 * torch.randn_like(image)


def epoch(pictures: Pictures, workers: int, audit: bool) -> float:
    """Seconds of one epoch of a new loader under a probe."""
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    with Probe(provenance=0, everything=True, loaders=audit) as probe:
        started = time.perf_counter()
        for batch in DataLoader(pictures, batch_size=64, shuffle=True, num_workers=workers):
            model(batch.mean((2, 3))).square().mean().backward()
            optimizer.step()
            optimizer.zero_grad()
        seconds = time.perf_counter() - started
    assert len(probe.report().loaders) == int(audit)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=7, help="plain and audited epochs of each kind (default 7)")
    pairs = parser.parse_args().pairs
    print(f"{SAMPLES} samples an epoch, {pairs} pairs; the first {EPOCHS} epochs of a loader are audited")
    print("size   workers   plain epoch   audited/plain")
    for size, workers in ((32, 0), (32, 2), (224, 0), (224, 2)):
        pictures = Pictures(size)
        epoch(pictures, workers, audit=True)
        times = [(epoch(pictures, workers, False), epoch(pictures, workers, True)) for _ in range(pairs)]
        plain, audited = (statistics.median(column) for column in zip(*times, strict=True))
        print(f"{size:4d} {workers:9d} {plain:12.2f} s {audited / plain:15.3f}")


if __name__ == "__main__":
    main()
