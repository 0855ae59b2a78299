"""Do the ranks of a distributed run draw the same coordinates, or the same noise for their inputs?

The fingerprints are exchanged through the process group's key-value store, not by a collective: a rank that
failed or never arrives cannot hang or disturb the others, every wait has a time limit.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist

COMPARED = 1024  # batches
TIME_LIMIT = 10.0  # seconds to wait for the other ranks


@dataclass(frozen=True)
class RankReport:
    """`duplicated` is None when it could not be decided; `sentence` says what was compared, or why not."""

    duplicated: bool | None
    sentence: str


def is_distributed() -> bool:
    """True inside an initialised process group of two ranks or more."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def compare_ranks(values: Sequence[int], time_limit: float = TIME_LIMIT, what: str = "coordinates") -> RankReport:
    """Exchange the first batches' fingerprints and compare them; `what` they are of. Call it on every rank."""
    rank, world = dist.get_rank(), dist.get_world_size()
    store = dist.distributed_c10d._get_default_store()
    turn = store.add(f"runtime_probe/turn/{rank}", 1)  # the n-th probe of every rank belongs together
    keys = [f"runtime_probe/{turn}/{other}" for other in range(world)]
    store.set(keys[rank], json.dumps(list(values[:COMPARED])))
    try:
        store.wait(keys, timedelta(seconds=time_limit))
    except (RuntimeError, dist.DistError) as error:
        return RankReport(None, f"not every rank answered within {time_limit:g} s ({type(error).__name__})")
    rows: list[list[int]] = [json.loads(store.get(key)) for key in keys]
    _leave(store, f"runtime_probe/{turn}/done", world, time_limit)
    return _compare(rows, what)


def _leave(store: torch._C._distributed_c10d.Store, key: str, world: int, time_limit: float) -> None:
    """The rank that hosts the store must not exit before all have read."""
    if store.add(key, 1) == world:
        store.set(key + "/all", "1")
    try:
        store.wait([key + "/all"], timedelta(seconds=time_limit))
    except (RuntimeError, dist.DistError):
        return  # a rank went away after it had answered; what was read is complete


def _compare(rows: list[list[int]], what: str) -> RankReport:
    length = min(map(len, rows))
    if length == 0:
        return RankReport(None, "a rank saw no batches")
    equal = [len({row[i] for row in rows}) < len(rows) for i in range(length)]
    sentence = f"{sum(equal)} of {length} batches had equal {what} on two of {len(rows)} ranks or more"
    return RankReport(sum(equal) * 2 > length, sentence)
