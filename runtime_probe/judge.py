"""From what was watched to one `Report`: the findings on coordinates, networks and loaders, and the headline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from runtime_probe.findings import Finding, LoaderReport, SeriesReport, describe_values
from runtime_probe.judge_network import network_findings, repeated_draws
from runtime_probe.loader_audit import sentence, violations
from runtime_probe.observer import Observer
from runtime_probe.promises import broken_promises
from runtime_probe.report import Report
from runtime_probe.sites import Site
from runtime_probe.source_hints import Hint, commented_draws
from runtime_probe.streams import (
    by_severity,
    evaluation_is_jittered,
    evaluation_series,
    stream_reports,
    training_units,
)
from runtime_probe.traces import ProvenanceReport
from runtime_probe.verdict import ADVICE, Advice, Conclusion, Family, Flag, Verdict
from runtime_probe.watch import Watch

NOISE_INSIDE = Advice(
    None,
    "the model jitters its coordinates by itself, so what it is given says nothing",
    "watch the part of the model that gets the jittered coordinates: probe_coords(model.part)",
)
DRAWN_BEFORE = Advice(
    Family.REPEATED,
    "coordinates that were used before come back, and nothing is drawn between the forwards",
    "draw in the batch loop: the jitter is commented out, or all of it was drawn before the loop",
    ("JIT101", "JIT102", "JIT201"),
)
NO_TORCH_DRAW = replace(
    DRAWN_BEFORE, meaning="coordinates that were used before come back, and no draw of torch was seen in between"
)
FROZEN_SELECTION = Advice(
    Family.STALE,
    "every batch got the same random selection of points: drawn once, used for all",
    "draw the selection in the batch loop",
    ("JIT104", "JIT101", "JIT107"),
)
COMMENTED_OUT = Advice(
    Family.ABSENT,
    "every batch got the same regular lattice: the jitter is commented out",
    "take the comment away, and call the jitter in the batch loop",
    ("JIT201",),
)
SEEDED_IN_STEP = Advice(
    Family.REPEATED,
    "every batch draws the same numbers: the stream is seeded again each time",
    "seed once, outside the loops",
    ("JIT301", "JIT302"),
)
SEEDED_EACH_EPOCH = Advice(
    Family.REPEATED,
    "every epoch draws the same numbers",
    "seed once, outside the loops",
    ("JIT301", "JIT302"),
)
CONCLUSIVE = (Verdict.PERIODIC, Verdict.FRESH_SUBSET, Verdict.FRESH)


def judge(watch: Watch) -> Report:
    """Judge every stream of every model and loader, and name the lines."""
    whole = watch.provenance.report()
    series = sorted(_coordinates(watch), key=by_severity)
    inputs = tuple(_inputs(watch, series))
    loaders = watch.audit.reports() if watch.audit is not None else ()
    hints = commented_draws(_places(watch, whole)) if any(_is_clean(report) for report in series) else ()
    findings = (
        *_verdicts(watch, series, hints),
        *_flags(watch, series),
        *(finding for loader in loaders for finding in violations(loader)),
        *network_findings(watch, inputs),
        *repeated_draws((*series, *inputs)),
    )
    findings += tuple(broken_promises(watch, loaders, findings))
    conclusion = series[0].conclusion if series else _nothing_seen(watch)
    headline = _headline(watch, findings, series, inputs, loaders)
    said = headline if headline is None or isinstance(headline.word, Verdict) else None
    said = said or _best(watch, findings, series, inputs, loaders)
    conclusion = _headlined(said, conclusion, series, loaders)
    main = series[0].provenance if series else None
    provenance = main if main is not None and main.forwards else whole if whole.forwards and series else None
    return Report(
        verdict=conclusion.verdict,
        conclusion=conclusion,
        flags=frozenset(finding.word for finding in findings if isinstance(finding.word, Flag)),
        findings=findings,
        series=tuple(series),
        inputs=inputs,
        headline=headline,
        provenance=provenance,
        hints=hints,
        notes=(*_notes(watch), *map(sentence, loaders)),
        loaders=loaders,
        ranks=watch.ranks.sentence if watch.ranks is not None else "",
    )


# ------------------------------------------------------------------------------------------- the headline


def _headline(
    watch: Watch,
    findings: tuple[Finding, ...],
    series: list[SeriesReport],
    inputs: tuple[SeriesReport, ...],
    loaders: tuple[LoaderReport, ...],
) -> Finding | None:
    """The worst certain thing; without one, the best that is certain."""
    bad = [finding for finding in findings if finding.family is not None]
    verdicts = [finding for finding in bad if isinstance(finding.word, Verdict)]
    if bad:
        return (verdicts or bad)[0]
    return _best(watch, findings, series, inputs, loaders)


def _best(
    watch: Watch,
    findings: tuple[Finding, ...],
    series: list[SeriesReport],
    inputs: tuple[SeriesReport, ...],
    loaders: tuple[LoaderReport, ...],
) -> Finding | None:
    """What is certain besides violations."""
    good = [finding for finding in findings if finding.word in CONCLUSIVE]
    good += [f for loader in loaders if not loader.evaluation for f in loader.findings if f.word is Verdict.FRESH]
    good += [*_drawn_inputs(inputs), *_new_arrays(watch)]
    if good:
        return good[0]
    return findings[0] if series and findings else _nothing_drawn(watch, inputs, loaders)


def _drawn_inputs(inputs: tuple[SeriesReport, ...]) -> Iterator[Finding]:
    """Inputs that contain a draw of their own in every forward: masks, latents, time steps, noise."""
    for report in inputs:
        sources = report.provenance.sources if report.provenance is not None else ()
        drawn = [source for source in sources if source.draws == source.forwards > 1]
        if drawn and report.conclusion.verdict is Verdict.FRESH:
            where = tuple(map(str, drawn))
            advice = Advice(None, "the network's input is drawn again for every batch")
            seen = f"{report.conclusion.batches} batches, each with a draw of its own"
            yield Finding(Verdict.FRESH, report.argument, seen, "", where, advice)


def _new_arrays(watch: Watch) -> Iterator[Finding]:
    """Noise that NumPy draws again for every batch."""
    for line, batches in watch.shared_noise.new():
        seen = f"{batches} batches, each with an array of its own in it"
        advice = Advice(None, "the network's input is drawn again for every batch")
        yield Finding(Verdict.FRESH, f"noise drawn in {line.site.function}", seen, "", (str(line),), advice)


PICKING = frozenset(
    "randint randperm multinomial permutation permuted shuffle choice choices sample randrange integers "
    "randbelow".split()
)


def _lines_in_the_loop(watch: Watch, among: frozenset[str] | None, besides: frozenset[str] = frozenset()) -> list[str]:
    """The lines that drew between the forwards of training, outside of the networks and of loader workers."""
    own = [(name, f"`{name}` at {site} in {site.function}") for name, site in watch.provenance.lines]
    own += [(line.function.split(".")[-1], str(line)) for line in watch.draws.lines() if line.last_batch > 0]
    return [text for name, text in own if (among is None or name in among) and name not in besides]


def _nothing_drawn(watch: Watch, inputs: tuple[SeriesReport, ...], loaders: tuple[LoaderReport, ...]) -> Finding | None:
    """Said only where the generators were watched: nothing drew from them, or only the networks did."""
    compared = [loader for loader in loaders if not loader.evaluation and loader.verdict is Verdict.FROZEN]
    batches = max((report.conclusion.batches for report in inputs), default=0)
    networks = [network for network in watch.network.networks if network.batches > 1]
    draws_itself = any(n.before_evaluation.drew or n.after_evaluation.drew for n in networks)
    own = ("numpy.random", "random") if draws_itself else ("torch", "numpy.random", "random")
    still = all(n.rewinds.stood_still(name, watch.borders.epochs) for n in networks for name in own)
    still &= not any(line.last_batch > 0 and not line.is_global for line in watch.draws.lines())
    picking = _lines_in_the_loop(watch, PICKING)
    only_picking = bool(picking) and not _lines_in_the_loop(watch, None, besides=PICKING)
    decided = (still or only_picking) and (compared or not loaders) and watch.options.argument is None
    if batches < 2 or not decided:
        return None
    names = [loader.name.removeprefix("the loader of ") for loader in compared] or [r.argument for r in inputs]
    seen = f"{batches} batches; no draw was seen in the samples, nor between the forwards"
    if only_picking:
        seen = f"{batches} batches; only integers are drawn in the loop, which pick or crop samples: {picking[0]}"
    seen += "; the networks themselves draw, as dropout and sampling do" if draws_itself else ""
    advice = Advice(None, "no augmentation, jitter or noise reaches a network: nothing is there that could go wrong")
    return Finding(Verdict.NOTHING_DRAWN, ", ".join(names), seen, "", closer=advice)


def _headlined(
    headline: Finding | None,
    conclusion: Conclusion,
    series: list[SeriesReport],
    loaders: tuple[LoaderReport, ...],
) -> Conclusion:
    """The conclusion that belongs to the headline: a stream's own, or one made of the finding."""
    if headline is None or not isinstance(headline.word, Verdict):
        return conclusion
    for report in series:
        if report.argument == headline.argument and report.conclusion.verdict is headline.word:
            return report.conclusion
    epochs = max((loader.epochs for loader in loaders), default=conclusion.epochs)
    return Conclusion(headline.word, headline.sentence, conclusion.batches, epochs)


