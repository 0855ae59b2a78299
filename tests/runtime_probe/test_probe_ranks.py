"""Two real gloo processes around the library call; a rank that never answers costs the time limit, no more."""

import multiprocessing
import os
import time

import pytest
import torch
import torch.distributed as dist

from runtime_probe import Flag, Verdict, probe_coords
from runtime_probe.ranks import RankReport, compare_ranks
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


def test_a_missing_rank_is_undecided_not_a_hang():
    answers = run(one_rank_only)
    assert answers[0][0] is None
    assert "not every rank answered within 0.5 s" in answers[0][1]
    assert answers[0][2]
