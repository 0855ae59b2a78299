"""The mend that rules on workers share: a `worker_init_fn` that starts from `torch.initial_seed()`.

In a worker this is the loader's base seed, which torch draws anew for every epoch, plus the worker's number
(torch/utils/data/_utils/worker.py, `_worker_loop`).
"""

from __future__ import annotations

from jitlint.diagnostic import AddArgument, InsertFunction, Plan, Several
from jitlint.libraries.loading import LOADERS
from jitlint.semantics.loading import Loader
from jitlint.semantics.project import Project

FRESH_SEED = "torch.initial_seed() % 2**32"


def seed_workers(project: Project, path: str, loader: Loader, lines: tuple[str, ...], *imports: str) -> Plan | None:
    """The function with these lines above its first use, for a loader of a library in the file that has none yet."""
    made = project.node(loader.made)
    if loader.worker_init or loader.made.scope.path != path or made.name not in LOADERS:
        return None
    text = "\n".join(("def seed_worker(worker_id):", *(f"    {line}" for line in lines)))
    function = InsertFunction(f"{text}\n", (*imports, "import torch"), made.span)
    return Several((function, AddArgument(made.span, "worker_init_fn", "seed_worker")))
