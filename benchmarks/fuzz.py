"""Lint what no one would write, count what goes wrong, and keep what does.

    python benchmarks/fuzz.py DIR [DIR ...] [--inputs 20000] [--seed 1] [--keep FOLDER]

Inputs are mutated lines, tokens and trees of the training files in the folders, splices of the rules' own cases,
generated programs, broken notebooks and broken bytes, in turn. Each is linted alone, in memory and with every rule
on; each twentieth batch is also linted as a tree, with one process and with two, without a cache, with an empty and
with a full one, which must all find the same. An internal error, an input that takes longer than 5 seconds of CPU
time, and a difference are printed and, with `--keep`, written down; the exit status is 1 if there was any. The files
are read, never run. The same seed and folders give the same inputs. Ctrl-C ends it with what was counted so far.
"""

from __future__ import annotations

import argparse
import platform
import random
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from fuzz_inputs import KINDS, Input, Material, inputs, material_of

import jitlint.engine
from jitlint.cache import Cache, open_cache
from jitlint.config import Settings
from jitlint.diagnostic import Confidence, Diagnostic
from jitlint.engine import Report, Run, lint
from jitlint.files import File
from jitlint.workers import Workers

LIMIT = 5.0  # seconds of CPU time for one input
BATCH = 50
COMPARED = 20  # of so many batches, one is also linted as a tree in four ways
_WHERE = re.compile(r"\((\w+\.py:\d+)\)")


class TooSlow(BaseException):
    """Not an `Exception`: what is interrupted must not take it for an error of the input."""


@dataclass
class Counts:
    """What happened."""

    inputs: Counter[str] = field(default_factory=Counter)
    findings: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    slow: Counter[str] = field(default_factory=Counter)
    different: int = 0
    compared: int = 0
    longest: float = 0.0

    @property
    def is_clean(self) -> bool:
        return not self.errors and not self.slow and not self.different


class Fuzzer:
    """One run over many inputs."""

    def __init__(self, keep: Path | None, cwd: Path) -> None:
        self.keep = keep
        self.cwd = str(cwd)
        self.counts = Counts()
        self.settings = Settings(select=("ALL",), confidence=Confidence.LOW, root=cwd)

    def run(self, given: Iterable[Input]) -> None:
        batch: list[Input] = []
        for number, item in enumerate(given, start=1):
            if self._alone(item):
                batch.append(item)
            if number % BATCH == 0:
                if number // BATCH % COMPARED == 1:
                    self._as_a_tree(batch)
                batch.clear()
            if number % 1000 == 0:
                self._say(f"{number:,} inputs, {self.counts.errors.total()} errors, {self.counts.slow.total()} slow")

    # --------------------------------------------------------------------------------------- one input

    def _alone(self, item: Input) -> bool:
        """Lint one input; whether that went well and took no long time, so that it can be part of a tree."""
        path = f"{self.cwd}/{item.name}"
        run = Run(self.settings, Cache(), Workers(1), self.cwd, {path: item.data})
        start = time.process_time()
        signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT)
        try:
            report = lint([File(item.name, path, True)], run)
        except TooSlow:
            self._count(self.counts.slow, "slow", item, item.kind)
        except Exception as error:
            self._count(self.counts.errors, "error", item, f"{type(error).__name__} ended the run")
        else:
            if self._is_well(item, report):
                return time.process_time() - start < LIMIT / 10
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            self.counts.inputs[item.kind] += 1
            self.counts.longest = max(self.counts.longest, time.process_time() - start)
        return False

    def _is_well(self, item: Input, report: Report) -> bool:
        self.counts.findings.update(found.code for found in report.diagnostics)
        for problem in report.problems:
            where = _WHERE.search(problem)
            self._count(self.counts.errors, "error", item, where[1] if where else problem[:80])
        return not report.problems

    def _count(self, counter: Counter[str], what: str, item: Input, where: str) -> None:
        counter[where] += 1
        self._say(f"{what}: {where} ({item.kind}, {len(item.data)} bytes)")
        if self.keep and counter[where] <= 3:
            self.keep.mkdir(parents=True, exist_ok=True)
            name = re.sub(r"\W+", "_", where)
            (self.keep / f"{what}_{name}_{counter[where]}{Path(item.name).suffix}").write_bytes(item.data)

    # ------------------------------------------------------------------------------------------ a tree

    def _as_a_tree(self, batch: Sequence[Input]) -> None:
        """The same findings whatever the number of processes, and with and without a cache."""
        with tempfile.TemporaryDirectory(dir=self.cwd) as folder:
            files = []
            for number, item in enumerate(batch):
                path = Path(folder) / f"d{number % 5}" / f"{number}_{item.name}"
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(item.data)
                files.append(File(str(path.relative_to(self.cwd)), str(path), True))
            found = [
                self._findings(files, jobs, cache) for jobs in (1, 2) for cache in (Cache(), *self._caches(folder))
            ]
        self.counts.compared += len(batch)
        if any(other != found[0] for other in found):
            self.counts.different += 1
            self._say(f"different: a batch with {sorted({item.kind for item in batch})}")

    def _caches(self, folder: str) -> Iterator[Cache]:
        """Empty, then full."""
        yield open_cache(self.settings, Path(folder))
        yield open_cache(self.settings, Path(folder))

    def _findings(self, files: Sequence[File], jobs: int, cache: Cache) -> tuple[Diagnostic, ...]:
        with Workers(jobs) as workers:
            run = Run(self.settings, cache, workers, self.cwd)
            found = lint(sorted(files), run)
        cache.save()
        return found.diagnostics

    def _say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)


