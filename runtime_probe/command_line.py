"""The options of `python -m runtime_probe`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from runtime_probe.evidence import WINDOW
from runtime_probe.run import Options, Program, exit_code, is_first_rank, keep_evidence, run, show


def main(argv: Sequence[str]) -> int:
    """The command line; returns the exit code."""
    program, options = parse(argv)
    outcome = run(program, options)
    if is_first_rank():
        show(outcome.report, options)
        keep_evidence(outcome, options)
    return exit_code(outcome, options)


def parse(argv: Sequence[str]) -> tuple[Program, Options]:
    """Split the command line into the probe's options, the program and the program's arguments."""
    parser = _parser()
    known = parser.parse_args(argv)
    name, *arguments = [known.module, *known.program] if known.module else known.program or [""]
    if not name:
        parser.error("a script or -m package.module is needed")
    if not known.module and not Path(name).is_file():
        parser.error(f"no such script: {name}")
    provenance = known.provenance if known.provenance is not None else WINDOW if known.evidence else 32
    if known.after < 0 or provenance < 0 or (known.max_steps is not None and known.max_steps < 1):
        parser.error("--after and --provenance must be >= 0, --max-steps >= 1")
    for option, file in (("--output", known.output), ("--evidence", known.evidence)):
        if file is not None and (file.is_dir() or not file.absolute().parent.is_dir()):
            parser.error(f"{option}: cannot write {file}: its folder has to be there")
    options = Options(
        argument=_argument(known.argument),
        on_violation=known.on_violation,
        after=known.after,
        max_steps=known.max_steps,
        provenance=provenance,
        check_used=known.check_used,
        loaders=not known.no_loaders,
        strict=known.strict,
        format=known.format,
        output=known.output,
        progress=sys.stderr.isatty() and is_first_rank() if known.progress == "auto" else known.progress == "on",
        evidence=known.evidence.absolute() if known.evidence else None,
    )
    return Program(name, tuple(arguments), bool(known.module)), options


def _argument(text: str | None) -> str | int | None:
    """A position, if it is a number."""
    return int(text) if text is not None and text.isdecimal() else text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m runtime_probe",
        description="Run a training script and report whether its randomness really happens.",
        epilog="Exit code: the script's; 3 with --strict and a violation; 130 after Ctrl-C.",
    )
    add = parser.add_argument
    add("--argument", help="name, path or position of the coordinate argument (default: detected)")
    add("--on-violation", choices=("report", "warn", "raise"), default="report", help="default: report at the end")
    add("--after", type=int, default=0, metavar="N", help="act on violations only after N batches")
    add("--max-steps", type=int, metavar="N", help="observe N batches only")
    add(
        "--provenance",
        type=int,
        metavar="N",
        help=f"forwards in which draws are followed (default 32, {WINDOW} for evidence)",
    )
    add("--check-used", action="store_true", help="one extra forward: does the output depend on the coordinates?")
    add("--no-loaders", action="store_true", help="do not audit the samples of training loaders")
    add("--strict", action="store_true", help="exit with 3 when there is a violation")
    add(
        "--format",
        choices=("auto", "text", "json", "html"),
        default="auto",
        help="default: text, or by the suffix of --output",
    )
    add("--output", type=Path, metavar="FILE", help="write the report to a file (.json, .html or text)")
    add("--evidence", type=Path, metavar="FILE", help="write what the run proves about lines, for jitlint --evidence")
    add(
        "--progress",
        choices=("auto", "on", "off"),
        default="auto",
        help="now and then a line on standard error (default: on a terminal)",
    )
    add("-m", dest="module", metavar="MODULE", help="run a module instead of a script; what follows are its arguments")
    add("program", nargs=argparse.REMAINDER, help="script.py and its arguments")
    return parser
