"""Findings on whole networks and on the program's random streams."""

from __future__ import annotations

from collections.abc import Iterator

from runtime_probe.draws import COMPARED, DrawLine
from runtime_probe.findings import Finding, SeriesReport
from runtime_probe.network import Network
from runtime_probe.seeds import Seeding
from runtime_probe.streams import training_series
from runtime_probe.verdict import Advice, Family, Flag, Verdict
from runtime_probe.watch import Watch

OFTEN_ENOUGH = 4  # batches with the same numbers
OFTEN = 8  # times that one line seeds with one number in a program that trains nothing we know

REWOUND = Advice(
    Family.REPEATED,
    "training draws the same random numbers again: a global stream goes back to an earlier state",
    "seed once, above the epochs; give a preview or an evaluation a torch.Generator of its own",
    ("JIT301",),
)
SEEDED_EVERYWHERE = Advice(
    Family.REPEATED,
    "the same random numbers are drawn again and again: a global stream is seeded with one number many times",
    "seed once; where two calls must agree, draw once and hand the value to both",
    ("JIT301",),
)
DROPOUT_IN_EVALUATION = Advice(
    Family.MISPLACED,
    "dropout acts while the network is evaluated: results differ from call to call",
    "hand it training=self.training, or use nn.Dropout",
    ("JIT401",),
)
RATE_LOST = Advice(
    Family.ABSENT,
    "the network drew random numbers in training, dropout for example, and does not since it was evaluated",
    "do not overwrite the rate in evaluation: use p=self.p if self.training else 0",
    ("JIT207",),
)
MODE_LOST = Advice(
    Family.ABSENT,
    "the network was left in evaluation mode: it is trained without dropout, or with fixed statistics",
    "call model.train() at the head of every epoch",
    ("JIT207",),
)
WRITTEN_INTO = Advice(
    Family.MISPLACED,
    "the augmentation writes into the data that are kept: it adds up from epoch to epoch",
    "augment a copy: batch = data[i:j].copy()",
    ("JIT402",),
)
SAME_NUMBERS = Advice(
    Family.REPEATED,
    "every batch is mixed with the same random numbers: a generator is made, or seeded, again for each",
    "make the generator once, above the loops",
    ("JIT302", "JIT301"),
)
STALE_NOISE = Advice(
    Family.STALE,
    "the same noise is mixed into every batch: drawn once, above the loop",
    "draw inside the batch loop",
    ("JIT102", "JIT101"),
)
STALE_ORDER = Advice(
    Family.STALE,
    "the order is drawn once and used for several epochs: the same batches come again",
    "draw the permutation inside the epoch loop",
    ("JIT107",),
)
KEPT_BATCHES = Advice(
    Family.STALE,
    "the batches of the first epoch come again, with their augmentation: they were kept in a list or a cycle",
    "iterate over the loader anew in every epoch",
    ("JIT105",),
)
KEPT_NOISE = Advice(
    Family.STALE,
    "a layer's noise is drawn once, when the network is made: every batch gets the same",
    "draw it in forward()",
    ("JIT104",),
)
TRACED = Advice(
    Family.STALE,
    "every batch gets the same random numbers: Python or NumPy drew them while torch.jit.trace recorded",
    "draw outside of the traced function and hand the numbers to it, or draw with torch",
    ("JIT106",),
)
SAME_PLACES = Advice(
    Family.STALE,
    "every sample is looked at in the same random places: drawn once, used for all",
    "draw the places when a sample is made",
    ("JIT104", "JIT101"),
)
ONE_START = Advice(
    Family.REPEATED,
    "all episodes begin in the same state, and go on with the same random numbers: every reset is given one seed",
    "seed the first reset only",
    ("JIT301",),
)
UNUSED_NOISE = Advice(
    Family.ABSENT,
    "noise is drawn for every batch, and the network is given the batch without it",
    "hand the result to the network",
    ("JIT204",),
)
STORED_NOISE = Advice(
    Family.STALE,
    "every epoch gets the same noise or masks: they were mixed into the data once, before training",
    "draw them when a batch is made",
    ("JIT104", "JIT101", "JIT102"),
)
FROZEN_LATENT = Advice(
    Family.STALE,
    "the network is given the same random numbers in every batch: drawn once, above the loop",
    "draw them inside the batch loop",
    ("JIT102",),
)


