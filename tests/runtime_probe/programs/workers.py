"""WORKERS_DUPLICATED: each worker's copy of the data set draws the same; the near miss reseeds the copies."""

import sys

import torch
from small import Decoder, grid, step
from torch.utils.data import DataLoader, Dataset, get_worker_info


class Jittered(Dataset):
    def __init__(self):
        self.generator = torch.Generator().manual_seed(3)

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return torch.rand(3, 16, 16), grid() + torch.randn(grid().shape, generator=self.generator) * 0.02


def reseed(worker_id):
    get_worker_info().dataset.generator.manual_seed(torch.initial_seed())


if __name__ == "__main__":
    torch.manual_seed(0)
    model = Decoder()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    init = None if sys.argv[1] == "bug" else reseed
    loader = DataLoader(Jittered(), batch_size=2, num_workers=2, worker_init_fn=init)
    for _epoch in range(2):
        for images, coord in loader:
            step(model, optimizer, images, coord)
