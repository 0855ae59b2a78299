"""Environments of gymnasium whose episodes all begin in one state, because every reset is given the same seed."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from runtime_probe.replaced import Replaced
from runtime_probe.sites import Site, user_frames

EPISODES = 4  # that begin alike, at different times of the training
MOST = 64  # kinds of environments, and observations of one
LOOKS = 512  # forwards of training in which first observations are looked for
NUMBERS = 4096  # of an observation


@dataclass(eq=False)
class Episodes:
    """The episodes of one kind of environment: how many began with each seed and observation, at how many steps."""

    name: str
    resets: int = 0
    starts: Counter[tuple[int, bytes]] = field(default_factory=Counter)
    steps: dict[tuple[int, bytes], set[int]] = field(default_factory=dict)
    first: dict[tuple[int, bytes], Tensor] = field(default_factory=dict)
    trained: set[tuple[int, bytes]] = field(default_factory=set)  # are among what a network is trained on
    site: Site | None = None


@dataclass(frozen=True)
class OneStart:
    """`times` of `resets` episodes began with the same observation, which the networks are trained on."""

    name: str
    seed: int
    times: int
    resets: int
    site: Site | None


class Environments:
    """Stands around `reset` from `install`, once gymnasium is imported; `steps()` are those of the optimizers."""

    def __init__(self, steps: Callable[[], int]) -> None:
        self._steps = steps
        self._kinds: dict[type, Episodes] = {}
        self._replaced = Replaced()
        self._looks = 0

    def install_when_imported(self) -> None:
        """Stand around the base class, which shows the classes of environments as they are reset."""
        gymnasium = sys.modules.get("gymnasium")
        if not self._replaced and hasattr(gymnasium, "Env"):
            self._replaced.replace(gymnasium.Env, "reset", self._around_base)  # type: ignore[union-attr]

    def remove(self) -> None:
        """Put everything back."""
        self._replaced.restore()

    def given(self, tensor: Tensor) -> None:
        """A network that trains is given a tensor: first observations among its rows are trained on."""
        if not self._kinds or self._looks >= LOOKS or tensor.ndim < 2:
            return
        self._looks += 1
        rows = tensor.detach().reshape(len(tensor), -1)
        for episodes in self._kinds.values():
            for start, first in episodes.first.items():
                fits = start not in episodes.trained and first.numel() == rows.shape[1]
                if fits and bool((rows == first.to(rows)).all(1).any()):
                    episodes.trained.add(start)

    def found(self) -> Iterator[OneStart]:
        """The kinds of environments whose episodes begin in one state."""
        for episodes in self._kinds.values():
            for start, times in episodes.starts.most_common(1):
                often = times >= EPISODES and 10 * times >= 9 * episodes.resets
                if often and len(episodes.steps[start]) >= EPISODES and start in episodes.trained:
                    yield OneStart(episodes.name, start[0], times, episodes.resets, episodes.site)

    def _around_base(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def reset(env: Any, *args: Any, **kwargs: Any) -> Any:
            kind = type(env)
            if kind not in self._kinds and len(self._kinds) < MOST and "reset" in vars(kind):
                self._kinds[kind] = Episodes(kind.__name__)
                self._replaced.replace(kind, "reset", self._around)
            return original(env, *args, **kwargs)

        return reset

    def _around(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def reset(env: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(env, *args, **kwargs)
            with suppress(Exception):  # the program's environment has been reset
                self._record(env, kwargs.get("seed"), result[0])
            return result

        return reset

    def _record(self, env: Any, seed: object, observation: Any) -> None:
        episodes = self._kinds[type(env)]
        episodes.resets += 1
        if not hasattr(seed, "__index__") or not _drew(env, int(seed)):
            return
        first = torch.as_tensor(observation).reshape(-1)[:NUMBERS].clone()
        start = (int(seed), first.double().numpy().tobytes())
        if start in episodes.first or len(episodes.first) < MOST:
            episodes.first.setdefault(start, first)
            episodes.starts[start] += 1
            episodes.steps.setdefault(start, set()).add(self._steps())
        frames = (site for site in user_frames(sys._getframe(2)) if site.function != "reset")
        episodes.site = episodes.site or next(frames, None)


def _drew(env: Any, seed: int) -> bool:
    """Whether the environment drew from its generator since it was seeded: where it begins is drawn."""
    numpy = sys.modules["numpy"]
    fresh = numpy.random.PCG64(numpy.random.SeedSequence(seed)).state
    return bool(env.np_random.bit_generator.state != fresh)
