"""What a run proves about a finding: for every rule the facts that confirm it and those that refute it.

The table is data; each kind of claim has one function that holds it against the evidence. A finding is refuted only by
proof: the line ran, its draw reached a network, and was new as often as the finding denies. Everything else is open.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from jitlint.diagnostic import Diagnostic, Location
from jitlint.evidence import Evidence, Observed, RunFile, Status, extent, hits, places

__all__ = ["CLAIMS", "Claim", "Kind", "Subject", "judge"]

_FEW = 3  # batches with a draw of their own below which nothing is refuted
_TOO_WIDE, _TOO_NARROW = 0.5, 0.01  # of a pixel; the limits of JIT403


class Kind(enum.Enum):
    """What a finding says, and so what can decide it."""

    HELD = "one draw serves many batches"
    ORDERED = "one order serves many epochs"
    REPEATED = "the numbers of a stream come back"
    ABSENT = "an augmentation does not take place"
    UNCALLED = "a function is never called"
    DISCARDED = "what is drawn reaches no network"
    SAMPLES = "the samples of a loader do not vary as they should"
    WORKERS = "the workers of a loader draw the same"
    STATED = "the probe has a word for it"
    SCALE = "the width of the jitter is wrong"


@dataclass(frozen=True)
class Claim:
    """The words of the probe, verdicts or flags of the stream or loader in question, that decide a rule's findings.

    `anywhere`: the word is about the whole program, and holds for every finding of the rule that was reached.
    """

    kind: Kind
    confirmed_by: frozenset[str] = frozenset()
    refuted_by: frozenset[str] = frozenset()
    anywhere: bool = False


_STALE = frozenset({"FROZEN", "ONCE_PER_EPOCH", "CYCLING"})
_NEW = frozenset({"FRESH"})
_SAME = frozenset({"CYCLING", "WORKERS_DUPLICATED"})
_NOTHING = frozenset({"CLEAN_GRID", "NOTHING_DRAWN", "FROZEN"})

CLAIMS: Mapping[str, Claim] = {
    "JIT101": Claim(Kind.HELD, _STALE, _NEW),
    "JIT102": Claim(Kind.HELD, _STALE, _NEW),
    "JIT103": Claim(Kind.HELD, _STALE, _NEW),
    "JIT104": Claim(Kind.HELD, _STALE, _NEW),
    "JIT105": Claim(Kind.SAMPLES, frozenset({"CYCLING"}), _NEW),
    "JIT106": Claim(Kind.HELD, _STALE, _NEW),
    "JIT107": Claim(Kind.ORDERED, frozenset({"CYCLING", "ORDER_REPEATED"})),
    "JIT201": Claim(Kind.ABSENT, _NOTHING),
    "JIT202": Claim(Kind.UNCALLED),
    "JIT203": Claim(Kind.SAMPLES, frozenset({"FROZEN"}), _NEW),
    "JIT204": Claim(Kind.DISCARDED),
    "JIT205": Claim(Kind.ABSENT, _NOTHING),
    "JIT207": Claim(Kind.STATED, frozenset({"LOST_TRAINING_MODE"}), anywhere=True),
    "JIT301": Claim(Kind.REPEATED, frozenset({"CYCLING"}), _NEW),
    "JIT302": Claim(Kind.REPEATED, frozenset({"CYCLING"}), _NEW),
    "JIT303": Claim(Kind.WORKERS, _SAME, _NEW),
    "JIT304": Claim(Kind.WORKERS, _SAME, _NEW),
    "JIT305": Claim(Kind.WORKERS, _SAME, _NEW),
    "JIT306": Claim(Kind.STATED, frozenset({"ORDER_REPEATED"}), anywhere=True),
    "JIT307": Claim(Kind.STATED, frozenset({"RANKS_DUPLICATED"}), anywhere=True),
    "JIT401": Claim(Kind.STATED, frozenset({"EVAL_JITTER"})),
    "JIT402": Claim(Kind.STATED, frozenset({"DRIFT"})),
    "JIT403": Claim(Kind.SCALE),
    "JIT405": Claim(Kind.STATED, frozenset({"CLAMPED"})),
}


class Step(NamedTuple):
    """A place of a finding in a file that the run read, by the run's name of the file."""

    role: str
    file: RunFile
    location: Location


