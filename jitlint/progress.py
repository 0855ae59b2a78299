"""A progress bar for long runs on a terminal."""

from __future__ import annotations

import sys
import time
from typing import Any

__all__ = ["Progress"]

PATIENCE = 1.0  # seconds before the bar appears; most runs are over by then


class Progress:
    """Called with how much is done and how much there is. Draws without a thread, for processes are forked."""

    def __init__(self, *, is_wanted: bool) -> None:
        self.is_wanted = is_wanted
        self.started = time.monotonic()
        self.bar: Any = None
        self.task: Any = None

    def __call__(self, done: int, total: int) -> None:
        """Show that `done` of `total` are done."""
        if not self.is_wanted or (self.bar is None and time.monotonic() - self.started < PATIENCE):
            return
        if self.bar is None:
            self._begin()
        self.bar.update(self.task, completed=done, total=total)
        self.bar.refresh()

    def _begin(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        columns = (TextColumn("linting"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn())
        self.bar = Bar(*columns, console=Console(file=sys.stderr), transient=True, auto_refresh=False)
        self.task = self.bar.add_task("linting")
        self.bar.start()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        if self.bar is not None:
            self.bar.stop()
