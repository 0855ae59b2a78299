"""Two real gloo processes around the library call; a rank that never answers costs the time limit, no more."""

import functools
import multiprocessing
import os
import tempfile
import time
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from runtime_probe import Flag, Verdict, probe_coords
from runtime_probe.ranks import RankReport, compare_ranks
from runtime_probe.run import Options, Program
from runtime_probe.run import run as probe_script
from tests.runtime_probe.programs.small import Decoder, grid, jitter


def in_group(rank, port, results, work):
    torch.set_num_threads(1)
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    dist.init_process_group("gloo", rank=rank, world_size=2)
    try:
        results.put((rank, work(rank)))
        dist.barrier()
    finally:
        dist.destroy_process_group()


def same_seed(rank):
    return train(1)


def seed_plus_rank(rank):
    return train(1 + rank)


def train(seed):
    torch.manual_seed(seed)
    model = Decoder()
    with probe_coords(model) as probe:
        for _ in probe.batches(range(16)):
            model(torch.rand(2, 3, 16, 16), jitter(grid()).expand(2, 16, 16, 2)).mean().backward()
    report = probe.report()
    return report.verdict is Verdict.FRESH, Flag.RANKS_DUPLICATED in report.flags, report.ranks


NOISY = """
import os, torch, torch.distributed as dist
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
rank = dist.get_rank()
data = torch.rand(16, 16, generator=torch.Generator().manual_seed(rank))
model = nn.Sequential(nn.Linear(16, 4), nn.Tanh(), nn.Linear(4, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
torch.manual_seed(1 + SEED * rank)
for epoch in range(3):
    for (batch,) in DataLoader(TensorDataset(data), batch_size=4, shuffle=True):
        BODY
        loss.backward()
        optimizer.step()
"""
BODIES = [
    "loss = model(batch + 0.1 * torch.randn_like(batch)).square().mean()",
    "loss = model(torch.randn(4, 16)).square().mean() + batch.mean()",
    "loss = model(torch.where(torch.rand(4, 16) < 0.2, 0, batch)).square().mean()",
]


def noisy(rank, body, seed):
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "train.py")
        script.write_text(NOISY.replace("BODY", body).replace("SEED", str(seed)))
        report = probe_script(Program(str(script)), Options()).report
    return [finding.word for finding in report.violations], report.ranks


def one_rank_only(rank):
    start = time.monotonic()
    report = compare_ranks([1, 2], time_limit=0.5) if rank == 0 else RankReport(None, "never asked")
    return report.duplicated, report.sentence, time.monotonic() - start < 10


def run(work):
    from torch.distributed.elastic.utils.distributed import get_free_port

    context = multiprocessing.get_context("fork")
    results, port = context.Queue(), get_free_port()
    processes = [context.Process(target=in_group, args=(rank, port, results, work)) for rank in range(2)]
    for process in processes:
        process.start()
    answers = dict(results.get(timeout=60) for _ in processes)
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    return answers


@pytest.mark.parametrize(("work", "equal"), [(same_seed, 16), (seed_plus_rank, 0)])
def test_ranks_are_compared_at_exit(work, equal):
    sentence = f"{equal} of 16 batches had equal coordinates on two of 2 ranks or more"
    assert run(work) == dict.fromkeys(range(2), (True, equal == 16, sentence))


@pytest.mark.parametrize("body", BODIES, ids=["added noise", "latents", "masks"])
def test_ranks_that_add_the_same_noise_to_data_of_their_own(body):
    alike, apart = (run(functools.partial(noisy, body=body, seed=seed)) for seed in (0, 1))
    assert alike[0][0] == alike[1][0] == [Flag.RANKS_DUPLICATED], alike
    assert "batches had equal noise in their inputs on two of 2 ranks" in alike[0][1]
    assert apart[0][0] == apart[1][0] == [], apart


def test_a_missing_rank_is_undecided_not_a_hang():
    answers = run(one_rank_only)
    assert answers[0][0] is None
    assert "not every rank answered within 0.5 s" in answers[0][1]
    assert answers[0][2]
