"""The findings of a run of the linter beside the evidence of a run of the program."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jitlint.diagnostic import Confidence, Diagnostic, Location
from jitlint.engine import Outcome
from jitlint.evidence import Evidence, Observed, Status, read_evidence
from jitlint.evidence_claims import Step, Subject, judge
from jitlint.files import File, key_of
from jitlint.report.summary import count
from jitlint.report.view import Texts
from jitlint.source import UnreadableSource, load_source
from jitlint.suppress import suppresses

__all__ = ["Joined", "join", "load", "not_refuted"]

_FAMILIES = {"stale": "RUN1", "absent": "RUN2", "repeated": "RUN3", "misplaced": "RUN4"}
_LISTED = 3  # files that are named in a warning


@dataclass(frozen=True)
class Joined:
    """The outcome without what the run refuted, what the run says of each finding, and what it refuted."""

    outcome: Outcome
    observed: Mapping[Diagnostic, Observed]
    refuted: tuple[Diagnostic, ...]
    sentence: str


def load(file: str, cwd: str) -> Evidence:
    """The evidence; raises UsageError."""
    return read_evidence(Path(file), Path(cwd))


def join(outcome: Outcome, evidence: Evidence, files: Sequence[File], texts: Texts) -> Joined:
    """Mark the findings by what the run says; what it refutes is not counted, what only it saw is added.

    Of the findings below the confidence that was asked for, the confirmed ones are reported.
    """
    report = outcome.report
    joiner = _Joiner(replace(evidence), texts.cwd)  # afresh: what it knows of files was true before they were fixed
    observed = {item: joiner.observed(item) for item in (*report.diagnostics, *report.uncertain)}
    sure = tuple(item for item in report.uncertain if observed[item].status is Status.CONFIRMED)
    shown = (*report.diagnostics, *sure)
    refuted = tuple(item for item in shown if observed[item].status is Status.REFUTED)
    kept = [item for item in shown if item not in refuted]
    told = {item.code for item in kept if observed[item].status in (Status.CONFIRMED, Status.UNDECIDED)}
    alone, elsewhere = joiner.alone(told, {file.path for file in files}, texts)
    report = replace(
        report,
        diagnostics=tuple(sorted([*kept, *alone], key=lambda item: item.sort_key)),
        held=report.held - len(sure),
        warnings=(*report.warnings, *joiner.warnings(files), *elsewhere),
        undecided=(),
    )
    observed |= alone
    states = [observed[item].status for item in kept]
    return Joined(replace(outcome, report=report), observed, refuted, _sentence(states, len(refuted), len(alone)))


def not_refuted(found: Sequence[Diagnostic], evidence: Evidence, cwd: str) -> list[Diagnostic]:
    """The findings that the run does not disprove."""
    joiner = _Joiner(evidence, cwd)
    return [item for item in found if joiner.observed(item).status is not Status.REFUTED]


def _sentence(states: Sequence[Status], refuted: int, alone: int) -> str:
    """`1 confirmed by the run, 1 not reached.`"""
    said = [
        f"{number:,} {status.value}{' by the run' if status is Status.CONFIRMED else ''}"
        for status in (Status.CONFIRMED, Status.UNDECIDED, Status.NOT_REACHED)
        if (number := sum(state is status for state in states))
    ]
    said += [f"{alone:,} seen by the run alone"] * bool(alone)
    said += [f"{refuted:,} refuted by the run and not counted"] * bool(refuted)
    return f"{', '.join(said)}." if said else ""


class _Joiner:
    """Finds the places of findings in the run's files, and the other way round."""

    def __init__(self, evidence: Evidence, cwd: str) -> None:
        self.evidence = evidence
        self.cwd = cwd

    def observed(self, item: Diagnostic) -> Observed:
        """What the run says about a finding."""
        path = self._absolute(item.path)
        file = self.evidence.of(path)
        if file is not None and item.location.cell is None:
            return judge(Subject(item, path, file, tuple(self._steps(item))), self.evidence)
        if self.evidence.changed([path]):
            return Observed(Status.UNDECIDED, "the file has changed since the run")
        return Observed(Status.NOT_REACHED, "the run did not use this file")

    def _steps(self, item: Diagnostic) -> Iterator[Step]:
        for step in item.evidence:
            file = self.evidence.of(self._absolute(step.path))
            if file is not None and step.location.cell is None:
                yield Step(step.role, file, step.location)

    def _absolute(self, key: str) -> str:
        return os.path.normpath(os.path.join(self.cwd, key))  # noqa: PTH118

    # ------------------------------------------------------------------------------ what only the run saw

    def alone(self, told: set[str], linted: set[str], texts: Texts) -> tuple[dict[Diagnostic, Observed], list[str]]:
        """The violations of streams that no finding (of the rules `told`) tells of; a line each for other files."""
        found: dict[Diagnostic, Observed] = {}
        elsewhere = []
        violations = self.evidence.content["findings"]
        arguments = {item["argument"] for item in violations if told & set(item["jitlint"])}
        for violation in violations:
            if violation["argument"] in arguments:
                continue
            places = list(self._places(violation))
            if any(self._is_accepted(path, line, violation["jitlint"]) for path, line in places):
                continue
            here = next((place for place in places if place[0] in linted), None)
            if here is not None:
                found[self._diagnostic(violation, *here, texts)] = Observed(Status.CONFIRMED, violation["seen"])
            elif places:
                path, line = places[0]
                place = f"{key_of(path, self.cwd)}:{line}"
                elsewhere.append(f"the run also saw, in a file that is not linted here, {violation['code']} at {place}")
        return found, elsewhere

    def _places(self, violation: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
        """Where the violation is, by absolute path and line, in files that have not changed."""
        for place in violation["places"]:
            path = self.evidence.path_here(place["path"])
            if path is not None:
                yield path, place["line"]

    def _is_accepted(self, path: str, line: int, codes: Sequence[str]) -> bool:
        """Whether a comment says that a finding of the probe's rules is meant there."""
        try:
            return suppresses(load_source(path, Path(path).read_bytes()), line, codes)
        except (OSError, UnreadableSource):
            return False

    def _diagnostic(self, violation: Mapping[str, Any], path: str, number: int, texts: Texts) -> Diagnostic:
        key = key_of(path, self.cwd)
        line = texts.line(key, Location(number, 1, number, 1))
        start = len(line) - len(line.lstrip()) + 1
        location = Location(number, start, number, len(line.rstrip()) + 1)
        name = violation["code"].lower().replace("_", "-")
        message = f"{violation['argument']}: {violation['meaning']}; {violation['remedy']}".rstrip("; ")
        return Diagnostic(_FAMILIES[violation["family"]], name, message, key, location, Confidence.HIGH)

    def warnings(self, files: Sequence[File]) -> list[str]:
        """What the evidence does not hold for."""
        paths = [file.path for file in files]
        changed = [key_of(path, self.cwd) for path in self.evidence.changed(paths)]
        name = self.evidence.name
        if changed:
            listed = ", ".join(changed[:_LISTED]) + (", …" if len(changed) > _LISTED else "")
            have = "has" if len(changed) == 1 else "have"
            return [f"{name} is of an older text: {listed} {have} changed since the run; run the program again"]
        if paths and not self.evidence.knows_any(paths):
            return [f"{name} is of other files: the run used none of the {count(len(paths), 'file')} linted here"]
        return []
