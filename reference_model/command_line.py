"""`python -m reference_model fit`, `prices`, `predict`, `run NAME|all`, `report RUNS`, `list`."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from reference_model.distributed import is_first, own_device, process_group, processes
from reference_model.experiments import NAMES, OPTIONAL, Experiment, experiment, experiments
from reference_model.fitted import arms, law, rows
from reference_model.images import DataError
from reference_model.prices import table as prices
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
    except (UsageError, RunError, StoreError, DataError, law.LawError) as error:
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
    _add_fit(commands)
    run_parser = commands.add_parser("run", help="train and measure networks that serve many images; continues")
    run_parser.add_argument("name", help=f"all, or one of {', '.join(NAMES)}")
    run_parser.add_argument("--arm", action="append", metavar="LABEL", help="only this arm; may be repeated")
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


def _add_fit(commands: Any) -> None:
    """The commands on fitted images, and on the prices of the rules."""
    fit = commands.add_parser("fit", help="fit one network to one image each, many at once; continues what is there")
    fit.add_argument("--preset", default="quick", help=f"which arms and images: {', '.join(arms.PRESETS)} (quick)")
    fit.add_argument("--out", type=Path, default=Path("runs"), metavar="DIR", help="results folder (runs)")
    fit.add_argument("--workers", type=int, metavar="N", help="processes of one thread each (default: a core each)")
    fit.set_defaults(command=_fit)
    price = commands.add_parser("prices", help="what each rule's bug costs in a small real task")
    price.add_argument("--out", type=Path, default=Path("runs"), metavar="DIR", help="results folder (runs)")
    price.add_argument("--task", action="append", metavar="NAME", help=f"only: {', '.join(prices.TASKS)}")
    price.add_argument("--seeds", type=int, default=len(prices.SEEDS), metavar="N", help="seeds of each dose (10)")
    price.set_defaults(command=_prices)
    ask = commands.add_parser("predict", help="what jitter of few distinct draws costs, by the law")
    ask.add_argument("--sigma", type=float, default=arms.SIGMA, metavar="PX", help="std of the jitter in pixels (0.32)")
    ask.add_argument("--draws", type=int, required=True, metavar="K", help="distinct draws in the whole training")
    ask.add_argument("--steps", type=int, default=arms.STEPS, metavar="T", help="training steps (1200)")
    ask.add_argument("--bandwidth", type=float, default=4, metavar="B", help="of the network: 1, 2 or 4 times Nyquist")
    ask.set_defaults(command=_predict)


def _fit(arguments: argparse.Namespace) -> int:
    if arguments.preset not in arms.PRESETS:
        raise UsageError(f"unknown preset {arguments.preset!r}{_nearest(arguments.preset, list(arms.PRESETS))}: "
                         f"{', '.join(arms.PRESETS)}")  # fmt: skip
    if arguments.out.is_file():
        raise UsageError(f"{arguments.out} is a file; --out needs a folder")
    fits = list(arms.PRESETS[arguments.preset]())
    with Store(arguments.out).locked():
        for row in rows.run(fits, arguments.out, _workers(arguments.workers, "cpu")):
            if row["kind"] == "network":
                print(f"{row['image']}, {row['arm']}: {row['metrics']['psnr_shift_1_4']:.2f} dB at +1/4 px", flush=True)
    print(f"next: python -m reference_model report {arguments.out}")
    return 0


def _prices(arguments: argparse.Namespace) -> int:
    names = arguments.task or list(prices.TASKS)
    for name in names:
        if name not in prices.TASKS:
            raise UsageError(f"unknown task {name!r}{_nearest(name, list(prices.TASKS))}: {', '.join(prices.TASKS)}")
    if arguments.seeds < 2:
        raise UsageError(f"--seeds must be at least 2 for an interval, not {arguments.seeds}")
    found = []
    for row in prices.measure(names, range(arguments.seeds)):
        found.append(row)
        print(f"{row['task']}, {row['dose']}: {row['price']:.3g} [{row['low']:.3g}, {row['high']:.3g}] {row['unit']}, "
              f"{row['reading']}", flush=True)  # fmt: skip
    prices.write(found, arguments.out / "prices.json")
    print(f"wrote {arguments.out / 'prices.json'}")
    return 0


def _predict(arguments: argparse.Namespace) -> int:
    band = f"{arguments.bandwidth:g}x"
    known = law.read()
    found = law.answer(known, arguments.sigma, arguments.draws, arguments.steps, band)
    if not known.steps[0] <= arguments.steps <= known.steps[-1]:
        print(f"extrapolated: the law was measured from {known.steps[0]} to {known.steps[-1]} steps")
    print(f"{arguments.draws} distinct draws in {arguments.steps} steps: {found['psnr']:.1f} dB at +1/4 px")
    print(f"a new draw in every step: {found['right']:.1f} dB; the exact minimiser: {found['oracle']:.1f} dB")
    print(f"the hoist costs {found['cost']:.1f} dB on the median of the images that the law was measured on")
    return 0


def _run(arguments: argparse.Namespace) -> int:
    base = _base(arguments.preset)
    chosen = _only(arguments.arm or [], _chosen(arguments.name), base, arguments.preset)
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


def _only(labels: Sequence[str], chosen: list[Experiment], base: Recipe, size: str) -> list[Experiment]:
    """The experiments with none but the arms of these labels; all of them without labels."""
    known = [label for item in chosen for label in item.arms(base, size)]
    for label in labels:
        if label not in known:
            raise UsageError(f"unknown arm {label!r}{_nearest(label, known)}: {', '.join(known)}")

    def limited(item: Experiment) -> Experiment:
        arms = {label: recipe for label, recipe in item.arms(base, size).items() if label in labels}
        return replace(item, arms=lambda base, preset: arms)

    return [limited(item) for item in chosen] if labels else chosen


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
    if not any((arguments.runs / name).exists() for name in ("fitted.jsonl", "prices.json", "results.jsonl")):
        raise UsageError(f"no results in {arguments.runs}: python -m reference_model fit --out {arguments.runs}")
    from reference_model.report import write_report  # matplotlib is slow to import, and only needed here

    out = arguments.out or arguments.runs
    facts = write_report(arguments.runs, out)
    for draws, measured in facts.headline():
        print(f"{draws:>4} distinct draws: {measured}")
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
