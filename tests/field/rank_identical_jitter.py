import os
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset


@dataclass
class Job:
    seed: int = 1234
    epochs: int = 10
    batch: int = 256
    lr: float = 1e-3
    sigma: float = 0.1


class Denoiser(nn.Module):
    def __init__(self, n=64):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(n, 128), nn.ReLU(), nn.Linear(128, n))

    def forward(self, x):
        return x + self.net(x)


def setup(job):
    dist.init_process_group("gloo")
    rank = dist.get_rank()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", 1)))
    torch.manual_seed(job.seed)
    return rank


def run(job, signals):
    rank = setup(job)
    dataset = TensorDataset(signals)
    sampler = DistributedSampler(dataset, shuffle=True, seed=job.seed)
    loader = DataLoader(dataset, job.batch, sampler=sampler, drop_last=True)
    model = DistributedDataParallel(Denoiser())
    optimizer = torch.optim.Adam(model.parameters(), lr=job.lr)
    for epoch in range(job.epochs):
        sampler.set_epoch(epoch)
        for (clean,) in loader:
            noisy = clean + job.sigma * torch.randn_like(clean)
            loss = nn.functional.mse_loss(model(noisy), clean)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if rank == 0:
            print(epoch, loss.item())
    dist.destroy_process_group()


if __name__ == "__main__":
    t = torch.linspace(0, 1, 64)
    frequencies = torch.arange(1, 4097)[:, None] % 17 + 1
    run(Job(), torch.sin(2 * torch.pi * frequencies * t))
