"""JIT304 worker-seed-repeats."""

from __future__ import annotations

from collections.abc import Iterator

from jitlint.diagnostic import Applicability, Candidate, Confidence, FixPlan, ReplaceExpression, Several, Trace
from jitlint.rules.base import Rule
from jitlint.rules.seed_workers import FRESH_SEED, seed_workers
from jitlint.semantics.project import Project
from jitlint.semantics.purpose import Purpose
from jitlint.semantics.worker_seeds import Other, Start, worker_seeds_of


class WorkerSeedRepeats(Rule):
    """Workers are seeded with a number that is the same in every epoch, so every epoch draws the same.

    What it finds:
        A `worker_init_fn` (a function, a lambda, a method, a `partial`) that seeds numpy, `random`, torch or a
        generator with a constant, or with the worker's number and a base seed. Also a data set that seeds by
        `get_worker_info().id` in `__getitem__` or `__iter__`, and transforms of imgaug, which has a generator of
        its own, where the workers do not seed that one.

    Why it matters:
        Workers are started again in every epoch, and each then begins at the same place of its stream: the
        crops, flips and noise of the first epoch come back in every other one. Without `worker_init_fn`, torch
        seeds its workers with a number that differs between workers and epochs.

    Example:
        loader = DataLoader(data, num_workers=4, worker_init_fn=lambda worker: np.random.seed(worker))

    Use instead:
        loader = DataLoader(data, num_workers=4, worker_init_fn=lambda _: np.random.seed(torch.initial_seed() % 2**32))

    Fix:
        Seeds numpy and `random` from `torch.initial_seed()`, which is reproducible too and differs between
        workers and epochs; for imgaug, a `worker_init_fn` that does so. Safe. No fix where torch itself is seeded.

    Known limits:
        Nothing is said without worker processes, with `persistent_workers=True`, for evaluation, or if the
        samples draw from another library than the one that is seeded. A seed whose origin is unclear is taken
        for one that varies.
    """

    code = "JIT304"
    name = "worker-seed-repeats"

    VALID = (
        """
import numpy as np
import torch
from torch.utils.data import DataLoader
def seed_worker(worker_id):
    np.random.seed(torch.initial_seed() % 2**32)
train_loader = DataLoader(train_set, num_workers=4, worker_init_fn=seed_worker)
""",
        """
import numpy as np
from torch.utils.data import DataLoader
train_loader = DataLoader(
    train_set, num_workers=4, worker_init_fn=lambda i: np.random.seed(i), persistent_workers=True
)
""",
        """
import numpy as np
from torch.utils.data import DataLoader
val_loader = DataLoader(val_set, num_workers=4, worker_init_fn=lambda i: np.random.seed(i))
""",
        """
import numpy as np
from torch.utils.data import DataLoader
class Run:
    def seed_worker(self, worker_id):
        np.random.seed(self.epoch * 1000 + worker_id)
    def loader(self, train_set):
        return DataLoader(train_set, num_workers=4, worker_init_fn=self.seed_worker)
""",
    )
    INVALID = (
        """
import numpy as np
from torch.utils.data import DataLoader
train_loader = DataLoader(train_set, num_workers=4, worker_init_fn=lambda i: np.random.seed(i))
""",
        """
import random
from functools import partial
import numpy as np
from torch.utils.data import DataLoader
def seed_worker(worker_id, rank, seed):
    worker_seed = rank * 100 + worker_id + seed
    np.random.seed(worker_seed)
    random.seed(worker_seed)
def loader(train_set, cfg, rank):
    init = partial(seed_worker, rank=rank, seed=cfg.seed)
    return DataLoader(train_set, num_workers=cfg.workers, worker_init_fn=init)
""",
        """
import numpy as np
import torch
from torch.utils.data import Dataset
class Crops(Dataset):
    seeded = False
    def __getitem__(self, index):
        if not self.seeded:
            np.random.seed(torch.utils.data.get_worker_info().id)
            self.seeded = True
        left = np.random.randint(32)
        return self.images[index][:, left : left + 224]
""",
    )

    def check(self, project: Project) -> Iterator[Candidate]:
        """One candidate a function that seeds."""
        for start in worker_seeds_of(project).repeated:
            seed = start.seeds[0]
            what = "does not change with the epoch" if start.varies else "is a constant"
            who = "the workers" if start.varies else "all workers"
            message = f"{who} draw the same numbers in every epoch: this seed {what}"
            confidence, traces = _confidence(start), tuple(_traces(project, start))
            span, fix = project.node(seed).span, _fix(project, start)
            yield Candidate(self.code, seed.scope.path, span, message, confidence, traces, fix)
        yield from self._others(project)

    def _others(self, project: Project) -> Iterator[Candidate]:
        """One candidate a loader whose workers seed another library than the one that the samples draw from."""
        done = set[object]()
        for other in worker_seeds_of(project).others:
            made = other.loader.made
            if made in done:
                continue
            done.add(made)
            message = f"all workers draw the same numbers in every epoch: nothing seeds {other.library} in them"
            where = project.node(other.transform).span
            draw = Trace("draw", other.transform.scope.path, where, f"draws from {other.library}'s own generator")
            confidence = Confidence.HIGH if other.loader.workers else Confidence.MEDIUM
            if other.loader.persistent is None:
                confidence = Confidence.LOW
            fix = _seed_library(project, other)
            yield Candidate(self.code, made.scope.path, project.node(made).span, message, confidence, (draw,), fix)


def _confidence(start: Start) -> Confidence:
    """High where the samples are known to draw from what is seeded, or the data set seeds itself.

    Low where a setting that nobody can read decides whether the workers start again at all.
    """
    if start.loader is not None and start.loader.persistent is None:
        return Confidence.LOW
    if start.loader is None or start.drawn is not None:
        return Confidence.HIGH
    return Confidence.MEDIUM if start.loader.purpose is Purpose.TRAIN or start.libraries else Confidence.LOW


def _traces(project: Project, start: Start) -> Iterator[Trace]:
    if start.loader is not None:
        made = start.loader.made
        yield Trace("loader", made.scope.path, project.node(made).span, "starts its workers again in every epoch")


def _fix(project: Project, start: Start) -> FixPlan | None:
    """Every seed from `torch.initial_seed()`."""
    if start.loader is None or start.libraries - {"numpy", "python"}:
        return None
    calls = [project.node(seed) for seed in start.seeds]
    imports = ("import torch",)
    plan = Several(tuple(ReplaceExpression(call.span, f"{call.text}({FRESH_SEED})", imports) for call in calls))
    return FixPlan(Applicability.SAFE, "Seed from the number that torch gives each worker", plan)


def _seed_library(project: Project, other: Other) -> FixPlan | None:
    """A function that seeds the library in each worker, for a loader that has none."""
    line = f"{other.library}.seed({FRESH_SEED})"
    plan = seed_workers(project, other.loader.made.scope.path, other.loader, (line,), f"import {other.library}")
    return FixPlan(Applicability.SAFE, f"Seed {other.library} in every worker", plan) if plan is not None else None


rule = WorkerSeedRepeats