def _nothing_seen(watch: Watch) -> Conclusion:
    watched = ", ".join(observer.name for observer in watch.observers) or "any model"
    argument = watch.options.argument
    wanted = f"an argument `{argument}`" if isinstance(argument, str) else "coordinates"
    batches = max((network.batches for network in watch.network.networks), default=0)
    if watch.options.everything and argument is None:
        trained = ", ".join(dict.fromkeys(network.name for network in watch.network.networks)) or "no network"
        sentence = f"{trained}: {batches} batches of training were seen; " + _moving(watch)
        return Conclusion(Verdict.INCONCLUSIVE, sentence, batches, 0, undecided=(_wish(watch),))
    sentence = f"no training forward of {watched} with {wanted} was seen"
    undecided = ("is the watched object what the loop calls, and in training mode?",)
    return Conclusion(Verdict.INCONCLUSIVE, sentence, 0, 0, undecided=undecided)


def _moving(watch: Watch) -> str:
    """Which streams the training draws from, where nothing that is drawn could be followed to a network."""
    networks = [network for network in watch.network.networks if network.batches > 2]
    names = ("torch", "numpy.random", "random")
    moving = [s for s in names if any(not n.rewinds.stood_still(s, watch.borders.epochs) for n in networks)]
    own = any(line.last_batch > 0 and not line.is_global for line in watch.draws.lines())
    moving += ["generators of the program's own"] if own else []
    if not moving:
        return f"no draw was seen in {', '.join(names)}" if watch.draws.complete else "no draw was seen"
    lines = _lines_in_the_loop(watch, None)[:3]
    places = f" ({'; '.join(lines)})" if lines else ""
    return f"numbers are drawn from {', '.join(moving)}{places}, but which of the inputs they change was not seen"