@dataclass(frozen=True)
class Subject:
    """A finding, the absolute path of its file, the run's view of it, and the finding's places in the run's files."""

    item: Diagnostic
    path: str
    file: RunFile
    steps: tuple[Step, ...]

    def spots(self, *roles: str) -> list[tuple[str, Location]]:
        """The places of some roles, or of all; the finding's own if no other has the role."""
        found = [(step.file.path, step.location) for step in self.steps if not roles or step.role in roles]
        return found or [(self.file.path, self.item.location)]

    def ran(self, *roles: str) -> int:
        """How often the places of some roles ran, at most."""
        steps = [step for step in self.steps if step.role in roles]
        return max((step.file.ran(step.location) for step in steps), default=self.file.ran(self.item.location))


def judge(subject: Subject, evidence: Evidence) -> Observed:
    """What the run says about a finding."""
    claim = CLAIMS.get(subject.item.code)
    if claim is not None:
        because = _stated(subject, evidence, claim) or _JUDGES[claim.kind][0](subject, evidence, claim)
        if because:
            return Observed(Status.CONFIRMED, because)
        because = _JUDGES[claim.kind][1](subject, evidence, claim)
        if because:
            return Observed(Status.REFUTED, because)
    return _open(subject, evidence, claim)


# ------------------------------------------------------------------------------------- neither nor


def _open(subject: Subject, evidence: Evidence, claim: Claim | None) -> Observed:
    """Not reached, or reached and not decided."""
    if _reached(subject):
        found = next((item for item in evidence.content["findings"] if subject.item.code in item["jitlint"]), None)
        if found is not None:
            return Observed(Status.UNDECIDED, f"{_said(found)}, but not that this line is the cause")
        undecided = "this line ran, but what the run saw decides nothing" if claim is not None else _NO_RUN
        return Observed(Status.UNDECIDED, undecided)
    if not evidence.content["lines_complete"]:
        return Observed(Status.UNDECIDED, "the run could not follow which lines ran")
    if evidence.content["workers"]:
        return Observed(Status.UNDECIDED, "not run in the main process; what loader workers run is not followed")
    return Observed(Status.NOT_REACHED, "this line did not run")


_NO_RUN = "no run can decide this one"


def _reached(subject: Subject) -> bool:
    """Whether the finding's line ran; of a comment or a definition, the function or the file around it."""
    if subject.file.ran(subject.item.location):
        return True
    first, last, _ = extent(subject.path, subject.item.location.line)
    roles = {step.role for step in subject.steps if step.location == subject.item.location}
    if roles & {"comment", "override"}:
        return _entered(subject.file, first, last) > 0 if last else bool(subject.file.lines)
    return False


def _entered(file: RunFile, first: int, last: int) -> int:
    return sum(times for line, times in file.functions.items() if first <= line <= last)


# ----------------------------------------------------------------------------------- the probe's own words


def _stated(subject: Subject, evidence: Evidence, claim: Claim) -> str:
    """The probe found something that it names this rule for, where the finding puts the cause.

    Where a network is called is no cause: many findings may end there.
    """
    spots = subject.spots() if claim.kind is Kind.STATED else subject.spots(*_CAUSES)
    for finding in evidence.content["findings"]:
        if subject.item.code not in finding["jitlint"]:
            continue
        found = [(place["path"], place["line"]) for place in finding["places"]]
        at_it = any(path == name and at.line <= line <= at.end_line
                    for name, at in spots for path, line in found)  # fmt: skip
        if at_it and (claim.kind is not Kind.STATED or finding["code"] in claim.confirmed_by):
            return _said(finding)
    return ""


_CAUSES = ("draw", "seed", "call", "comment", "definition", "override")


