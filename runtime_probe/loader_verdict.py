"""From the traces of a loader's samples to a verdict and its cause: pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from runtime_probe.findings import Finding, LoaderReport
from runtime_probe.traced_dataset import Trace
from runtime_probe.verdict import Advice, Family, Flag, Verdict, is_violation

PARTS = 3  # of a sample that are drawn after the same seed


@dataclass(frozen=True)
class Sample:
    """An audited sample and the epoch (from 0) it was made in."""

    epoch: int
    trace: Trace


CACHED = Advice(
    Family.STALE,
    "every epoch gets the same augmentation: a sample is made once, and kept",
    "keep only what is the same every time, and draw after it is read from the cache",
    ("JIT105", "JIT104"),
)
UNUSED = Advice(
    Family.ABSENT,
    "every epoch gets the same samples although numbers are drawn for them: what is drawn is never applied",
    "use the drawn value, or the result of the call that draws",
    ("JIT204",),
)
SEEDED = Advice(
    Family.REPEATED,
    "every epoch gets the same augmentation: the stream is seeded again while a sample is made",
    "seed once, outside of the data set",
    ("JIT301", "JIT302"),
)
COPIED = Advice(
    Family.REPEATED,
    "every epoch gets the same augmentation: the data set's own generator is copied into the workers, which start over",
    "reseed the generator in worker_init_fn with torch.initial_seed(), or draw from the global stream",
    ("JIT303",),
)
REWOUND_IN_WORKERS = Advice(
    Family.REPEATED,
    "every epoch gets the same augmentation: the workers start every epoch with the same seed",
    "seed workers with torch.initial_seed(), which differs in every epoch, not with their number",
    ("JIT304",),
)
REWOUND = Advice(
    Family.REPEATED,
    "every epoch gets the same augmentation: the stream starts every epoch in the same state",
    "seed once, above the epochs",
    ("JIT301", "JIT302"),
)
CHANGING = Advice(None, "every epoch gets new samples: the augmentation happens")
DRAWN_IN_EVALUATION = Advice(
    Family.MISPLACED,
    "the samples of an evaluation are drawn again each time: two epochs cannot be compared",
    "evaluate on fixed samples: no augmentation, or a seed for each index",
    ("JIT401",),
)
DUPLICATED_OWN = Advice(
    Family.REPEATED,
    "loader workers draw the same numbers: each has a copy of the data set's own generator",
    "reseed the data set's own generator in worker_init_fn",
    ("JIT303",),
)
DUPLICATED_SEED = Advice(
    Family.REPEATED,
    "loader workers draw the same numbers: each seeds with the same constant",
    "seed workers with torch.initial_seed(); do not seed while a sample is made",
    ("JIT304", "JIT301"),
)


def classify_loader(
    audits: Sequence[Sample],
    contents: Mapping[int, Sequence[str]],
    epochs: int,
    num_workers: int,
    evaluation: bool,
    name: str = "the loader",
    orders: Sequence[int] = (),
) -> LoaderReport:
    """The verdict from audited samples and from the contents of each sample (by index) in each epoch.

    `orders` are digests of the order of the samples in each complete epoch of a loader that shuffles.
    """
    compared = {index: values for index, values in contents.items() if len(values) > 1}
    same_epoch = _same_every_epoch(audits, compared)
    same_workers = _same_across_workers(audits) if num_workers > 1 else None
    verdict = _verdict(audits, compared, same_epoch)
    flags = set()
    if same_workers and not evaluation:
        flags.add(Flag.WORKERS_DUPLICATED)
    if evaluation and verdict is Verdict.FRESH:
        flags.add(Flag.EVAL_JITTER)
    if len(orders) > 1 and len(set(orders)) < len(orders) and not evaluation:
        flags.add(Flag.ORDER_REPEATED)
    if audits and all(_is_seeded_for_parts(sample) for sample in audits) and not evaluation:
        flags.add(Flag.SHARED_IN_SAMPLE)
    draws = tuple(sorted({path for _, path, _ in _used(audits)} | {seed for a in audits for seed in a.trace.seeds}))
    cause = _cause(audits, compared, num_workers) if verdict is Verdict.CYCLING else None
    cause = CHANGING if verdict is Verdict.FRESH else cause
    findings = tuple(_findings(verdict, flags, draws, len(compared), evaluation, name, cause, audits))
    return LoaderReport(
        verdict, frozenset(flags), findings, same_workers, same_epoch, epochs, len(compared),
        name, draws, _seeded_by_index(audits), evaluation,
    )  # fmt: skip


def _verdict(audits: Sequence[Sample], compared: Mapping[int, Sequence[str]], same_epoch: bool | None) -> Verdict:
    if not compared or same_epoch is None:
        return Verdict.INCONCLUSIVE
    if not same_epoch:
        return Verdict.FRESH
    return Verdict.CYCLING if _draws(audits) or not _all_equal(compared) else Verdict.FROZEN


def _cause(audits: Sequence[Sample], compared: Mapping[int, Sequence[str]], num_workers: int) -> Advice:
    """Why epochs repeat each other, from how the generators were used."""
    if any(sample.trace.seeds for sample in audits):
        return SEEDED
    if _streams_repeat(audits):
        own = any(path.startswith("dataset") for _, path, _ in _used(audits))
        return COPIED if own and num_workers else REWOUND_IN_WORKERS if num_workers else REWOUND
    drawn_in = {sample.epoch for sample, _, _ in _used(audits)}
    later = any(epoch > min(drawn_in) for epoch in drawn_in)
    return UNUSED if later and _all_equal(compared) else CACHED


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
    if _same_seed_in_two_workers(audits):
        return True
    return False if len({sample.trace.worker for sample in audits}) > 1 else None


def _same_seed_in_two_workers(audits: Sequence[Sample]) -> bool:
    """In one epoch two workers set the same seed, for different samples; one that belongs to a sample is no copy."""
    seeds: dict[tuple[int, str], set[tuple[int, int]]] = {}
    for sample in audits:
        for seed in sample.trace.seeds:
            seeds.setdefault((sample.epoch, seed), set()).add((sample.trace.worker, sample.trace.index))
    return any(
        len({worker for worker, _ in users}) > 1 and len({index for _, index in users}) > 1 for users in seeds.values()
    )


def _is_seeded_for_parts(sample: Sample) -> bool:
    """One seed was set for several parts of a sample. A picture and its mask are two, and meant to agree."""
    most = max(Counter(sample.trace.seeds).values(), default=0)
    return most >= PARTS and any(stream.used for stream in sample.trace.streams)


def _used(audits: Sequence[Sample]) -> Iterator[tuple[Sample, str, str]]:
    for sample in audits:
        if sample.trace.seeds:  # a stream that is seeded while the sample is made says nothing by its state
            continue
        for stream in sample.trace.streams:
            if stream.used:
                yield sample, stream.path, stream.before


def _seeded_by_index(audits: Sequence[Sample]) -> bool:
    """Every sample that sets a seed has its own, the same whenever it is made, and is made up of nothing else."""
    if any(sample.trace.augments for sample in audits):
        return False
    seeds: dict[int, set[tuple[str, ...]]] = {}
    for sample in audits:
        if sample.trace.seeds:
            seeds.setdefault(sample.trace.index, set()).add(sample.trace.seeds)
    distinct = set().union(*seeds.values())
    made = {sample.trace.index for sample in audits}
    return (
        len(made) > 1
        and made == seeds.keys()
        and len(distinct) == len(seeds)
        and all(len(own) == 1 for own in seeds.values())
    )


def _findings(
    verdict: Verdict,
    flags: set[Flag],
    draws: tuple[str, ...],
    compared: int,
    evaluation: bool,
    name: str,
    cause: Advice | None,
    audits: Sequence[Sample],
) -> Iterator[Finding]:
    drawn = f"draws from {', '.join(draws[:6])}" if draws else "no draw was seen"
    seen = f"{compared} samples compared across epochs"
    where = tuple(dict.fromkeys(site for sample in audits for site in sample.trace.sites))[:4]
    stream = f"{'evaluation' if evaluation else 'training'} samples of {name.removeprefix('the loader of ')}"
    if not (evaluation and is_violation(verdict)):
        yield Finding(verdict, stream, seen, drawn, where, cause)
    for flag in sorted(flags, key=lambda flag: flag.value):
        closer = DRAWN_IN_EVALUATION if flag is Flag.EVAL_JITTER else None
        if flag is Flag.WORKERS_DUPLICATED:
            closer = DUPLICATED_SEED if any(sample.trace.seeds for sample in audits) else DUPLICATED_OWN
        yield Finding(flag, stream, seen, drawn, where, closer)
