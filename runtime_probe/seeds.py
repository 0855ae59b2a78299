"""Who seeds the global streams, where, and with what: read by the advice, and judged where nothing else is seen."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from runtime_probe.generators import STREAMS
from runtime_probe.replaced import Around, Replaced
from runtime_probe.sites import Site, user_frames

MAX_SEEDS = 4096  # different seeds that are kept


@dataclass(eq=False)
class Seeding:
    """One line that seeds one stream with one number: how often, and how often numbers had been drawn since the last.

    `batches` counts the batches of training before which it happened, `ends` the states that it put an end to.
    """

    function: str
    stream: str
    seed: int
    site: Site
    caller: Site | None
    times: int = 0
    after_draws: int = 0
    batches: int = 0
    last_batch: int = -1

    def __str__(self) -> str:
        called = "" if self.caller is None else f", called from {self.caller}"
        return f"`{self.function}({self.seed})` at {self.site} in {self.site.function}{called}; {self.times} times"


class SeedLog:
    """Records calls of the global seeding functions between `install` and `remove`.

    `batch()` is the number of the batch of training that runs.
    """

    def __init__(self, batch: Callable[[], int]) -> None:
        self._batch = batch
        self._seedings: dict[tuple[str, int, Site], Seeding] = {}
        self._fresh: dict[str, int] = {}  # the state of a stream right after it was seeded
        self._replaced = Replaced()
        self.on = False

    def install(self) -> None:
        """Stand for `random.seed`, `numpy.random.seed` and `torch.manual_seed`."""
        self.on = True
        numpy = sys.modules.get("numpy")
        owners = [(random, "seed", "random"), (torch, "manual_seed", "torch"), (torch.random, "manual_seed", "torch")]
        for owner, name, stream in owners + ([(numpy.random, "seed", "numpy.random")] if numpy is not None else []):
            title = f"{owner.__name__}.{name}".replace("torch.random.", "torch.")
            self._replaced.replace(owner, name, self._around(title, stream))

    def remove(self) -> None:
        """Put the functions back."""
        self.on = False
        self._replaced.restore()

    @property
    def seedings(self) -> list[Seeding]:
        """What was seen, the most frequent first."""
        return sorted(self._seedings.values(), key=lambda seeding: -seeding.times)

    def repeated(self, stream: str) -> Seeding | None:
        """The line that seeded a stream most often with one number, if it did so twice."""
        found = (seeding for seeding in self.seedings if seeding.stream == stream and seeding.times > 1)
        return next(found, None)

    def _around(self, title: str, stream: str) -> Around:
        def around(original: Callable[..., Any]) -> Callable[..., Any]:
            def seeding(*args: Any, **kwargs: Any) -> Any:
                seed = args[0] if args else next(iter(kwargs.values()), None)
                known = self.on and hasattr(seed, "__index__")
                drawn = known and self._fresh.get(stream) not in (None, STREAMS[stream]())
                result = original(*args, **kwargs)
                if known:
                    self._record(title, stream, int(seed), drawn)  # type: ignore[arg-type]
                return result

            return seeding

        return around

    def _record(self, function: str, stream: str, seed: int, drawn: bool) -> None:
        self._fresh[stream] = STREAMS[stream]()
        sites = list(user_frames(sys._getframe(2)))[:2]
        site, caller = (*sites, None, None)[:2]
        if site is None or len(self._seedings) >= MAX_SEEDS:
            return
        key = (function, seed, site)
        entry = self._seedings.setdefault(key, Seeding(function, stream, seed, site, caller))
        entry.times += 1
        entry.after_draws += drawn
        batch = self._batch()
        entry.batches += batch != entry.last_batch
        entry.last_batch = batch
