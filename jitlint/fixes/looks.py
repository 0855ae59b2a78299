"""How the fixes of one function are proven with few looks at the changed file.

In one function a fix might hide what another brings, so a look with all of them proves little. But a look for each
costs the square of the function. So the fixes are numbered, and for each binary digit two groups are looked at: those
whose number has it, and those whose number has not. For any two fixes, some look then has the one without the other,
and a thousand fixes take twenty looks. A group that is wrong is halved until the fixes that are wrong stand alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, TypeVar

__all__ = ["Looks"]

Draft = TypeVar("Draft")
_FEW = 4  # as many looks for each alone as for groups


class Looks(Generic[Draft]):
    """The looks that some drafts of one function need. Ask for the :meth:`next` group, and :meth:`answer`."""

    def __init__(self, drafts: Iterable[Draft], lines: Callable[[Draft], tuple[int, int]]) -> None:
        """`lines` are the first and last line that a draft changes."""
        self._drafts = sorted(drafts, key=lines)
        self._wrong: set[int] = set()
        self._right: set[int] = set()  # also alone, which is all there is to know
        self._waiting = [group for layer in _layers(list(map(lines, self._drafts))) for group in _groups(layer)][::-1]

    @property
    def proven(self) -> list[Draft]:
        """The drafts that were right in all their looks."""
        return [draft for number, draft in enumerate(self._drafts) if number not in self._wrong]

    def next(self) -> list[Draft]:
        """The next drafts to be looked at together; none when all are known."""
        while self._waiting:
            self._asked = [n for n in self._waiting.pop() if n not in self._wrong and n not in self._right]
            if self._asked:
                return [self._drafts[number] for number in self._asked]
        return []

    def answer(self, is_right: bool) -> None:
        """Whether the group that was asked for last is right."""
        asked = self._asked
        if len(asked) == 1:
            (self._right if is_right else self._wrong).update(asked)
        elif not is_right:
            half = len(asked) // 2
            self._waiting += [asked[half:], asked[:half]]


def _layers(lines: Sequence[tuple[int, int]]) -> list[list[int]]:
    """The numbers of the drafts, in layers of such as share no line."""
    layers: list[list[int]] = []
    for number, (first, _) in enumerate(lines):
        free = next((layer for layer in layers if lines[layer[-1]][1] < first), None)
        if free is None:
            layers.append([number])
        else:
            free.append(number)
    return layers


def _groups(numbers: Sequence[int]) -> Iterator[list[int]]:
    if len(numbers) <= _FEW:
        yield from ([number] for number in numbers)
        return
    for digit in range((len(numbers) - 1).bit_length()):
        for wanted in (0, 1):
            yield [number for place, number in enumerate(numbers) if place >> digit & 1 == wanted]