def network_findings(watch: Watch, inputs: tuple[SeriesReport, ...]) -> Iterator[Finding]:
    """What is wrong with the networks, worst first."""
    told = set()
    for report in inputs:
        for finding in _input(report, inputs, watch):
            if finding.where not in told:  # the actor and the critic are given the same batch
                told.add(finding.where)
                yield finding
    for network in watch.network.networks:
        yield from _rewinds(watch, network)
        yield from _kept_batches(watch, network)
        yield from _kept_noise(network)
        yield from _mode(network)
        yield from _evaluation(network)
    for array in watch.network.stored.walking():
        moved = ", ".join(f"{distance:.3g}" for distance in array.distances[:6])
        sentence = f"its distance from its first values grows: {moved}"
        where = (f"`{array.name}` of {array.site.function}, in {array.site}",)
        yield Finding(Flag.DRIFT, f"stored data `{array.name}`", sentence, "", where, WRITTEN_INTO)
    yield from _unused(watch)
    yield from _same_draws(watch)
    for line, batches in watch.shared_noise.found():
        seen = f"one array that it drew is in {batches} batches that differ"
        yield Finding(Verdict.FROZEN, f"noise drawn in {line.site.function}", seen, "", (str(line),), STALE_NOISE)
    for draw, forwards in watch.provenance.selections.found():
        seen = f"one draw picked the places for {forwards} forwards, in samples that differ"
        where = (f"`{draw.operation}` at {draw.site} in {draw.site.function}",)
        yield Finding(Verdict.FROZEN, f"places drawn in {draw.site.function}", seen, "", where, SAME_PLACES)
    for start in watch.environments.found():
        seen = f"{start.times} of {start.resets} episodes began with the same observation, which is trained on"
        at = f" at {start.site} in {start.site.function}" if start.site is not None else ""
        where = (f"`reset(seed={start.seed})`{at}",)
        yield Finding(Verdict.CYCLING, f"episodes of {start.name}", seen, "", where, ONE_START)
    for baked in watch.traced.found():
        seen = f"`{baked.name}` was traced, and its numbers served {len(baked.batches)} batches and more"
        lines = tuple(map(str, baked.lines[:4]))
        yield Finding(Verdict.FROZEN, f"what the traced `{baked.name}` draws", seen, "", lines, TRACED)
    yield from _seeds(watch)


def _input(report: SeriesReport, inputs: tuple[SeriesReport, ...], watch: Watch) -> Iterator[Finding]:
    provenance, conclusion = report.provenance, report.conclusion
    if provenance is None or conclusion.batches < 4:
        return
    for stale, advice, verdict in (
        (provenance.mixed, STALE_NOISE, Verdict.FROZEN),
        (provenance.stored, STORED_NOISE, Verdict.FROZEN),
    ):
        if stale is not None:
            yield Finding(verdict, report.argument, conclusion.sentence, "", (str(stale),), advice)
            return
    repeats = conclusion.verdict in (Verdict.CYCLING, Verdict.PARTIAL)
    counters, order = report.timeline.counters, provenance.ordered
    places = {draw.serial for draw, _ in watch.provenance.selections.found()}  # told for themselves
    again = (repeats or counters.repeated_batches > 1) and not counters.all_equal  # else all data in every step
    if order is not None and again and order.draw.serial not in places:
        yield Finding(Verdict.CYCLING, report.argument, conclusion.sentence, "", (str(order),), STALE_ORDER)
    elif repeats and 2 * counters.repeated_batches > conclusion.batches and not report.loaded:
        shuffles = [line for line in watch.draws.lines() if line.function.endswith(("shuffle", "permutation"))]
        lines = [str(line) for line in shuffles if line.first_batch < line.last_batch and line.times > 1]
        if lines:
            yield Finding(Verdict.CYCLING, report.argument, conclusion.sentence, "", tuple(lines[:1]), STALE_ORDER)
    others = any(other.conclusion.verdict is Verdict.FRESH for other in inputs if other is not report)
    draws_of = provenance.sources
    once = all(source.draws == 1 for source in draws_of) and any(source.forwards > 1 for source in draws_of)
    # now and then a preview may be made from a latent of its own
    held = counters.recurring <= 2 and 2 * counters.repeated_batches > counters.batches
    if held and once and others and not report.loaded:
        where = tuple(map(str, provenance.sources))
        yield Finding(Verdict.FROZEN, report.argument, conclusion.sentence, "", where, FROZEN_LATENT)