def _wish(watch: Watch) -> str:
    """What would let it be decided."""
    for name, seen in watch.unseen.items():
        if any(network.name == name for network in watch.network.networks):
            argument = seen.split(":")[0]
            return f"train for two epochs or more; if {argument} are coordinates, say so: --argument {argument}"
    return "train for two epochs or more"


# -------------------------------------------------------------------------------------------- the streams


def _coordinates(watch: Watch) -> Iterator[SeriesReport]:
    for observer in watch.observers:
        yield from stream_reports(observer, watch.provenance)


def _inputs(watch: Watch, series: list[SeriesReport]) -> Iterator[SeriesReport]:
    """The other inputs of the networks: those that are not watched as coordinates."""
    judged = {report.argument for report in series}
    for network in watch.network.networks:
        for observer in network.inputs:
            reports = stream_reports(observer, watch.provenance)
            yield from (report for report in reports[:1] if report.argument not in judged)


def _is_clean(report: SeriesReport) -> bool:
    return report.conclusion.verdict is Verdict.CLEAN_GRID


def _places(watch: Watch, provenance: ProvenanceReport) -> tuple[Site, ...]:
    """Where jitter would be written: around the model's call, and where the coordinates are made."""
    made = (provenance.origin[1],) if provenance.origin else ()
    return (*watch.call_sites, *made)


def _verdicts(watch: Watch, series: list[SeriesReport], hints: tuple[Hint, ...]) -> Iterator[Finding]:
    told = set()
    for report in series:
        key = (report.argument, report.conclusion.verdict)
        telling = report.conclusion.verdict not in (Verdict.INCONCLUSIVE, Verdict.NOTHING_DRAWN)
        if key in told or not (telling or report is series[0]):
            continue
        told.add(key)
        where = tuple(_where(report, hints))
        closer = _closer(watch, report, hints)
        conclusion = report.conclusion
        yield Finding(conclusion.verdict, report.argument, conclusion.sentence, describe_values(report), where, closer)


