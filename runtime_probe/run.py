"""Runs an unmodified script under the probe."""

from __future__ import annotations

import json
import os
import runpy
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from runtime_probe.evidence import Recorder, write_evidence
from runtime_probe.policy import OnViolation
from runtime_probe.probe import Probe
from runtime_probe.progress import Progress
from runtime_probe.report import Report
from runtime_probe.report.text import so_far
from runtime_probe.torchvision_check import explanation

VIOLATION = 3
INTERRUPTED = 130


@dataclass(frozen=True)
class Program:
    """What to run: a script's path or, with `is_module`, a module's dotted name, and its arguments."""

    name: str
    arguments: tuple[str, ...] = ()
    is_module: bool = False


@dataclass(frozen=True)
class Options:
    """The options of the command line; see `python -m runtime_probe --help`."""

    argument: str | int | None = None
    on_violation: OnViolation = "report"
    after: int = 0
    max_steps: int | None = None
    provenance: int = 32
    check_used: bool = False
    loaders: bool = True
    strict: bool = False
    format: str = "auto"
    output: Path | None = None
    evidence: Path | None = None
    progress: bool = False


@dataclass(frozen=True)
class Outcome:
    """The script's own exit code, the report, and the evidence for the linter if it was asked for."""

    exit_code: int
    report: Report
    evidence: dict[str, Any] | None = None


def run(program: Program, options: Options) -> Outcome:
    """Run a program to its end, or to Ctrl-C, with every model watched that is called with coordinates."""
    probe = Probe(
        options.argument, options.on_violation, options.after, options.max_steps,
        options.provenance, options.check_used, everything=True, loaders=options.loaders,
    )  # fmt: skip
    if options.progress:
        probe.watch.on_tick = Progress(lambda: _up_to_date(probe), so_far).tick
    recorder = Recorder(probe.watch) if options.evidence is not None else None
    if recorder is not None:
        recorder.lines.install()
    probe.start()
    kept: dict[str, object] = {}
    with _as_main(program), _ranks_compared_before_exit(probe):
        exit_code = _execute(program, kept)
    if recorder is not None:
        recorder.lines.remove()
    try:
        probe.stop(failed=exit_code != 0)
    except AssertionError as error:  # on_violation="raise", found at the very end
        print(error, file=sys.stderr)
        exit_code = exit_code or 1
    report = probe.report()
    return Outcome(exit_code, report, _evidence(recorder, report, program, exit_code))


def _up_to_date(probe: Probe) -> Report:
    probe.watch.drain()
    return probe.report()


def _evidence(recorder: Recorder | None, report: Report, program: Program, exit_code: int) -> dict[str, Any] | None:
    """What the recorder heard; a fault of its own must not cost the report of a long run."""
    if recorder is None:
        return None
    try:
        return recorder.to_dict(report, (program.name, *program.arguments), exit_code)
    except Exception as error:
        print(f"runtime_probe: no evidence: {type(error).__name__}: {error}", file=sys.stderr)
        return None


def _execute(program: Program, kept: dict[str, object]) -> int:
    """Run the program; its global variables are `kept`, for the report is on objects that it made."""
    try:
        if program.is_module:
            kept.update(runpy.run_module(program.name, run_name="__main__", alter_sys=True))
        else:
            kept.update(runpy.run_path(program.name, run_name="__main__"))
    except SystemExit as stop:
        return _exit_code(stop)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BaseException as error:
        traceback.print_exception(type(error), error, _own_frames_cut(error), file=sys.stderr)
        advice = explanation(error)
        if advice is not None:
            print(f"runtime_probe: {advice}", file=sys.stderr)
        return 1
    return 0


def _own_frames_cut(error: BaseException) -> TracebackType | None:
    """The traceback from the script's first frame on, as Python itself would print it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(
        ("<frozen runpy", __file__, runpy.__file__)
    ):
        trace = trace.tb_next
    return trace


def _exit_code(stop: SystemExit) -> int:
    if stop.code is None or isinstance(stop.code, int):
        return stop.code or 0
    print(stop.code, file=sys.stderr)
    return 1


@contextmanager
def _as_main(program: Program) -> Iterator[None]:
    """Give the program the argv and the import path that `python script.py` would give it."""
    argv, path = sys.argv, list(sys.path)
    sys.argv = [program.name, *program.arguments]
    first = str(Path.cwd()) if program.is_module else str(Path(program.name).resolve().parent)
    sys.path.insert(0, first)
    try:
        yield
    finally:
        sys.argv, sys.path[:] = argv, path


@contextmanager
def _ranks_compared_before_exit(probe: Probe) -> Iterator[None]:
    """Scripts destroy their process group before they end; the ranks must be compared before that."""
    import torch.distributed as dist

    if not dist.is_available():
        yield
        return
    destroy = dist.destroy_process_group

    def destroy_process_group(*args: object, **kwargs: object) -> None:
        probe.compare_ranks_now()
        destroy(*args, **kwargs)  # type: ignore[arg-type]

    dist.destroy_process_group = destroy_process_group
    try:
        yield
    finally:
        dist.destroy_process_group = destroy


def show(report: Report, options: Options) -> None:
    """Print the report, or write it to `options.output`, in the form asked for."""
    text = _rendered(report, options)
    if options.output is not None:
        _write(text, report, options.output)
    elif text:
        with suppress(BrokenPipeError):  # `| head`
            print(text, flush=True)


def _write(text: str, report: Report, output: Path) -> None:
    """Write the report; if that fails after all, print it: the training that it is about took long enough."""
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        print(report)
        print(f"runtime_probe: cannot write {output}: {error.strerror or error}", file=sys.stderr)
        raise SystemExit(2) from None


def keep_evidence(outcome: Outcome, options: Options) -> None:
    """Write the evidence for `jitlint --evidence`."""
    if options.evidence is None or outcome.evidence is None:
        return
    try:
        write_evidence(outcome.evidence, options.evidence)
    except OSError as error:
        print(f"runtime_probe: cannot write {options.evidence}: {error.strerror or error}", file=sys.stderr)
        raise SystemExit(2) from None


def _rendered(report: Report, options: Options) -> str:
    suffix = options.output.suffix if options.output is not None else ""
    form = {".json": "json", ".html": "html"}.get(suffix, "text") if options.format == "auto" else options.format
    if form == "json":
        return json.dumps(report.to_dict(), indent=2)
    if form == "html":
        return report.to_html()
    if options.output is None and options.format == "auto" and sys.stdout.isatty():
        _print_rich(report)
        return ""
    return str(report)


def _print_rich(report: Report) -> None:
    from rich.console import Console

    from runtime_probe.report.text import to_rich

    Console().print(to_rich(report))


def is_first_rank() -> bool:
    """Under torchrun only rank 0 prints."""
    return os.environ.get("RANK", "0") == "0"


def exit_code(outcome: Outcome, options: Options) -> int:
    """The script's own exit code, or 3 with `--strict` when it succeeded with a violation."""
    if outcome.exit_code == 0 and options.strict and outcome.report.violations:
        return VIOLATION
    return outcome.exit_code