def _word(subject: Subject, evidence: Evidence, claim: Claim) -> str:
    """A word on the whole program, if the finding's line ran, or on a stream that the finding's draws reach."""
    if claim.anywhere and _reached(subject):
        words = (item for item in evidence.content["findings"] if item["code"] in claim.confirmed_by)
        return next(map(_said, words), "")
    for stream, _ in _sources(subject, evidence):
        for flag in stream["flags"]:
            if flag in claim.confirmed_by:
                return f"{stream['argument']}: {stream['sentence']} ({flag})"
    return ""


def _said(finding: Mapping[str, Any]) -> str:
    return f"{finding['argument']}: {finding['seen']} ({finding['code']})"


# ---------------------------------------------------------------------------------------------- stale


def _sources(subject: Subject, evidence: Evidence) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """The streams that draws of the finding reach, with the draws, where nothing was picked from what was drawn."""
    spots = subject.spots("draw")
    for stream in evidence.content["streams"]:
        for source in stream["sources"]:
            if source["whole"] and hits(places(source), spots):
                yield stream, source


def _is_held(subject: Subject, evidence: Evidence, claim: Claim) -> str:
    for stream, source in _sources(subject, evidence):
        if source["longest"] > 1:
            drawn = f"drawn {_times(source['draws'])} for {_count(source['batches'], 'batch')}"
            return f"{drawn} of {stream['argument']}; one draw served {source['longest']}"
    for stream in evidence.content["streams"]:
        for stale in stream["stale"]:
            if stale["kind"] != "ordered" and hits(places(stale), subject.spots("draw")):
                return f"one draw served {stale['forwards']} forwards of {stream['argument']}"
    return _outlived(subject, evidence, claim)


def _outlived(subject: Subject, evidence: Evidence, claim: Claim) -> str:
    """A draw that is not followed, of NumPy say: it drew seldom, its consumer ran often, and values came back there."""
    times = [draw["times"] for draw in evidence.content["draws"]
             if not draw["followed"] and hits(places(draw), subject.spots("draw"))]  # fmt: skip
    ran = subject.ran("consumer")
    if not times or ran < 2 * subject.ran("draw"):
        return ""
    for stream in evidence.content["streams"]:
        is_stale = stream["coordinates"] and not stream["loaded"] and stream["verdict"] in claim.confirmed_by
        if is_stale and _is_called_at(stream, subject.spots("consumer")):
            return f"drawn {_times(max(times))}, while its consumer ran {_times(ran)}; {_seen(stream)}"
    return ""


def _is_new(subject: Subject, evidence: Evidence, claim: Claim) -> str:
    """Every network that the draw reaches got a draw of its own in every batch, and no batch had old values.

    And no draw was consumed twice: a loop inside of a batch may be the one that the finding is about.
    """
    found = list(_sources(subject, evidence)) if subject.ran("draw") >= subject.ran("consumer") else []
    if not found or any(source["longest"] > 1 or source["batches"] < _FEW for _, source in found):
        return ""
    if _goes_back(evidence) or any(stream["verdict"] not in claim.refuted_by for stream, _ in found):
        return ""
    batches = max(source["batches"] for _, source in found)
    return f"each of {_count(batches, 'batch')} of {found[0][0]['argument']} had a draw of its own"


def _goes_back(evidence: Evidence) -> bool:
    """Whether numbers come back in this run: a draw of its own is no new value then."""
    return any(finding["family"] == "repeated" for finding in evidence.content["findings"])


def _is_ordered_once(subject: Subject, evidence: Evidence, claim: Claim) -> str:
    for stream in evidence.content["streams"]:
        for stale in stream["stale"]:
            if stale["kind"] == "ordered" and hits(places(stale), subject.spots("draw")):
                return f"one order served {stale['forwards']} batches of {stream['argument']}"
    return ""


# ------------------------------------------------------------------------------------------- repeated


def _comes_back(subject: Subject, evidence: Evidence, claim: Claim) -> str:
    for seeding in evidence.content["seeds"]:
        again = seeding["times"] > 1 and seeding["after_draws"] > 0
        if again and hits(places(seeding), subject.spots("seed")):
            drawn = "numbers were drawn in between"
            return f"`{seeding['function']}({seeding['seed']})` ran {_times(seeding['times'])}; {drawn}"
    for stream, source in _sources(subject, evidence):
        if stream["coordinates"] and not stream["loaded"] and stream["verdict"] in claim.confirmed_by:
            return f"drawn {_times(source['draws'])}; {_seen(stream)}"
    return ""