def _closer(watch: Watch, report: SeriesReport, hints: tuple[Hint, ...]) -> Advice | None:
    """Better advice than the verdict's own, where the draws that were followed tell more."""
    conclusion, provenance = report.conclusion, report.provenance
    if report.noise_inside is not None and conclusion.verdict is Verdict.INCONCLUSIVE:
        return NOISE_INSIDE
    if _is_ordinary_data(report):
        return Advice(None, ADVICE[conclusion.verdict].meaning)
    if conclusion.verdict is Verdict.CLEAN_GRID and hints:
        return COMMENTED_OUT
    if conclusion.verdict is Verdict.FROZEN and report.geometry is not None and report.geometry.on_lattice:
        return FROZEN_SELECTION
    if conclusion.verdict is not Verdict.CYCLING or provenance is None:
        return None
    if conclusion.period == 1:
        return SEEDED_IN_STEP
    if any(source.draws == source.forwards for source in provenance.sources):
        return SEEDED_EACH_EPOCH
    once = provenance.sources and all(2 * source.draws <= source.forwards for source in provenance.sources)
    if not (once and provenance.forwards > 3):
        return None
    still = (
        network.rewinds.stood_still(name) for network in watch.network.networks for name in ("numpy.random", "random")
    )
    return DRAWN_BEFORE if all(still) else NO_TORCH_DRAW


def _is_ordinary_data(report: SeriesReport) -> bool:
    """Values that a loader hands out come back in every epoch; what its samples are is judged by their audit."""
    verdict = report.conclusion.verdict
    return report.loaded and verdict in (Verdict.CYCLING, Verdict.PARTIAL, Verdict.ONCE_PER_EPOCH)


def _where(report: SeriesReport, hints: tuple[Hint, ...]) -> Iterator[str]:
    """The lines to look at."""
    provenance, verdict = report.provenance, report.conclusion.verdict
    if verdict is Verdict.CLEAN_GRID:
        yield from (f"commented out at {hint.site}: {hint.text}" for hint in hints)
    noise = report.noise_inside
    if noise is not None:
        yield f"`{noise.operation}` at {noise.site} in {noise.site.function}, inside the model"
    if provenance is None:
        return
    yield from (str(source) for source in provenance.sources)
    if not provenance.sources and provenance.origin is not None and verdict is Verdict.CLEAN_GRID:
        operation, site = provenance.origin
        yield f"coordinates made by `{operation}` at {site} in {site.function}; no draw reaches the model"
    elif not provenance.sources and provenance.forwards and ADVICE[verdict].family is not None and not report.loaded:
        yield "the draw was not seen: made before the probe, by NumPy or Python, in a worker, or in compiled code"
    if provenance.call is not None:
        yield f"model called at {provenance.call} in {provenance.call.function}"


def _flags(watch: Watch, series: list[SeriesReport]) -> Iterator[Finding]:
    for report in series:
        for flag in sorted(report.flags, key=lambda flag: flag.value):
            yield Finding(flag, report.argument, report.conclusion.sentence, describe_values(report))
    yield from _evaluation(watch.observers)
    networks = ", ".join(dict.fromkeys(network.name for network in watch.network.networks))
    argument = series[0].argument if series else f"inputs of {networks}"
    if watch.ranks is not None and watch.ranks.duplicated:
        yield Finding(Flag.RANKS_DUPLICATED, argument, watch.ranks.sentence, "")
    if watch.ignored:
        yield Finding(Flag.IGNORED_BY_MODEL, argument, "moving the last sample's coordinates changed no output", "")


def _evaluation(observers: list[Observer]) -> Iterator[Finding]:
    trained = training_units(observers)
    for observer in observers:
        for series in evaluation_series(observer):
            if evaluation_is_jittered(series, trained):
                path = observer.choice.path if observer.choice else "?"
                sentence = f"{len(series.units)} batches in {series.phase.value} had different, off-lattice coordinates"
                yield Finding(Flag.EVAL_JITTER, f"{observer.name}({path})", sentence, str(series.shape))
                break


def _notes(watch: Watch) -> Iterator[str]:
    yield from watch.notes
    for observer in watch.observers:
        if observer.choice is not None:
            yield f"argument {observer.name}({observer.choice.path}): {observer.choice.reason}"
        if observer.skipped:
            yield f"{observer.skipped} calls of {observer.name} had no such argument"
        if observer.recomputed:
            yield f"{observer.recomputed} recomputed forwards (gradient checkpointing) were not counted"
        forwards = sum(series.forwards for series in evaluation_series(observer))
        if forwards:
            yield f"{forwards} forwards of {observer.name} in evaluation or without gradients are judged apart"
    if not any(observer.choice for observer in watch.observers):
        yield from (f"called without coordinate-like input: {name}({seen})" for name, seen in watch.unseen.items())
