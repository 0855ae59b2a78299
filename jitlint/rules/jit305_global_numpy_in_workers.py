"""JIT305 global-numpy-in-workers."""

from __future__ import annotations

from collections.abc import Iterator

from jitlint.diagnostic import Candidate, Confidence, Trace
from jitlint.libraries.generators import NUMPY_SEEDED_SINCE
from jitlint.rules.base import Rule
from jitlint.semantics.project import Project
from jitlint.semantics.unseeded_numpy import Unseeded, unseeded_numpy_of


class GlobalNumpyInWorkers(Rule):
    """With a torch before 1.9, numpy draws the same numbers in every worker of a loader.

    What it finds:
        `np.random` in `__getitem__`, or in what it calls, of a data set whose loader has worker processes and no
        `worker_init_fn` that seeds numpy, in a project whose requirements name a torch before 1.9
        (`requirements.txt`, `pyproject.toml`, `setup.py`, `setup.cfg`, `environment.yml`, or else the README).

    Why it matters:
        Before 1.9, torch seeds itself and `random` in its workers, but not numpy, whose state each worker copies
        from the main process: four workers crop four different pictures at the same place, and every epoch does
        so again. Since 1.9 numpy is seeded too.

    Example:
        class Crops(Dataset):
            def __getitem__(self, i):
                left = np.random.randint(32)
                return self.images[i][:, left:left + 224]
        loader = DataLoader(Crops(images), num_workers=4)

    Use instead:
        def seed_numpy(worker):
            np.random.seed(torch.initial_seed() % 2**32)
        loader = DataLoader(Crops(images), num_workers=4, worker_init_fn=seed_numpy)

    Fix:
        None. Requiring `torch>=1.9` mends it as well.

    Known limits:
        Nothing is said where no file names a version, or where a loader that cannot be followed seeds its workers.
        A project that allows both old and new versions, or whose README alone names one, is reported with medium
        confidence.
    """

    code = "JIT305"
    name = "global-numpy-in-workers"

    VALID = (
        """
import numpy as np
from torch.utils.data import DataLoader, Dataset
class Crops(Dataset):
    def __getitem__(self, i):
        left = np.random.randint(32)
        return self.images[i][:, left:left + 224]
loader = DataLoader(Crops(), num_workers=4)
# file: requirements.txt
torch>=1.9
""",
        """
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset
class Crops(Dataset):
    def __getitem__(self, i):
        left = np.random.randint(32)
        return self.images[i][:, left:left + 224]
loader = DataLoader(Crops(), num_workers=4, worker_init_fn=lambda _: np.random.seed(torch.initial_seed() % 2**32))
# file: requirements.txt
torch==1.6.0
""",
        """
import random
from torch.utils.data import DataLoader, Dataset
class Crops(Dataset):
    def __getitem__(self, i):
        left = random.randint(0, 31)
        return self.images[i][:, left:left + 224]
loader = DataLoader(Crops(), num_workers=4)
# file: requirements.txt
torch==1.6.0
""",
    )
    INVALID = (
        """
import numpy as np
from torch.utils.data import DataLoader, Dataset
class Crops(Dataset):
    def __getitem__(self, i):
        left = np.random.randint(32)
        return self.images[i][:, left:left + 224]
loader = DataLoader(Crops(), num_workers=4)
# file: requirements.txt
numpy
torch==1.6.0
""",
    )

    def check(self, project: Project) -> Iterator[Candidate]:
        """One candidate a data set."""
        for item in unseeded_numpy_of(project).found:
            version = ".".join(map(str, item.allowed.least or ()))
            message = (
                f"all workers draw the same numbers with torch {version}, which {item.allowed.file} allows: "
                "before 1.9 numpy is not seeded in workers"
            )
            span, traces = project.node(item.draw).span, tuple(_traces(project, item))
            yield Candidate(self.code, item.draw.scope.path, span, message, _confidence(item), traces)


def _traces(project: Project, item: Unseeded) -> Iterator[Trace]:
    if item.loader is not None:
        made = item.loader.made
        yield Trace("loader", made.scope.path, project.node(made).span, "the loader with these workers")


def _confidence(item: Unseeded) -> Confidence:
    """High if no version that is allowed seeds numpy, and the loader has workers."""
    below = item.allowed.below
    pinned = below is not None and below <= NUMPY_SEEDED_SINCE
    certain = pinned and not item.allowed.is_prose and item.loader is not None and item.loader.workers
    return Confidence.HIGH if certain else Confidence.MEDIUM


rule = GlobalNumpyInWorkers
