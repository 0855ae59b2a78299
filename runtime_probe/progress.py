"""What is known so far, in one line, while a program trains: now and then, and on a terminal only."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

from runtime_probe.findings import Judged

FIRST = 4.0  # seconds from the first batch to the first line; each further one takes twice as long
SLOWEST = 300.0
SHARE = 500  # times as long as judging took, at least, until it is done again: 0.2 % of the training


class Progress:
    """Writes `line(judge())` to a stream; `clock` is in seconds. A fault ends it, never the program."""

    def __init__(
        self,
        judge: Callable[[], Judged],
        line: Callable[[Judged], str],
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._judge, self._line, self._clock = judge, line, clock
        self._stream = stream if stream is not None else sys.stderr
        self._pause = FIRST
        self._due: float | None = None  # imports and data before the first batch do not count
        self._said = ""

    def tick(self) -> None:
        """A batch begins."""
        if self._due is None:
            self._due = self._clock() + FIRST
        elif self._clock() >= self._due:
            self._write()

    def _write(self) -> None:
        started = self._clock()
        try:
            said = self._line(self._judge())
            if said != self._said:
                print(f"runtime_probe: {said}", file=self._stream, flush=True)
            self._said = said
            self._pause = min(2 * self._pause, SLOWEST)
            took = self._clock() - started
            self._due = started + max(self._pause, SHARE * took)
        except Exception:
            self._due = float("inf")