def _kept_batches(watch: Watch, network: Network) -> Iterator[Finding]:
    """The batches of a loader that draws come again, although the loader was read once only."""
    if watch.audit is None:
        return
    for observer in network.inputs:
        for series in training_series(observer):
            counters = series.history.timeline().counters
            kept = counters.recurring > 1 and 2 * counters.repeated_batches >= counters.batches
            for name, batches in watch.audit.drawn_once() if kept else ():
                if 2 * counters.batches >= 3 * batches > 0:
                    stream = f"training samples of {name.removeprefix('the loader of ')}"
                    seen = f"{batches} batches were made, with draws, and served for {counters.batches} steps"
                    where = (f"model called at {network.call}",) if network.call is not None else ()
                    yield Finding(Verdict.CYCLING, stream, seen, "", where, KEPT_BATCHES)
                    return


def _kept_noise(network: Network) -> Iterator[Finding]:
    for name, draw, forwards in network.kept.stale():
        seen = f"`{name}` is the same in {forwards} of {forwards} forwards of training; no evaluation uses it"
        where = (f"`{draw.operation}` at {draw.site} in {draw.site.function}",)
        yield Finding(Verdict.FROZEN, f"noise of {network.name}", seen, "", where, KEPT_NOISE)
        return


def _unused(watch: Watch) -> Iterator[Finding]:
    for draw, times in watch.provenance.unused.found():
        called = f", called from {draw.caller}" if draw.caller is not None else ""
        where = (f"`{draw.operation}` at {draw.site} in {draw.site.function}{called}",)
        seen = f"drawn for {times} batches, each of which reached the network without it"
        yield Finding(Verdict.FROZEN, f"noise drawn in {draw.site.function}", seen, "", where, UNUSED_NOISE)


def _same_draws(watch: Watch) -> Iterator[Finding]:
    """Lines that draw the same numbers for every batch, from a generator of the program's own, and for training."""
    steps = watch.borders.all_steps
    for line in watch.draws.lines():
        often = line.repeated >= OFTEN_ENOUGH and 2 * line.repeated > max(line.batches, min(steps, COMPARED))
        if often and not line.is_global and line.trained >= line.repeated and _is_for_batches(line, watch):
            seen = f"the same numbers in {line.repeated} of {line.batches} batches"
            stream = f"numbers drawn in {line.site.function}"
            yield Finding(Verdict.CYCLING, stream, seen, "", (str(line),), SAME_NUMBERS)
            return


def _is_for_batches(line: DrawLine, watch: Watch) -> bool:
    """Whether what a line draws changes a batch: its function is given one, or trains on it."""
    calls = [network.call for network in watch.network.networks if network.call is not None]
    trains = any((line.site.file, line.site.function) == (call.file, call.function) for call in calls)
    return line.given_data or trains


def repeated_draws(streams: tuple[SeriesReport, ...]) -> Iterator[Finding]:
    """Streams that change, and contain a draw that gives the same numbers each time."""
    for report in streams:
        sources = report.provenance.sources if report.provenance is not None else ()
        same = tuple(str(source) for source in sources if source.same)
        if same and report.conclusion.verdict is Verdict.FRESH:
            seen = "a draw of its own for every batch, each of the same numbers"
            yield Finding(Verdict.CYCLING, report.argument, seen, "", same, SAME_NUMBERS)
            return


