"""What a run proves about lines of the source, as a file for `jitlint --evidence`: see docs/evidence.md.

A `Recorder` listens while the program runs; `Recorder.to_dict` says what it heard, beside the report. The file holds
facts (lines, counts, streams and their verdicts); what they confirm or refute is the linter's to say.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime_probe.draws import DrawLine
from runtime_probe.findings import Finding, LoaderReport, SeriesReport
from runtime_probe.lines import FileLines, LineLog
from runtime_probe.observer import Observer
from runtime_probe.report import Report
from runtime_probe.seeds import Seeding
from runtime_probe.sites import Site, is_library, user_frames
from runtime_probe.streams import stream_reports
from runtime_probe.traces import Draw, ProvenanceReport, Stale, Trace
from runtime_probe.verdict import Verdict
from runtime_probe.watch import Watch

SCHEMA = "runtime_probe/evidence/1"
WINDOW = 256  # forwards in which draws are followed, where evidence is asked for

Stack = tuple[Site, ...]


@dataclass(eq=False)
class DrawSite:
    """One random operation and the calls that led to it: how often it drew, and in how many batches of training."""

    times: int = 0
    batches: set[int] = field(default_factory=set)


@dataclass(eq=False)
class Served:
    """Draws of one place in one stream: which batches, and which epochs, each single draw was used in."""

    batches: dict[int, set[tuple[int, int]]] = field(default_factory=dict)
    whole: bool = True  # no part was picked from what was drawn, as data are a batch at a time

    def add(self, serial: int, whole: bool, epoch: int, batch: int) -> None:
        """A draw is in what a network is given in this batch."""
        self.batches.setdefault(serial, set()).add((epoch, batch))
        self.whole &= whole

    @property
    def all(self) -> set[tuple[int, int]]:
        """Every batch, as (epoch, batch)."""
        return set().union(*self.batches.values())

    @property
    def longest(self) -> int:
        """The most batches that one draw served."""
        return max(map(len, self.batches.values()), default=0)

    @property
    def longest_epochs(self) -> int:
        """The most epochs that one draw served."""
        return max((len({epoch for epoch, _ in served}) for served in self.batches.values()), default=0)


class Recorder:
    """Listens to a watch: which draws happen, and which batches each of them serves."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.lines = LineLog()
        self._root = Path.cwd()  # a program may change it
        self.draws: dict[tuple[str, Stack], DrawSite] = {}
        self.served: dict[Observer, dict[tuple[str, Stack], Served]] = {}
        self.calls: dict[Observer, Site | None] = {}  # where each network is first called, as it trains
        watch.provenance.on_draw = self._drew
        watch.provenance.on_use = self._used

    def _drew(self, draw: Draw) -> None:
        site = self.draws.setdefault((draw.operation, _stack(draw)), DrawSite())
        site.times += 1
        site.batches.add(self.watch.borders.all_steps)

    def _used(self, stream: object, trace: Trace) -> None:
        if not isinstance(stream, Observer) or not stream.module.training:
            return
        if stream not in self.calls:
            self.calls[stream] = next(user_frames(sys._getframe(1)), None)
        position = self.watch.borders.position()
        served = self.served.setdefault(stream, {})
        for draw in trace.draws:
            if "." in draw.operation:  # of NumPy or Python: told by its line
                continue
            key = (draw.operation, _stack(draw))
            served.setdefault(key, Served()).add(
                draw.serial, draw.serial in trace.whole, position.epoch, position.batch
            )

    def to_dict(self, report: Report, command: Iterable[str], exit_code: int) -> dict[str, Any]:
        """The content of the file; paths are relative to the current directory where they lie in it."""
        paths = _Paths(self._root)
        loaders = list(self._loaders(paths))
        content = {
            "schema": SCHEMA,
            "command": list(command),
            "exit_code": exit_code,
            "verdict": report.verdict.value,
            "flags": sorted(flag.value for flag in report.flags),
            "sentence": report.conclusion.sentence,
            "loops": {"batches": self._batches(report), "epochs": report.conclusion.epochs},
            "workers": any(loader["workers"] for loader in loaders),
            "lines_complete": self.lines.complete,
            "draws": [*self._torch_draws(paths), *self._other_draws(paths)],
            "streams": list(self._streams(paths)),
            "seeds": [_seeding(seeding, paths) for seeding in self.watch.seeds.seedings],
            "loaders": loaders,
            "findings": [self._finding(finding, report, paths) for finding in report.findings if finding.family],
        }
        files = sorted({*paths.seen, *(file for file in self.lines.files if paths.of(file))})
        content["files"] = [_file(paths.absolute(file), paths.of(file), self.lines.files.get(file)) for file in files]
        return content

    def _batches(self, report: Report) -> int:
        networks = [network.batches for network in self.watch.network.networks]
        return max([report.conclusion.batches, *networks])

    def _torch_draws(self, paths: _Paths) -> Iterator[dict[str, Any]]:
        reached = {key for served in self.served.values() for key in served}
        for (operation, stack), site in self.draws.items():
            places = paths.stack(stack)
            if places:
                yield {"operation": operation, "followed": True, "reached_a_network": (operation, stack) in reached,
                       "times": site.times, "batches": len(site.batches), "stack": places}  # fmt: skip

    def _other_draws(self, paths: _Paths) -> Iterator[dict[str, Any]]:
        for line in self.watch.draws.lines():
            if line.function.startswith("torch."):  # followed, and told with its calls
                continue
            places = paths.stack((line.site, *line.callers))
            if places:
                yield _draw_line(line, places)

    def _streams(self, paths: _Paths) -> Iterator[dict[str, Any]]:
        inputs = [observer for network in self.watch.network.networks for observer in network.inputs]
        for observer in dict.fromkeys([*self.watch.observers, *inputs]):
            reports = stream_reports(observer, self.watch.provenance)
            if reports:
                yield self._stream(observer, reports[0], paths)

    def _stream(self, observer: Observer, report: SeriesReport, paths: _Paths) -> dict[str, Any]:
        origin = report.provenance.origin if report.provenance is not None else None
        geometry, conclusion = report.geometry, report.conclusion
        return {
            "argument": report.argument,
            "coordinates": report.is_coordinates,
            "verdict": conclusion.verdict.value,
            "period": conclusion.period,
            "flags": sorted(flag.value for flag in report.flags),
            "sentence": conclusion.sentence,
            "loaded": report.loaded,
            "borders": report.borders,
            "batches": conclusion.batches,
            "epochs": conclusion.epochs,
            "std_pixels": geometry.std_pixels if geometry is not None else None,
            "call": paths.site(self.calls.get(observer)),
            "origin": paths.site(origin[1] if origin else None),
            "stale": list(_stale(report.provenance, paths)),
            "sources": [
                _source(
                    operation, stack, served, observer.optimizers if report.borders == "optimizer steps" else 1, paths
                )
                for (operation, stack), served in self.served.get(observer, {}).items()
                if paths.stack(stack)
            ],
        }

    def _loaders(self, paths: _Paths) -> Iterator[dict[str, Any]]:
        for loader, kinds, workers in self.watch.audit.details() if self.watch.audit is not None else ():
            yield _loader(loader, kinds, workers, paths)

    # -------------------------------------------------------------------------------------- what was found

    def _finding(self, finding: Finding, report: Report, paths: _Paths) -> dict[str, Any]:
        places = [place for place in map(paths.site, self._sites(finding, report)) if place is not None]
        advice = finding.advice
        return {
            "code": finding.word.value,
            "family": finding.family.value if finding.family else None,
            "argument": finding.argument,
            "meaning": advice.meaning,
            "seen": finding.sentence,
            "remedy": advice.remedy,
            "jitlint": list(advice.codes),
            "places": [dict(pair) for pair in dict.fromkeys(tuple(place.items()) for place in places)],
        }

    def _sites(self, finding: Finding, report: Report) -> Iterator[Site]:
        """Where to look, the most telling first: what is commented out, what drew, what seeds, the network."""
        if finding.word is Verdict.CLEAN_GRID:
            yield from (hint.site for hint in report.hints)
        for observer, served in self.served.items():
            path = observer.choice.path if observer.choice is not None else "?"
            if finding.argument == f"{observer.name}({path})":
                yield from (site for (_, stack), use in served.items() if use.whole for site in stack)
        if "JIT301" in finding.advice.codes:
            yield from (seeding.site for seeding in self.watch.seeds.seedings if seeding.times > 1)
        yield from (
            a.site for a in self.watch.network.stored.walking() if finding.argument == f"stored data `{a.name}`"
        )
        for loader, kinds, _ in self.watch.audit.details() if self.watch.audit is not None else ():
            if finding.argument.endswith(f"samples of {loader.name.removeprefix('the loader of ')}"):
                yield from (site for kind in kinds if (site := _defined(kind)) is not None)
        for network in self.watch.network.networks:
            yield from (
                site for _, site in network.evaluation_draws if finding.argument == f"evaluation of {network.name}"
            )
        yield from self.watch.call_sites[:1]
        yield from (network.call for network in self.watch.network.networks if network.call is not None)


