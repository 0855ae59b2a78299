"""What was seen, batch by batch: the only thing a verdict is made from.

A `History` is fed one batch at a time and keeps bounded memory for runs of any length: the first and the
last batches, and exact counters for everything between. `History.timeline()` freezes it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

HEAD = 1024  # batches kept from the start, enough to see any period up to this
TAIL = 512  # batches kept from the end
REMEMBERED = 32_768  # distinct values remembered exactly, to recognise one that comes back


@dataclass(frozen=True)
class Batch:
    """One batch: its 0-based epoch and number, and one fingerprint of all coordinates used in it."""

    epoch: int
    index: int
    value: int
    seen_before: bool = False


@dataclass(frozen=True)
class Counters:
    """Exact totals over the whole run, however long.

    `long_epochs` have two batches or more; `constant_epochs` are those of them in which nothing changed;
    `replayed_epochs` repeated the first epoch from its start. `recurring` counts the distinct values that
    came back. `run_length` is the number of equal batches in a row when it never varied, else 0; `runs` is how many
    such stretches there were, of whatever length.
    """

    batches: int = 0
    epochs: int = 0
    long_epochs: int = 0
    constant_epochs: int = 0
    replayed_epochs: int = 0
    repeated_batches: int = 0
    recurring: int = 0
    all_equal: bool = True
    run_length: int = 0
    runs: int = 0
    first_epoch_length: int = 0


@dataclass(frozen=True)
class Timeline:
    """A frozen history: the first and last batches, the totals, and whether epoch borders were seen.

    `optimizers` is the number of optimizers whose steps were taken for borders of batches.
    """

    head: tuple[Batch, ...]
    tail: tuple[Batch, ...]
    counters: Counters
    epochs_known: bool = True
    optimizers: int = 1

    @classmethod
    def of(cls, values: Iterable[tuple[Hashable, int]], epochs_known: bool = True) -> Timeline:
        """The timeline of (epoch, fingerprint) pairs, one a batch."""
        history = History(epochs_known)
        for epoch, value in values:
            history.add(epoch, value)
        return history.timeline()


@dataclass
class _Epoch:
    """The epoch that is being seen."""

    key: Hashable
    length: int = 0
    first: int = 0
    constant: bool = True
    replays: bool = True


@dataclass
class History:
    """Collects batches; memory is bounded by HEAD + TAIL + REMEMBERED values."""

    epochs_known: bool = True
    _head: list[Batch] = field(default_factory=list)
    _tail: deque[Batch] = field(default_factory=lambda: deque(maxlen=TAIL))
    _remembered: dict[int, bool] = field(default_factory=dict)  # value -> came back
    _epoch: _Epoch | None = None
    _closed: list[int] = field(default_factory=lambda: [0, 0, 0])  # long, constant, replayed
    _epochs: int = 0
    _batches: int = 0
    _repeated: int = 0
    _recurring: int = 0
    _first: int = 0
    _last: int = 0
    _all_equal: bool = True
    _run: int = 0
    _runs: int = 1
    _run_length: int = -1  # -1: no run is complete yet; 0: runs differ
    _first_epoch_length: int = 0

    def add(self, epoch: Hashable, value: int) -> Batch:
        """Append one batch with its fingerprint; `epoch` is any key that changes from epoch to epoch."""
        if self._epoch is None or self._epoch.key != epoch:
            self._begin_epoch(epoch)
        batch = Batch(self._epochs - 1, self._batches, value, self._remember(value))
        self._follow_runs(value)
        self._follow_epoch(batch)
        self._batches += 1
        if len(self._head) < HEAD:
            self._head.append(batch)
        else:
            self._tail.append(batch)
        return batch

    def timeline(self) -> Timeline:
        """Freeze what was seen so far."""
        long, constant, replayed = (
            closed + current for closed, current in zip(self._closed, self._current(), strict=True)
        )
        counters = Counters(
            batches=self._batches,
            epochs=self._epochs,
            long_epochs=long,
            constant_epochs=constant,
            replayed_epochs=replayed,
            repeated_batches=self._repeated,
            recurring=self._recurring,
            all_equal=self._all_equal,
            run_length=max(self._run_length, 0) if self._run <= self._run_length else 0,
            runs=self._runs,
            first_epoch_length=self._first_epoch_length,
        )
        return Timeline(tuple(self._head), tuple(self._tail), counters, self.epochs_known)

    def _begin_epoch(self, key: Hashable) -> None:
        self._closed = [a + b for a, b in zip(self._closed, self._current(), strict=True)]
        self._epoch = _Epoch(key, replays=self._epochs > 0)
        self._epochs += 1

    def _current(self) -> tuple[int, int, int]:
        epoch = self._epoch
        if epoch is None:
            return 0, 0, 0
        long = epoch.length > 1
        return int(long), int(long and epoch.constant), int(epoch.replays and epoch.length > 0)

    def _remember(self, value: int) -> bool:
        if value in self._remembered:
            self._repeated += 1
            self._recurring += not self._remembered[value]
            self._remembered[value] = True
            return True
        if len(self._remembered) < REMEMBERED:
            self._remembered[value] = False
        return False

    def _follow_runs(self, value: int) -> None:
        if self._batches == 0:
            self._first = value
        elif value == self._last:
            self._run += 1
        else:
            self._run_length = self._run if self._run_length in (-1, self._run) else 0
            self._run = 0
            self._runs += 1
        self._all_equal = self._all_equal and value == self._first
        self._run = max(self._run, 1)
        self._last = value

    def _follow_epoch(self, batch: Batch) -> None:
        epoch, value = self._epoch, batch.value
        assert epoch is not None
        if epoch.length == 0:
            epoch.first = value
        epoch.constant = epoch.constant and value == epoch.first
        position = epoch.length
        if position < len(self._head):
            first = self._head[position]
            epoch.replays = epoch.replays and first.epoch == 0 and first.value == value
        else:  # beyond what is kept of the first epoch, coming back is enough
            epoch.replays = epoch.replays and batch.seen_before
        epoch.length += 1
        if self._epochs == 1:
            self._first_epoch_length = epoch.length
