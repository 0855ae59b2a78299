"""Noise that is drawn for the batch that a network gets, and that never reaches it nor a loss.

A draw is mixed into a tensor, and then this very tensor, without the noise, is what the network is given. The draw is
used after all if the result turns up in a network or in something with gradients, or leaves torch.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary

if TYPE_CHECKING:
    from runtime_probe.traces import Draw

ENOUGH = 4  # forwards that got the tensor without its noise


class UnusedDraws:
    """Told of every mixture and of every use; `found()` are the draws that were made again and again for nothing."""

    def __init__(self) -> None:
        self._noisy: WeakIdKeyDictionary = WeakIdKeyDictionary()  # a tensor -> the draw that was mixed into a copy
        self._passed_by: dict[Any, dict[int, Draw]] = {}  # line -> serial -> draw
        self._used: set[int] = set()

    def mixed(self, draw: Draw, sources: Iterable[Tensor], target: Tensor) -> None:
        """A draw is combined with one of the sources into a target of its own."""
        for source in sources:
            if source is not target and source.shape == target.shape:
                self._noisy[source] = draw

    def used(self, draws: Iterable[Draw]) -> None:
        """These draws have reached a network, a loss or something outside of torch."""
        self._used.update(draw.serial for draw in draws)

    def given(self, tensor: Tensor, draws: Iterable[Draw]) -> None:
        """A network is given a tensor that contains these draws."""
        draw = self._noisy.get(tensor)
        if draw is not None and all(draw.serial != other.serial for other in draws):
            self._passed_by.setdefault((draw.operation, draw.site), {})[draw.serial] = draw

    def found(self) -> list[tuple[Draw, int]]:
        """The draws that passed a network by, one for each line, and how often."""
        return [
            (next(iter(passed.values())), len(passed))
            for passed in self._passed_by.values()
            if len(passed) >= ENOUGH and not any(serial in self._used for serial in passed)
        ]
