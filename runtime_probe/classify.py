"""From a timeline to a verdict: pure, and the only place that decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from runtime_probe.geometry import Geometry
from runtime_probe.timeline import Timeline
from runtime_probe.verdict import Conclusion, Verdict


@dataclass(frozen=True)
class Evidence:
    """What else is known of a stream.

    `drawn_each_time`: every forward that was followed had a draw of its own in it. `noise_inside`: the network draws
    and adds to the stream by itself. `others_change`: its other inputs changed while these values stayed. `loaded`:
    the values come from a loader. `num_workers`: of that loader. `beside_fresh`: other points in the same argument
    are new in every batch.
    """

    drawn_each_time: bool = False
    noise_inside: bool = False
    others_change: bool = False
    loaded: bool = False
    num_workers: int = 0
    beside_fresh: bool = False


def classify(timeline: Timeline, geometry: Geometry | None = None, evidence: Evidence | None = None) -> Conclusion:
    """The verdict on a series of batches.

    `timeline` says which batches had equal coordinates; `geometry`, if it could be measured, tells a clean
    lattice from a frozen draw and a partial jitter from a full one. Zero or one batch is INCONCLUSIVE.
    """
    evidence = evidence or Evidence()
    conclusion = _by_values(timeline, geometry, evidence)
    if conclusion.verdict is Verdict.FROZEN and evidence.drawn_each_time:
        sentence = f"{conclusion.sentence}, although they were drawn for each: seeded again each time"
        return replace(conclusion, verdict=Verdict.CYCLING, sentence=sentence, period=1, undecided=())
    if evidence.beside_fresh:
        sentence = f"{conclusion.sentence}, beside points that are new in every batch: fixed points, such as a boundary"
        return replace(conclusion, verdict=Verdict.NOTHING_DRAWN, sentence=sentence, undecided=())
    if conclusion.verdict in UNMOVED and evidence.noise_inside:
        sentence = f"{conclusion.sentence}, and the model itself adds noise to them"
        undecided = ("is that noise new each time? watch the part of the model that gets the jittered coordinates",)
        return replace(conclusion, verdict=Verdict.INCONCLUSIVE, sentence=sentence, undecided=undecided)
    return conclusion


UNMOVED = (Verdict.CLEAN_GRID, Verdict.FRESH_SUBSET, Verdict.FROZEN, Verdict.ONCE_PER_EPOCH)


def is_worker_copy(conclusion: Conclusion, timeline: Timeline, num_workers: int) -> bool:
    """Each value comes from every worker in turn, or the workers' own constants alternate."""
    if num_workers < 2 or conclusion.verdict is not Verdict.CYCLING:
        return False
    return num_workers in (timeline.counters.run_length, conclusion.period)


def _by_values(timeline: Timeline, geometry: Geometry | None, evidence: Evidence) -> Conclusion:
    counters = timeline.counters
    if counters.batches < 2:
        return _conclude(timeline, Verdict.INCONCLUSIVE, f"{counters.batches} batches with coordinates were seen")
    if counters.all_equal:
        return _constant(timeline, geometry)
    if timeline.epochs_known and counters.long_epochs and counters.constant_epochs == counters.long_epochs:
        return _once_per_epoch(timeline)
    if counters.repeated_batches:
        return _repeating(timeline, evidence)
    return _changing(timeline, geometry, evidence)


def smallest_period(values: Sequence[int]) -> int | None:
    """The smallest p with values[i] == values[i - p] throughout, if at least two values confirm it."""
    border = [0] * len(values)
    for i in range(1, len(values)):
        k = border[i - 1]
        while k and values[i] != values[k]:
            k = border[k - 1]
        border[i] = k + (values[i] == values[k])
    if not values or border[-1] < 2:
        return None
    return len(values) - border[-1]


def _conclude(
    timeline: Timeline, verdict: Verdict, sentence: str, period: int | None = None, undecided: tuple[str, ...] = ()
) -> Conclusion:
    counters = timeline.counters
    if not timeline.epochs_known:
        undecided += ("epoch borders were not seen: wrap the loader in probe.batches(loader)",)
    return Conclusion(verdict, sentence, counters.batches, counters.epochs, period, undecided)


