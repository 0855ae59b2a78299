"""The words of the probe: verdicts, flags, the four families, and what to do about each."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Family(enum.Enum):
    """The question a finding answers; the same four words as in the linter and the experiments."""

    STALE = "stale"
    ABSENT = "absent"
    REPEATED = "repeated"
    MISPLACED = "misplaced"


class Verdict(enum.Enum):
    """What happened to the coordinates over the batches that were seen."""

    INCONCLUSIVE = "INCONCLUSIVE"
    CLEAN_GRID = "CLEAN_GRID"
    FROZEN = "FROZEN"
    ONCE_PER_EPOCH = "ONCE_PER_EPOCH"
    CYCLING = "CYCLING"
    PARTIAL = "PARTIAL"
    PERIODIC = "PERIODIC"
    FRESH_SUBSET = "FRESH_SUBSET"
    FRESH = "FRESH"
    NOTHING_DRAWN = "NOTHING_DRAWN"


class Flag(enum.Enum):
    """Properties that hold beside any verdict."""

    SHARED_IN_BATCH = "SHARED_IN_BATCH"
    SHARED_IN_SAMPLE = "SHARED_IN_SAMPLE"
    OUT_OF_DOMAIN = "OUT_OF_DOMAIN"
    CLAMPED = "CLAMPED"
    QUANTISED = "QUANTISED"
    NON_FINITE = "NON_FINITE"
    DRIFT = "DRIFT"
    EVAL_JITTER = "EVAL_JITTER"
    WORKERS_DUPLICATED = "WORKERS_DUPLICATED"
    RANKS_DUPLICATED = "RANKS_DUPLICATED"
    IGNORED_BY_MODEL = "IGNORED_BY_MODEL"
    LOST_TRAINING_MODE = "LOST_TRAINING_MODE"
    ORDER_REPEATED = "ORDER_REPEATED"


@dataclass(frozen=True)
class Advice:
    """What a verdict or flag means, what to do, and which `jitlint` codes find it in the source.

    `family` is None for what is no violation: a good verdict, no evidence, or a property worth knowing.
    """

    family: Family | None
    meaning: str
    remedy: str = ""
    codes: tuple[str, ...] = ()


ADVICE: dict[Verdict | Flag, Advice] = {
    Verdict.INCONCLUSIVE: Advice(None, "too little was seen to say anything", "train for two batches or more"),
    Verdict.CLEAN_GRID: Advice(
        Family.ABSENT,
        "every batch got the same regular lattice: the jitter never happened",
        "call the jitter in the batch loop; look for a commented-out or disabled call",
        ("JIT201", "JIT202", "JIT204", "JIT205"),
    ),
    Verdict.FROZEN: Advice(
        Family.STALE,
        "every batch got the same coordinates, off the lattice: drawn once, used for all",
        "draw inside the batch loop",
        ("JIT101", "JIT102", "JIT103", "JIT104"),
    ),
    Verdict.ONCE_PER_EPOCH: Advice(
        Family.STALE,
        "the coordinates change only from epoch to epoch: the draw sits above the batch loop",
        "move the creation of the grid and its jitter into the batch loop",
        ("JIT101", "JIT102"),
    ),
    Verdict.CYCLING: Advice(
        Family.REPEATED,
        "coordinates that were used before come back",
        "seed once, outside the loops; give every worker and epoch its own stream",
        ("JIT301", "JIT302"),
    ),
    Verdict.PARTIAL: Advice(
        Family.MISPLACED,
        "only part of the coordinates, or only part of the batches, is jittered",
        "apply the draw to the whole coordinate tensor, in every batch",
        ("JIT204",),
    ),
    Verdict.PERIODIC: Advice(None, "the coordinates are drawn again every few batches"),
    Verdict.FRESH_SUBSET: Advice(None, "every batch got a new random selection of the points of one lattice"),
    Verdict.FRESH: Advice(None, "every batch got new coordinates"),
    Verdict.NOTHING_DRAWN: Advice(None, "no random number was seen on its way here: there is nothing to repeat"),
    Flag.SHARED_IN_SAMPLE: Advice(
        None,
        "the parts of a sample, such as its frames, are each drawn after the same seed: they share their noise",
        "seed once for a sample, if each part should have a draw of its own",
    ),
    Flag.SHARED_IN_BATCH: Advice(None, "all samples of a batch share one draw", "draw per sample if that was meant"),
    Flag.OUT_OF_DOMAIN: Advice(
        None, "coordinates lie far outside the grid's domain", "check the unit of the jitter's std"
    ),
    Flag.CLAMPED: Advice(None, "jittered coordinates pile up exactly on the border", "reflect, or do not clamp"),
    Flag.QUANTISED: Advice(
        None, "the number format is too coarse for these coordinates", "keep coordinates in float32", ()
    ),
    Flag.NON_FINITE: Advice(None, "some coordinates are NaN or infinite", "check the jitter's parameters", ()),
    Flag.DRIFT: Advice(
        Family.MISPLACED,
        "the jitter accumulates: the coordinates walk away from where they started",
        "start from the clean grid in every batch; do not add in place",
        ("JIT402",),
    ),
    Flag.EVAL_JITTER: Advice(
        Family.MISPLACED,
        "coordinates are jittered in evaluation too",
        "jitter only while training",
    ),
    Flag.WORKERS_DUPLICATED: Advice(
        Family.REPEATED,
        "loader workers draw the same numbers",
        "reseed the data set's own generator in worker_init_fn",
    ),
    Flag.RANKS_DUPLICATED: Advice(
        Family.REPEATED, "ranks draw the same coordinates", "seed with seed + rank before the jitter"
    ),
    Flag.IGNORED_BY_MODEL: Advice(
        Family.MISPLACED,
        "the model's output does not depend on a sample's own coordinates",
        "look for coord[0] in the model: each sample must use its own coordinates",
        (),
    ),
    Flag.LOST_TRAINING_MODE: Advice(
        Family.ABSENT,
        "the network is trained, but no longer as in training mode",
        "call model.train() before each epoch, after every evaluation",
        ("JIT207",),
    ),
    Flag.ORDER_REPEATED: Advice(
        Family.REPEATED,
        "a shuffled loader gives the samples in the same order in every epoch",
        "call sampler.set_epoch(epoch) at the beginning of every epoch; seed once, above the epochs",
        ("JIT306", "JIT107"),
    ),
}


def is_violation(word: Verdict | Flag) -> bool:
    """True when the word says that the randomness is stale, absent, repeated or misplaced."""
    return ADVICE[word].family is not None


@dataclass(frozen=True)
class Conclusion:
    """A verdict with its evidence.

    `period` is the number of batches after which CYCLING values return (None when irregular). `sentence`
    says what was seen; `undecided` lists what could not be decided and how to decide it.
    """

    verdict: Verdict
    sentence: str
    batches: int
    epochs: int
    period: int | None = None
    undecided: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.verdict.value + (f"({self.period})" if self.period else "")