def stop(*_: object) -> None:
    raise TooSlow


def prepare() -> None:
    """Interrupt what takes too long, and let small trees use processes too."""
    signal.signal(signal.SIGVTALRM, stop)
    for number in (signal.SIGINT, signal.SIGTERM):  # in the background of a shell, the first is ignored
        signal.signal(number, signal.default_int_handler)
    jitlint.engine._WORTH_LOOKING = jitlint.engine._WORTH_MODELLING = 0


def report(counts: Counts, material: Material, seconds: float) -> str:
    text = (
        f"Python {platform.python_version()}; {len(material.files):,} files and {len(material.cases):,} cases of rules "
    )
    text += f"to begin with; {counts.inputs.total():,} inputs in {seconds:,.0f} s of CPU time.\n\n"
    text += "| | inputs |\n|---|--:|\n"
    text += "".join(f"| {kind} | {counts.inputs[kind]:,} |\n" for kind in KINDS)
    text += "\n| | to reach | measured | |\n|---|--:|--:|---|\n"
    for what, number in (
        ("internal errors", counts.errors.total()),
        (f"inputs that take over {LIMIT:.0f} s", counts.slow.total()),
        ("batches linted as a tree that differ by processes or cache", counts.different),
    ):
        text += f"| {what} | 0 | {number} | {'**missed**' if number else 'ok'} |\n"
    text += f"\n{counts.compared:,} inputs were linted as trees. The longest input took {counts.longest:.2f} s. "
    text += f"Findings: {', '.join(f'{code} {number:,}' for code, number in sorted(counts.findings.items()))}.\n"
    for title, counter in (("Errors", counts.errors), ("Slow", counts.slow)):
        if counter:
            text += f"\n{title}: {', '.join(f'{where} {number}' for where, number in counter.most_common())}.\n"
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR", help="folders with training files")
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--but", nargs="+", default=[], choices=KINDS, metavar="KIND", help="leave out these kinds")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="write down the inputs that fail")
    options = parser.parse_args()
    prepare()
    rng = random.Random(options.seed)
    material = material_of(options.folders, rng)
    start = time.process_time()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        fuzzer = Fuzzer(options.keep, Path(folder))
        with suppress(KeyboardInterrupt):  # stopped: what was counted is told
            fuzzer.run(inputs(material, rng, options.inputs, options.but))
    print(report(fuzzer.counts, material, time.process_time() - start), end="")
    sys.exit(not fuzzer.counts.is_clean)


if __name__ == "__main__":
    main()