def _differs(subject: Subject, evidence: Evidence, claim: Claim) -> str:
    """Every seeding had a number of its own; or the coordinates that the draws reach were new in every batch."""
    own = [seeding for seeding in evidence.content["seeds"] if hits(places(seeding), subject.spots("seed"))]
    if len(own) > 1 and all(seeding["times"] == 1 for seeding in own):
        return f"seeded {_times(len(own))}, each time with another number"
    found = [stream for stream, _ in _sources(subject, evidence) if stream["coordinates"] and not stream["loaded"]]
    return _is_new(subject, evidence, claim) if found and not own else ""


# --------------------------------------------------------------------------------------------- absent


def _takes_no_place(subject: Subject, evidence: Evidence, claim: Claim) -> str:
    """The function around the finding ran, and what it gives to a network, or the loader's samples, never varied."""
    if not _reached(subject):
        return ""
    if evidence.content["verdict"] in claim.confirmed_by & {"NOTHING_DRAWN"}:
        return str(evidence.content["sentence"])
    first, last, _ = extent(subject.path, subject.item.location.line)
    around = [(subject.file.path, Location(first, 1, last, 1)), *subject.spots("consumer")]
    for stream in evidence.content["streams"]:
        is_clean = stream["coordinates"] and stream["verdict"] in claim.confirmed_by - {"FROZEN"}
        if is_clean and _is_called_at(stream, around):
            return _seen(stream)
    return _is_same(subject, evidence, claim) if "FROZEN" in claim.confirmed_by else ""


def _is_uncalled(subject: Subject, evidence: Evidence, claim: Claim) -> str:
    content = evidence.content
    is_seen = content["lines_complete"] and not content["workers"] and subject.file.lines and evidence.batches
    if not is_seen or _calls(subject):
        return ""
    return f"never called in {_count(evidence.batches, 'batch')} of training"


def _is_called(subject: Subject, evidence: Evidence, claim: Claim) -> str:
    calls = _calls(subject)
    return f"called {_times(calls)}" if calls else ""


def _calls(subject: Subject) -> int:
    """How often the function ran, or of a class any function in it; a class' own body runs once, as it is made."""
    first, last, is_class = extent(subject.path, subject.item.location.line)
    inside = {line: times for line, times in subject.file.functions.items() if first <= line <= last}
    if is_class:
        inside.pop(first, None)
        inside.pop(subject.item.location.line, None)
        return sum(inside.values())
    return inside.get(first, 0)


def _reaches_nothing(subject: Subject, evidence: Evidence, claim: Claim) -> str:
    drawn = _followed(subject, evidence)
    if drawn and evidence.content["streams"] and not any(draw["reached_a_network"] for draw in drawn):
        return f"drawn {_times(sum(draw['times'] for draw in drawn))}, and none of it reached a network"
    return ""


def _reaches(subject: Subject, evidence: Evidence, claim: Claim) -> str:
    drawn = [draw for draw in _followed(subject, evidence) if draw["reached_a_network"]]
    return f"what is drawn here reached a network in {_count(evidence.batches, 'batch')}" if drawn else ""


def _followed(subject: Subject, evidence: Evidence) -> list[Mapping[str, Any]]:
    return [draw for draw in evidence.content["draws"]
            if draw["followed"] and hits(places(draw), subject.spots("draw"))]  # fmt: skip


# -------------------------------------------------------------------------------------------- loaders


def _loaders(subject: Subject, evidence: Evidence) -> Sequence[Mapping[str, Any]]:
    """The loaders that were trained on: those whose data set the finding is in, or else all."""
    training = [loader for loader in evidence.content["loaders"] if not loader["evaluation"]]
    own = [loader for loader in training if any(_is_in(place, subject, evidence) for place in loader["datasets"])]
    return own or training


