"""Noise that a network keeps: drawn when it was made, used while it trains and not while it is evaluated.

Random Fourier features are kept too, and are right: an evaluation uses them as training does. Noisy layers draw theirs
again, which writes into the buffer.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from runtime_probe.modes import ProbeMode
from runtime_probe.traces import Draw

LOOKS = 4  # forwards of each phase in which the uses are looked for
MAX_BUFFERS = 64


@dataclass(eq=False)
class _Kept:
    """A buffer that holds drawn numbers, and in how many forwards of each phase it was used."""

    name: str
    draw: Draw
    tensor: weakref.ref[Tensor]
    version: int
    uses: dict[str, int] = field(default_factory=lambda: {"training": 0, "evaluation": 0})


class KeptNoise:
    """The buffers of one network. `noise_in(tensor)` is the draw that a tensor is made of."""

    def __init__(self) -> None:
        self._kept: list[_Kept] | None = None
        self._looked = {"training": 0, "evaluation": 0}

    def follow(self, module: nn.Module, phase: str, noise_in: Callable[[Tensor], Draw | None]) -> ProbeMode | None:
        """What has to be on while the network runs, in some first forwards."""
        if self._kept is None:
            self._kept = list(_kept_by(module, noise_in))
        if not self._kept or self._looked.get(phase, LOOKS) >= LOOKS:
            return None
        self._looked[phase] += 1
        return _Uses(self._kept, phase)

    def stale(self) -> Iterator[tuple[str, Draw, int]]:
        """Buffers that every training forward used as they were made, and no evaluation: name, draw, forwards."""
        trained, evaluated = self._looked["training"], self._looked["evaluation"]
        for kept in self._kept or ():
            tensor = kept.tensor()
            as_made = tensor is not None and tensor._version == kept.version
            if as_made and trained > 1 and evaluated and kept.uses == {"training": trained, "evaluation": 0}:
                yield kept.name, kept.draw, trained


class _Uses(ProbeMode):
    """Notes which of the buffers an operation is given."""

    def __init__(self, kept: list[_Kept], phase: str) -> None:
        super().__init__()
        self._unused = {id(tensor): entry for entry in kept if (tensor := entry.tensor()) is not None}
        self._phase = phase

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation; note the buffers among its arguments."""
        kwargs = kwargs or {}
        if self._unused and not torch.compiler.is_compiling() and func.__name__ != "__get__":
            for value in (*args, *kwargs.values()):
                entry = self._unused.pop(id(value), None) if isinstance(value, Tensor) else None
                if entry is not None:
                    entry.uses[self._phase] += 1
        return func(*args, **kwargs)


def _kept_by(module: nn.Module, noise_in: Callable[[Tensor], Draw | None]) -> Iterator[_Kept]:
    found = 0
    for path, part in module.named_modules():
        for name, value in (*part.named_buffers(recurse=False), *vars(part).items()):
            draw = noise_in(value) if isinstance(value, Tensor) and value.is_floating_point() else None
            if draw is not None and found < MAX_BUFFERS:
                found += 1
                yield _Kept(f"{path}.{name}".lstrip("."), draw, weakref.ref(value), value._version)
