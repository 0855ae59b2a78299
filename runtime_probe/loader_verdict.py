"""From the traces of a loader's samples to a verdict: pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from runtime_probe.findings import Finding
from runtime_probe.traced_dataset import Trace
from runtime_probe.verdict import Flag, Verdict, is_violation


@dataclass(frozen=True)
class Sample:
    """An audited sample and the epoch (from 0) it was made in."""

    epoch: int
    trace: Trace


@dataclass(frozen=True)
class LoaderReport:
    """The verdict on a loader. FRESH: the same sample differs from epoch to epoch. CYCLING: randomness is drawn,
    but epochs repeat it. FROZEN: no randomness at all. INCONCLUSIVE: less than two epochs of one sample.

    `same_across_workers` and `same_every_epoch` are the two columns of the truth table; None when unknown. `draws`
    are the generators that samples were drawn from and the seeds set on the way; `seeded_by_index` says that each
    sample has a seed of its own, as synthetic data sets do.
    """

    verdict: Verdict
    flags: frozenset[Flag]
    findings: tuple[Finding, ...]
    same_across_workers: bool | None
    same_every_epoch: bool | None
    epochs: int
    samples: int
    name: str = "the loader"
    draws: tuple[str, ...] = ()
    seeded_by_index: bool = False

    @property
    def violations(self) -> tuple[Finding, ...]:
        """The findings that are stale, absent, repeated or misplaced randomness."""
        return tuple(finding for finding in self.findings if finding.family is not None)

    def __str__(self) -> str:
        words = " + ".join([self.verdict.value, *sorted(flag.value for flag in self.flags)])
        lines = [f"runtime_probe: loader {words} ({self.samples} samples compared, {self.epochs} epochs)"]
        answer = {True: "yes", False: "no", None: "unknown"}
        lines.append(f"  same across workers: {answer[self.same_across_workers]}")
        lines.append(f"  same every epoch: {answer[self.same_every_epoch]}")
        return "\n".join([*lines, *(finding.message for finding in self.findings)])


def classify_loader(
    audits: Sequence[Sample],
    contents: Mapping[int, Sequence[str]],
    epochs: int,
    num_workers: int,
    evaluation: bool,
    name: str = "the loader",
) -> LoaderReport:
    """The verdict from audited samples and from the contents of each sample (by index) in each epoch."""
    compared = {index: values for index, values in contents.items() if len(values) > 1}
    same_epoch = _same_every_epoch(audits, compared)
    same_workers = _same_across_workers(audits) if num_workers > 1 else None
    verdict = _verdict(audits, compared, same_epoch)
    flags = set()
    if same_workers:
        flags.add(Flag.WORKERS_DUPLICATED)
    if evaluation and verdict is Verdict.FRESH:
        flags.add(Flag.EVAL_JITTER)
    if evaluation:
        flags.discard(Flag.WORKERS_DUPLICATED)
    draws = tuple(sorted({path for _, path, _ in _used(audits)} | {seed for a in audits for seed in a.trace.seeds}))
    findings = tuple(_findings(verdict, flags, draws, len(compared), evaluation, name))
    return LoaderReport(
        verdict, frozenset(flags), findings, same_workers, same_epoch, epochs, len(compared),
        name, draws, _seeded_by_index(audits),
    )  # fmt: skip


def _verdict(audits: Sequence[Sample], compared: Mapping[int, Sequence[str]], same_epoch: bool | None) -> Verdict:
    if not compared or same_epoch is None:
        return Verdict.INCONCLUSIVE
    if not same_epoch:
        return Verdict.FRESH
    return Verdict.CYCLING if _draws(audits) or not _all_equal(compared) else Verdict.FROZEN


def _all_equal(compared: Mapping[int, Sequence[str]]) -> bool:
    return all(len(set(values)) == 1 for values in compared.values())


def _draws(audits: Sequence[Sample]) -> bool:
    """Whether making a sample draws or seeds anything."""
    return any(stream.used for a in audits for stream in a.trace.streams) or any(a.trace.seeds for a in audits)


def _same_every_epoch(audits: Sequence[Sample], compared: Mapping[int, Sequence[str]]) -> bool | None:
    """Every sample is the same in every epoch, or the streams start every epoch in the same state."""
    if not compared:
        return None
    return _all_equal(compared) or _streams_repeat(audits)


def _streams_repeat(audits: Sequence[Sample]) -> bool:
    """A used stream is, at the same place of a worker, in the same state in two epochs."""
    starts: dict[tuple[int, int, str], set[str]] = {}
    counts: dict[tuple[int, int, str], int] = {}
    for sample, path, before in _used(audits):
        key = (sample.trace.worker, sample.trace.order, path)
        starts.setdefault(key, set()).add(before)
        counts[key] = counts.get(key, 0) + 1
    return any(counts[key] > 1 and len(states) < counts[key] for key, states in starts.items())


def _same_across_workers(audits: Sequence[Sample]) -> bool | None:
    """Two workers use a stream from the same state at the same place, or seed with the same constant."""
    by_place: dict[tuple[int, int, str], list[str]] = {}
    for sample, path, before in _used(audits):
        by_place.setdefault((sample.epoch, sample.trace.order, path), []).append(before)
    if any(len(set(states)) < len(states) for states in by_place.values()):
        return True
    seeds: dict[str, set[int]] = {}
    for sample in audits:
        for seed in sample.trace.seeds:
            seeds.setdefault(seed, set()).add(sample.trace.worker)
    if any(len(workers) > 1 for workers in seeds.values()):
        return True
    return False if len({sample.trace.worker for sample in audits}) > 1 else None


def _used(audits: Sequence[Sample]) -> Iterator[tuple[Sample, str, str]]:
    for sample in audits:
        if sample.trace.seeds:  # a stream that is seeded while the sample is made says nothing by its state
            continue
        for stream in sample.trace.streams:
            if stream.used:
                yield sample, stream.path, stream.before


def _seeded_by_index(audits: Sequence[Sample]) -> bool:
    """Every sample that sets a seed has its own, the same whenever it is made."""
    seeds: dict[int, set[tuple[str, ...]]] = {}
    for sample in audits:
        if sample.trace.seeds:
            seeds.setdefault(sample.trace.index, set()).add(sample.trace.seeds)
    distinct = set().union(*seeds.values())
    return len(seeds) > 1 and len(distinct) == len(seeds) and all(len(own) == 1 for own in seeds.values())


def _findings(
    verdict: Verdict, flags: set[Flag], draws: tuple[str, ...], compared: int, evaluation: bool, name: str
) -> Iterator[Finding]:
    drawn = f"draws from {', '.join(draws[:6])}" if draws else "no draw was seen"
    seen = f"{compared} samples compared across epochs"
    if not (evaluation and is_violation(verdict)):
        yield Finding(verdict, f"samples of {name}", seen, drawn)
    for flag in sorted(flags, key=lambda flag: flag.value):
        yield Finding(flag, f"samples of {name}", seen, drawn)