def _is_in(dataset: Mapping[str, Any], subject: Subject, evidence: Evidence) -> bool:
    path = evidence.path_here(dataset["path"])
    first, last, _ = extent(path, dataset["line"]) if path is not None else (1, 0, False)
    return any(name == dataset["path"] and first <= at.line <= last for name, at in subject.spots())


def _is_same(subject: Subject, evidence: Evidence, claim: Claim) -> str:
    return _agreed(_loaders(subject, evidence), claim.confirmed_by) if _reached(subject) else ""


def _varies(subject: Subject, evidence: Evidence, claim: Claim) -> str:
    return _agreed(_loaders(subject, evidence), claim.refuted_by) if _reached(subject) else ""


def _is_same_in_workers(subject: Subject, evidence: Evidence, claim: Claim) -> str:
    return _agreed([item for item in _loaders(subject, evidence) if item["workers"]], claim.confirmed_by)


def _varies_in_workers(subject: Subject, evidence: Evidence, claim: Claim) -> str:
    found = [item for item in _loaders(subject, evidence) if item["workers"] > 1]
    return "" if any(item["same_across_workers"] is not False for item in found) else _agreed(found, claim.refuted_by)


def _agreed(loaders: Sequence[Mapping[str, Any]], words: frozenset[str]) -> str:
    """What was seen of the first loader, if every one has one of the words."""
    if not loaders or not all(words & {loader["verdict"], *loader["flags"]} for loader in loaders):
        return ""
    loader = loaders[0]
    seen = f"{_count(loader['samples'], 'sample')} compared over {_count(loader['epochs'], 'epoch')}"
    return f"{loader['name']}: {seen} ({', '.join(sorted(words & {loader['verdict'], *loader['flags']}))})"


# ---------------------------------------------------------------------------------------------- scale


def _widths(subject: Subject, evidence: Evidence) -> list[float]:
    found = [stream for stream, _ in _sources(subject, evidence) if stream["coordinates"]]
    return [float(stream["std_pixels"]) for stream in found if stream["std_pixels"]]


def _is_off(subject: Subject, evidence: Evidence, claim: Claim) -> str:
    off = [width for width in _widths(subject, evidence) if not _TOO_NARROW <= width <= _TOO_WIDE]
    return f"the measured width is {off[0]:.3g} pixels" if off else ""


def _is_fitting(subject: Subject, evidence: Evidence, claim: Claim) -> str:
    streams = [stream for stream in evidence.content["streams"] if stream["coordinates"]]
    widths = _widths(subject, evidence)
    return f"the measured width is {widths[0]:.3g} pixels" if widths and len(streams) == 1 else ""


# -------------------------------------------------------------------------------------------- helpers


def _never(subject: Subject, evidence: Evidence, claim: Claim) -> str:
    """Nothing that is seen proves it."""
    return ""


def _is_called_at(stream: Mapping[str, Any], spots: Sequence[tuple[str, Location]]) -> bool:
    """Whether the network is called, or its coordinates are made, at one of the places."""
    found = [place for place in (stream["call"], stream["origin"]) if place is not None]
    return any(
        place["path"] == path and at.line <= place["line"] <= at.end_line for place in found for path, at in spots
    )


def _seen(stream: Mapping[str, Any]) -> str:
    return f"{stream['argument']}: {stream['sentence']} ({stream['verdict']})"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 'es' if noun.endswith('ch') else 's'}"


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number:,} times"


_Judge = Callable[[Subject, Evidence, Claim], str]
_JUDGES: Mapping[Kind, tuple[_Judge, _Judge]] = {  # what confirms, what refutes
    Kind.HELD: (_is_held, _is_new),
    Kind.ORDERED: (_is_ordered_once, _never),
    Kind.REPEATED: (_comes_back, _differs),
    Kind.ABSENT: (_takes_no_place, _never),
    Kind.UNCALLED: (_is_uncalled, _is_called),
    Kind.DISCARDED: (_reaches_nothing, _reaches),
    Kind.SAMPLES: (_is_same, _varies),
    Kind.WORKERS: (_is_same_in_workers, _varies_in_workers),
    Kind.STATED: (_word, _never),
    Kind.SCALE: (_is_off, _is_fitting),
}
