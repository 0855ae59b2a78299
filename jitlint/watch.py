"""`--watch`: lint again whenever a file changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from jitlint.files import File
from jitlint.survey import Stamp, stamp_of
from jitlint.terminal import say

__all__ = ["watch"]

PAUSE = 0.4  # seconds between two looks


def watch(lint: Callable[[], int], files: Callable[[], Sequence[File]], pause: float = PAUSE) -> int:
    """Lint, wait for a change, and again, until interrupted."""
    while True:
        before = _state(files())
        lint()
        say("Watching for changes; Ctrl-C ends.")
        while _state(files()) == before:
            time.sleep(pause)


def _state(files: Sequence[File]) -> dict[str, Stamp | None]:
    return {file.path: _stamp(file.path) for file in files}


def _stamp(path: str) -> Stamp | None:
    try:
        return stamp_of(path)
    except OSError:
        return None
