"""Run commands and say what they cost: CPU and wall time, and the memory of the largest process."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# As an installed program runs: its compiled modules are kept from the first run on.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@dataclass(frozen=True)
class Cost:
    """What one run of a command took. `cpu` counts user and system time of the whole process tree."""

    cpu: float
    wall: float
    peak_mib: float

    @classmethod
    def median(cls, costs: Sequence[Cost]) -> Cost:
        return cls(
            statistics.median(cost.cpu for cost in costs),
            statistics.median(cost.wall for cost in costs),
            statistics.median(cost.peak_mib for cost in costs),
        )


@dataclass(frozen=True)
class Command:
    """A command to measure; `allowed` are the exit codes of a run that did its work."""

    argv: tuple[str, ...]
    cwd: Path
    allowed: frozenset[int] = frozenset({0, 1})

    def run(self) -> Cost:
        """Run once.

        `os.wait4` adds up the time of all descendants that were waited for and gives the peak memory of the
        largest of them. A new process starts with the peak of the one that forked it, so this module must
        stay small: nothing is imported or held here that a measured command could inherit.
        """
        start = time.perf_counter()
        null = subprocess.DEVNULL
        process = subprocess.Popen(self.argv, cwd=self.cwd, env=ENVIRONMENT, stdin=null, stdout=null, stderr=null)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in self.allowed:
            raise RuntimeError(f"exit code {process.returncode}: {' '.join(self.argv)}")
        return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)


def interleaved(commands: Mapping[str, Command], runs: int) -> dict[str, Cost]:
    """Median cost of each command over `runs` rounds; every round runs all commands, each in a new order."""
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    names = list(commands)
    for round_number in range(runs):
        shift = round_number % max(len(names), 1)
        for name in names[shift:] + names[:shift]:
            costs[name].append(commands[name].run())
    return {name: Cost.median(series) for name, series in costs.items()}