# ------------------------------------------------------------------------------------------------ the pieces


def _stack(draw: Draw) -> Stack:
    return (draw.site, *((draw.caller,) if draw.caller is not None else ()), *draw.outer)


def _source(operation: str, stack: Stack, served: Served, optimizers: int, paths: _Paths) -> dict[str, Any]:
    return {
        "operation": operation,
        "stack": paths.stack(stack),
        "whole": served.whole,
        "draws": len(served.batches),
        "batches": len(served.all),
        "epochs": len({epoch for epoch, _ in served.all}),
        "longest": -(-served.longest // optimizers),
        "longest_epochs": served.longest_epochs,
    }


def _stale(provenance: ProvenanceReport | None, paths: _Paths) -> Iterator[dict[str, Any]]:
    """Draws that were mixed in, or gave the order, long after they were made."""
    if provenance is not None:
        for kind in ("mixed", "stored", "ordered"):
            stale: Stale | None = getattr(provenance, kind)
            if stale is not None:
                yield {"kind": kind, "stack": paths.stack(_stack(stale.draw)), "forwards": stale.uses}


def _draw_line(line: DrawLine, places: list[dict[str, Any]]) -> dict[str, Any]:
    return {"operation": line.function, "followed": False, "reached_a_network": None, "times": line.times,
            "batches": line.batches, "stack": places}  # fmt: skip


def _seeding(seeding: Seeding, paths: _Paths) -> dict[str, Any]:
    stack = (seeding.site,) if seeding.caller is None else (seeding.site, seeding.caller)
    return {"function": seeding.function, "stream": seeding.stream, "seed": seeding.seed, "times": seeding.times,
            "after_draws": seeding.after_draws, "batches": seeding.batches, "stack": paths.stack(stack)}  # fmt: skip


def _loader(loader: LoaderReport, kinds: tuple[type, ...], workers: int, paths: _Paths) -> dict[str, Any]:
    places = [place for kind in kinds if (place := paths.site(_defined(kind))) is not None]
    return {
        "name": loader.name,
        "verdict": loader.verdict.value,
        "flags": sorted(flag.value for flag in loader.flags),
        "evaluation": loader.evaluation,
        "same_every_epoch": loader.same_every_epoch,
        "same_across_workers": loader.same_across_workers,
        "seeded_by_index": loader.seeded_by_index,
        "epochs": loader.epochs,
        "samples": loader.samples,
        "workers": workers,
        "draws": list(loader.draws),
        "datasets": places,
    }


def _defined(kind: type) -> Site | None:
    """Where a class is written."""
    try:
        file, (_, line) = inspect.getsourcefile(kind), inspect.getsourcelines(kind)
    except (OSError, TypeError):
        return None
    return Site(file, line, kind.__name__) if file else None


# ------------------------------------------------------------------------------------------------- the files


class _Paths:
    """Names of the user's files, as the file of evidence has them."""

    def __init__(self, root: Path) -> None:
        self.seen: set[str] = set()
        self._root = root

    def of(self, file: str) -> str | None:
        """Relative to the directory of the run with `/`, absolute outside; None for what is no file of the user."""
        path = self.absolute(file)
        if file.startswith("<") or is_library(file) or not path.is_file():
            return None
        inside = path.is_relative_to(self._root)
        return path.relative_to(self._root).as_posix() if inside else path.as_posix()

    def absolute(self, file: str) -> Path:
        """Where a file of the run is; links are kept, as the linter keeps them."""
        return Path(os.path.normpath(self._root / file))

    def site(self, site: Site | None) -> dict[str, Any] | None:
        """A place as plain data."""
        name = self.of(site.file) if site is not None else None
        if site is None or name is None:
            return None
        self.seen.add(site.file)
        return {"path": name, "line": site.line, "function": site.function}

    def stack(self, stack: Stack) -> list[dict[str, Any]]:
        """The places of a call, innermost first."""
        return [place for site in stack if (place := self.site(site)) is not None]


def _file(file: Path, name: str | None, ran: FileLines | None) -> dict[str, Any]:
    lines = sorted(ran.lines.items()) if ran is not None else []
    functions = sorted(ran.functions.items(), key=lambda item: item[0][1]) if ran is not None else []
    return {
        "path": name,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "lines": {str(line): times for line, times in lines},
        "functions": [{"name": name, "line": line, "entered": times} for (name, line), times in functions],
    }


def write_evidence(content: dict[str, Any], output: Path) -> None:
    """Write the file as a whole; raises OSError."""
    temporary = output.with_name(f".{output.name}.{os.getpid()}")
    temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")
    temporary.replace(output)