def _rewinds(watch: Watch, network: Network) -> Iterator[Finding]:
    for rewind in network.rewinds.found():
        if rewind.batches < 2:
            continue
        seeding = watch.seeds.repeated(rewind.stream)
        sentence = (
            f"`{rewind.stream}` went on from batch {rewind.again + 1} as it had from batch {rewind.first + 1}; "
            f"{rewind.batches} of {rewind.seen} batches that were looked at repeat an earlier one's numbers"
        )
        where = (str(seeding),) if seeding is not None else ()
        yield Finding(Verdict.CYCLING, f"training of {network.name}", sentence, "", where, REWOUND)


def _mode(network: Network) -> Iterator[Finding]:
    before, after = network.before_evaluation, network.after_evaluation
    stream = f"training of {network.name}"
    where = (f"model called at {network.call} in {network.call.function}",) if network.call is not None else ()
    if before.looked > 1 and before.drew == before.looked and after.looked > 1 and after.drew == 0:
        rates = network.changed_rates()
        changed = ", ".join(f"{path} went from {old:g} to {new:g}" for path, (old, new) in rates.items())
        sentence = f"it drew in {before.drew} of {before.looked} forwards before the first evaluation, "
        sentence += f"in none of {after.looked} after it"
        yield Finding(Flag.LOST_TRAINING_MODE, stream, sentence, changed, where, RATE_LOST)
    elif network.zeroed and before.drew and after.looked > 1:
        changed = ", ".join(f"{path} went from {network.rates[path]:g} to 0" for path in sorted(network.zeroed))
        sentence = "a number that was the same in all forwards before the first evaluation is zero ever since"
        yield Finding(Flag.LOST_TRAINING_MODE, stream, sentence, changed, where, RATE_LOST)
    elif network.stepped_in_evaluation_mode > 1 and (network.depends_on_mode or before.drew):
        sentence = f"{network.steps_in_training} steps in training mode, then {network.stepped_in_evaluation_mode} not"
        yield Finding(Flag.LOST_TRAINING_MODE, stream, sentence, "", where, MODE_LOST)
    elif not network.steps_in_training and network.idle_dropout:
        idle = ", ".join(f"{path} ({rate:g})" for path, rate in network.idle_dropout.items())
        sentence = f"all {network.steps_before_training} steps were taken in evaluation mode; dropout that never acts: "
        yield Finding(Flag.LOST_TRAINING_MODE, stream, sentence + idle, "", where, MODE_LOST)


def _evaluation(network: Network) -> Iterator[Finding]:
    if not network.evaluation_draws or network.parts_in_training:
        return
    where = tuple(f"`{name}` at {site} in {site.function}" for name, site in network.evaluation_draws)
    looked = network.evaluation
    sentence = f"it drew in {looked.drew} of {looked.looked} forwards in evaluation mode that were looked at"
    yield Finding(Flag.EVAL_JITTER, f"evaluation of {network.name}", sentence, "", where, DROPOUT_IN_EVALUATION)


def _seeds(watch: Watch) -> Iterator[Finding]:
    steps = watch.borders.all_steps
    for seeding in watch.seeds.seedings[:4]:
        if _is_in_every_step(seeding, steps) or _is_everywhere(seeding, steps):
            sentence = f"seeded {seeding.times} times with {seeding.seed}; numbers were drawn in between"
            yield Finding(
                Verdict.CYCLING,
                f"random numbers of `{seeding.stream}`",
                sentence,
                "",
                (str(seeding),),
                SEEDED_EVERYWHERE,
            )
            return


def _is_in_every_step(seeding: Seeding, steps: int) -> bool:
    return steps > 3 and 2 * seeding.batches > steps and seeding.after_draws > 2


def _is_everywhere(seeding: Seeding, steps: int) -> bool:
    return steps == 0 and seeding.times >= OFTEN and 2 * seeding.after_draws > seeding.times
