"""Programs of several processes, one a rank."""

from __future__ import annotations

import re

# What starts one. torch.distributed, torch_xla, Horovod, DeepSpeed, all versions.
STARTS = frozenset("init_process_group init_distributed init_distributed_mode".split())
# What starts the processes of one program, each of which begins anew: its parent's seeds are not theirs.
# https://pytorch.org/docs/stable/multiprocessing.html#spawning-subprocesses, https://docs.python.org/3/library/multiprocessing.html
SPAWNS = frozenset("spawn start_processes Process launch elastic_launch".split())
# Names of a process' number.
RANK = re.compile(r"(?:^|_)(?:rank|ordinal|process_index|local_rank|global_rank|node_rank)(?:_|$)|^RANK$|_RANK$")
# Names that may hold it: a graphics card for each process.
MAYBE_RANK = re.compile(r"(?:^|_)(?:gpu|device|device_id|proc_id|worker_id|local_process_index|hvd)(?:_|$)")
SEED_POSITION = 4  # of DistributedSampler(dataset, num_replicas, rank, shuffle, seed, drop_last)
