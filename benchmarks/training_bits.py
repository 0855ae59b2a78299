"""A digest of a training: the bits of all parameters and the states of the generators after every optimizer step."""

from __future__ import annotations

import hashlib
import random
import resource
from typing import Any


def cpu_seconds() -> float:
    """CPU time of this process and of its finished workers."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(usage.ru_utime + usage.ru_stime for usage in map(resource.getrusage, kinds))


class Bits:
    """The digest over all steps of all optimizers, and the CPU time since its making without that of the digest."""

    def __init__(self, steps: int | None = None) -> None:
        self.hasher = hashlib.blake2b(digest_size=12)
        self.limit = steps  # the program ends with the last of them; None: it ends by itself
        self.steps = 0
        self.start = cpu_seconds()
        self._own = 0.0

    def watch(self) -> None:
        """From now on, add what every step of every optimizer leaves."""
        from torch.optim.optimizer import register_optimizer_step_post_hook

        register_optimizer_step_post_hook(self._stepped)

    def result(self) -> dict[str, Any]:
        seconds = cpu_seconds() - self.start - self._own
        return {"bits": self.hasher.hexdigest(), "steps": self.steps, "seconds": seconds}

    def _stepped(self, optimizer: Any, *_: Any) -> None:
        import numpy as np
        import torch

        start = cpu_seconds()
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                self.hasher.update(parameter.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
        self.hasher.update(torch.get_rng_state().numpy().tobytes())
        state: Any = np.random.get_state()
        self.hasher.update(state[1].tobytes() + repr(state[2:]).encode())
        self.hasher.update(repr(random.getstate()).encode())
        self.steps += 1
        self._own += cpu_seconds() - start
        if self.steps == self.limit:
            raise SystemExit(0)
