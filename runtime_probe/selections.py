"""Random places that are drawn once, and at which every sample is looked at: rays of a picture, points of a scene.

Told from a split, and from sensors that stay where they are, by what is picked with one drawn index: something that is
the same each time, the places, and something else each time, the values at them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary

if TYPE_CHECKING:
    from runtime_probe.traces import Draw

FORWARDS = 4  # for which one index served
FEWEST = 8  # entries of an index
MOST = 4096  # different tensors that are picked from


@dataclass(eq=False)
class _Selection:
    """An index that was drawn: what was picked with it (by its address), before which forwards."""

    draw: Draw
    sources: dict[int, set[int]] = field(default_factory=dict)
    used: set[int] = field(default_factory=set)

    @property
    def is_of_places(self) -> bool:
        """Whether it picks places, which stay the same, and values at them, which do not."""
        forwards = set[int]().union(*self.sources.values())
        each_time = [len(own) >= 0.9 * len(forwards) for own in self.sources.values()]
        seldom = [2 * len(own) <= len(forwards) for own in self.sources.values()]
        return len(forwards) >= FORWARDS and any(each_time) and sum(seldom) > 1


class Selections:
    """Told of what is picked with drawn indices, and of what the networks are given."""

    def __init__(self) -> None:
        self._selections: WeakIdKeyDictionary = WeakIdKeyDictionary()
        self._by_draw: dict[int, _Selection] = {}

    def picked(self, index: Tensor, source: Tensor, draw: Draw, forward: int) -> None:
        """Entries of `source` are picked with an index that was drawn, before a forward."""
        if source.requires_grad or index.numel() < FEWEST or not source.is_floating_point():
            return
        selection = self._selections.get(index)
        if selection is None:
            selection = self._selections[index] = self._by_draw[draw.serial] = _Selection(draw)
        if len(selection.sources) < MOST:
            selection.sources.setdefault(source.data_ptr(), set()).add(forward)

    def given(self, draws: Iterable[Draw], forward: int) -> None:
        """A network is given a tensor that contains these draws."""
        for draw in draws:
            if draw.serial in self._by_draw:
                self._by_draw[draw.serial].used.add(forward)

    def found(self) -> Iterator[tuple[Draw, int]]:
        """The draws of places that served for all that the networks are given, and for how many forwards."""
        for selection in self._by_draw.values():
            if len(selection.used) >= FORWARDS and selection.is_of_places:
                yield selection.draw, len(selection.used)