def _constant(timeline: Timeline, geometry: Geometry | None) -> Conclusion:
    batches, epochs = timeline.counters.batches, timeline.counters.epochs
    if geometry is not None and geometry.clean:
        sentence = f"all {batches} batches got the same regular lattice"
        return _conclude(timeline, Verdict.CLEAN_GRID, sentence)
    undecided = () if epochs > 1 else ("FROZEN or ONCE_PER_EPOCH: run a second epoch",)
    of_epochs = f" of {epochs} epoch{'s' * (epochs > 1)}" if timeline.epochs_known else ""
    sentence = f"all {batches} batches{of_epochs} got the same coordinates"
    return _conclude(timeline, Verdict.FROZEN, sentence, undecided=undecided)


def _once_per_epoch(timeline: Timeline) -> Conclusion:
    counters = timeline.counters
    values = counters.batches - counters.repeated_batches
    drawn = "new coordinates at each epoch" if values == counters.epochs else f"only {values} different coordinates"
    sentence = f"{counters.epochs} epochs: {drawn}, the same for all batches of an epoch"
    return _conclude(timeline, Verdict.ONCE_PER_EPOCH, sentence)


def _repeating(timeline: Timeline, evidence: Evidence) -> Conclusion:
    counters = timeline.counters
    period = smallest_period([batch.value for batch in timeline.head])
    if period is not None and _tail_follows(timeline, period):
        return _conclude(timeline, Verdict.CYCLING, f"the values come back every {period} batches", period)
    if counters.replayed_epochs and counters.replayed_epochs == counters.epochs - 1:
        period = counters.first_epoch_length
        return _conclude(timeline, Verdict.CYCLING, "every epoch repeats the first one, batch by batch", period)
    fresh = counters.batches - counters.repeated_batches
    if counters.runs == fresh and 2 * fresh <= counters.batches + counters.run_length:
        return _runs(timeline, evidence)
    if counters.recurring == 1:
        sentence = f"{fresh} of {counters.batches} batches brought new values; one value came back in the others"
        return _conclude(timeline, Verdict.PARTIAL, sentence)
    sentence = f"only {fresh} different values in {counters.batches} batches, coming back without a fixed period"
    return _conclude(timeline, Verdict.CYCLING, sentence)


def _runs(timeline: Timeline, evidence: Evidence) -> Conclusion:
    """Every value is held for some batches in a row and never comes back."""
    length = timeline.counters.run_length
    sentence = f"each value is used for {length} batches in a row" if length else "values are held for several batches"
    if timeline.epochs_known and length > 1:
        if length == evidence.num_workers:
            return _conclude(timeline, Verdict.CYCLING, sentence)
        return _conclude(timeline, Verdict.PERIODIC, sentence, length)
    if 0 < length <= timeline.optimizers:
        return _in_turn(timeline)
    if evidence.others_change:
        return _conclude(timeline, Verdict.ONCE_PER_EPOCH, f"{sentence}: taken for one draw an epoch")
    return _conclude(timeline, Verdict.PERIODIC, sentence, length or None)


def _in_turn(timeline: Timeline) -> Conclusion:
    """Without a loader, steps are all that tells batches apart, and several optimizers may share a batch."""
    steps, values = timeline.counters.batches, timeline.counters.batches - timeline.counters.repeated_batches
    sentence = f"{values} different values in {steps} steps of {timeline.optimizers} optimizers that take turns"
    return _conclude(timeline, Verdict.FRESH, sentence)


def _tail_follows(timeline: Timeline, period: int) -> bool:
    tail = timeline.tail
    return all(tail[i].value == tail[i - period].value for i in range(period, len(tail)))


def _changing(timeline: Timeline, geometry: Geometry | None, evidence: Evidence) -> Conclusion:
    batches = timeline.counters.batches
    if geometry is not None and geometry.on_lattice:
        sentence = f"{batches} different batches, each a selection of the points of one clean lattice"
        return _conclude(timeline, Verdict.FRESH_SUBSET, sentence)
    rate = geometry.change_rate if geometry is not None and not evidence.loaded else None
    if geometry is not None and rate is not None and rate < geometry.full_change:
        sentence = f"from batch to batch only {rate:.1%} of the coordinate values change"
        return _conclude(timeline, Verdict.PARTIAL, sentence)
    sentence = f"{batches} batches, every one with new coordinates"
    if geometry is not None and geometry.fixed_points:
        sentence += f", beside {geometry.fixed_points} points that never move, such as a boundary"
    return _conclude(timeline, Verdict.FRESH, sentence)
