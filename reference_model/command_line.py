"""`python -m reference_model run NAME|all`, `report RUNS`, `list`."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from reference_model.distributed import is_first, own_device, process_group, processes
from reference_model.experiments import NAMES, OPTIONAL, Experiment, experiment, experiments
from reference_model.recipe import PRESETS, Recipe, preset
from reference_model.runner import Options, RunError, is_shareable, missing, run, wanted
from reference_model.store import Store, StoreError

TEST_IMAGES = {"smoke": 4, "cpu": 32, "gpu": 64}


class UsageError(Exception):
    """A request that makes no sense; the message is one line."""


def main(arguments: Sequence[str]) -> int:
    """Run the command line; returns the exit code: 0 done, 1 done but some seeds failed, 2 could not do it."""
    try:
        options = _parser().parse_args(arguments)
        code: int = options.command(options)
        return code
    except (UsageError, RunError, StoreError) as error:
        print(f"reference_model: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"reference_model: {error.filename or 'output'}: {error.strerror or error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("reference_model: stopped; the same command continues from here", file=sys.stderr)
        return 130


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise UsageError(f"{message} (see --help)")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m reference_model", description="What missing jitter costs, measured.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run_parser = commands.add_parser("run", help="train and measure an experiment, or all; continues what is there")
    run_parser.add_argument("name", help=f"all, or one of {', '.join(NAMES)}")
    run_parser.add_argument("--preset", default="smoke", help=f"size of everything: {', '.join(PRESETS)}")
    run_parser.add_argument("--seeds", type=int, default=5, metavar="N", help="seeds 0 to N-1 of each arm (default 5)")
    run_parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, …")
    run_parser.add_argument("--out", type=Path, default=Path("runs"), metavar="DIR", help="results folder (runs)")
    run_parser.add_argument("--workers", type=int, metavar="N", help="arms trained side by side (default: a core each)")
    run_parser.add_argument("--compile", action="store_true", help="compile the networks (torch.compile)")
    run_parser.add_argument("--bf16", action="store_true", help="compute in bfloat16 where it is safe")
    run_parser.add_argument("--deterministic", action="store_true", help="the same bits on every run, or an error")
    run_parser.add_argument("--data-root", type=Path, metavar="DIR", help="where CIFAR-10 is (data)")
    run_parser.add_argument("--download", action="store_true", help="download CIFAR-10 when it is missing")
    run_parser.set_defaults(command=_run)
    report_parser = commands.add_parser("report", help="write report.html, report.md and its figures")
    report_parser.add_argument("runs", type=Path, help="a results folder")
    report_parser.add_argument("--out", type=Path, metavar="DIR", help="where to write (default: the results folder)")
    report_parser.set_defaults(command=_report)
    list_parser = commands.add_parser("list", help="the experiments, their questions and their arms")
    list_parser.set_defaults(command=_list)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    chosen, base = _chosen(arguments.name), _base(arguments.preset)
    if arguments.seeds < 1:
        raise UsageError(f"--seeds must be at least 1, not {arguments.seeds}")
    device = _device(arguments.device)
    options = Options(
        arguments.out, arguments.preset, arguments.seeds, device, _workers(arguments.workers, device),
        test_images=TEST_IMAGES[arguments.preset], compile=arguments.compile, bf16=arguments.bf16,
        deterministic=arguments.deterministic, data_root=arguments.data_root, download=arguments.download,
    )  # fmt: skip
    if arguments.out.is_file():
        raise UsageError(f"{arguments.out} is a file; --out needs a folder")
    with process_group(own_device(torch.device(device))):  # under torchrun; only its first process writes and speaks
        console = Console(stderr=True, quiet=not is_first())
        with Store(options.runs).locked() if is_first() else nullcontext():
            _with_progress(chosen, base, options, console)
        return _tell(chosen, base, options) if is_first() else 0


def _tell(chosen: list[Experiment], base: Recipe, options: Options) -> int:
    """Say what there is now and what failed; the exit code."""
    arms = len(wanted(chosen, base, options.preset))
    for label, recipe in wanted(chosen, base, options.preset).values():
        if not is_shareable(recipe):
            print(f"not run by {processes()} processes: {label}: they cannot share batches of {recipe.batch}")
    print(f"{arms} arms × {options.seeds} seeds are in {Store(options.runs).results}")
    arms_asked = wanted(chosen, base, options.preset)
    failed = [row for row in Store(options.runs).rows().values() if row.status != "finished" and row.arm in arms_asked]
    for row in failed:
        print(f"failed: {row.label}, seed {row.seed}: {row.message}")
    if failed:
        print(f"to try these again, remove their lines from {Store(options.runs).results}")
    print(f"next: python -m reference_model report {options.runs}")
    return 1 if failed else 0


def _with_progress(chosen: list[Experiment], base: Recipe, options: Options, console: Console) -> None:
    """Run under progress bars."""
    store = Store(options.runs)
    if is_first():
        store.repair()
    runs = sum(len(task.seeds) for task in missing(chosen, base, options, store))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bars = dict[str, TaskID]()
    with Progress(*columns, console=console) as progress:
        total = progress.add_task("runs", total=runs)

        def report(label: str, made: int, steps: int) -> None:
            if label not in bars:
                bars[label] = progress.add_task(label, total=steps)
            progress.update(bars[label], completed=made, visible=made < steps)

        for row in run(chosen, base, options, report):
            progress.advance(total, 0 if row.seed is None else 1)
            if not console.is_terminal and row.seed is not None:
                console.print(f"{row.label}, seed {row.seed}: {row.status}, {row.probe.get('verdict', '')}")


def _chosen(name: str) -> list[Experiment]:
    if name == "all":
        return experiments()
    name = name.replace("-", "_")
    if name not in NAMES:
        raise UsageError(f"unknown experiment {name!r}{_nearest(name, NAMES)}: all, {', '.join(NAMES)}")
    return [experiment(name)]


def _base(name: str) -> Recipe:
    if name not in PRESETS:
        raise UsageError(f"unknown preset {name!r}{_nearest(name, list(PRESETS))}: {', '.join(PRESETS)}")
    return preset(name)


def _nearest(name: str, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, names, 1)
    return f" (did you mean {close[0]}?)" if close else ""


def _device(name: str) -> str:
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.ones(1, device=device).add(1).item()  # `meta` holds no numbers
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise UsageError(f"no device {name!r} here: {reason}") from None
    return str(device)


def _workers(wanted_workers: int | None, device: str) -> int:
    """One process a core where a network is too small to fill two; one process on a GPU and under torchrun."""
    if wanted_workers is not None and wanted_workers < 1:
        raise UsageError(f"--workers must be at least 1, not {wanted_workers}")
    if device != "cpu" or "RANK" in os.environ:
        return 1
    return wanted_workers or os.cpu_count() or 1


def _report(arguments: argparse.Namespace) -> int:
    if not Store(arguments.runs).results.is_file():
        raise UsageError(f"no results in {arguments.runs}: python -m reference_model run all --out {arguments.runs}")
    from reference_model.report import write_report  # matplotlib is slow to import, and only needed here

    out = arguments.out or arguments.runs
    write_report(arguments.runs, out)
    print(f"wrote {out / 'report.html'} and {out / 'report.md'}")
    return 0


def _list(arguments: argparse.Namespace) -> int:
    table = Table("experiment", "question", "arms (cpu preset)", box=None)
    base = preset("cpu")
    for item in experiments(optional=True):
        table.add_row(item.name, item.question, str(len(item.arms(base, "cpu"))))
    Console().print(table)
    print(f"{len(wanted(experiments(), base, 'cpu'))} different arms in `all`, trained once each")
    print(f"not in `all`, as they need files: {', '.join(sorted(OPTIONAL))} (--download, --data-root)")
    return 0
