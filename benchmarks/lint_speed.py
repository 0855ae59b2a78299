"""How much time and memory jitlint needs, beside other linters and the least work there is.

    python benchmarks/lint_speed.py                      # lint the packages installed beside jitlint
    python benchmarks/lint_speed.py --corpus SITE_PACKAGES --peers BIN_FOLDER

`make bench` installs the sources and the other linters in an environment of their own and runs this.
The report is Markdown on standard output. A linter that is not installed is named in it and left out.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from corpus import Corpus, copy_often, copy_packages, copy_part
from measure import ENVIRONMENT, Command, Cost, interleaved

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parent / "examples" / "coordinates"
PACKAGES = ("torch", "torchvision", "lightning", "transformers")
JITLINT = (sys.executable, "-m", "jitlint", "--quiet")


@dataclass(frozen=True)
class Peer:
    """Another linter: the program and its arguments; the folder to lint comes last."""

    name: str
    program: str
    arguments: tuple[str, ...]


RUFF = (
    Peer("ruff B,ERA,NPY", "ruff", ("check", "--isolated", "--no-cache", "--select", "B,ERA,NPY")),
    Peer("ruff ALL", "ruff", ("check", "--isolated", "--no-cache", "--select", "ALL")),
)
OTHERS = (
    Peer("flake8-bugbear", "flake8", ("--isolated", "--select", "B")),
    Peer("TorchFix", "torchfix", ("--select", "ALL")),
    Peer(
        "semgrep, 3 rules",
        "semgrep",
        (
            "scan",
            "--metrics",
            "off",
            "--disable-version-check",
            "--no-git-ignore",
            "--config",
            str(HERE / "semgrep.yml"),
        ),
    ),
)


class Bench:
    """Everything that is measured, in one temporary folder."""

    def __init__(self, folder: Path, corpus: Corpus, options: argparse.Namespace) -> None:
        self.folder = folder
        self.corpus = corpus
        self.runs: int = options.runs
        self.peers: Path | None = options.peers
        self.lines: int = options.lines

    def measure(self, commands: Mapping[str, Command]) -> dict[str, Cost]:
        print(f"{self.runs} runs of: {', '.join(commands)}", file=sys.stderr, flush=True)
        return interleaved(commands, self.runs)

    def command(self, *argv: str | Path) -> Command:
        return Command(tuple(map(str, argv)), self.folder)

    def jitlint(self, *arguments: str | Path) -> Command:
        return self.command(*JITLINT, *arguments)

    def floor(self, name: str, corpus: Corpus) -> Command:
        """A floor, measured with the Python of the other linters, which has libcst."""
        return self.command(self.python, HERE / "floors.py", name, corpus.folder)

    @cached_property
    def python(self) -> str:
        beside = self.peers / "python" if self.peers else Path(sys.executable)
        return str(beside if beside.exists() else sys.executable)

    @cached_property
    def has_libcst(self) -> bool:
        return subprocess.run((self.python, "-c", "import libcst"), capture_output=True).returncode == 0

    def program(self, peer: Peer) -> str | None:
        beside = str(self.peers) if self.peers else None
        return shutil.which(peer.program, path=beside) or shutil.which(peer.program)

    def installed(self, peers: Sequence[Peer], corpus: Corpus) -> dict[str, Command]:
        """The commands of those peers that are there."""
        programs = {peer: self.program(peer) for peer in peers}
        return {
            peer.name: self.command(program, *peer.arguments, corpus.folder)
            for peer, program in programs.items()
            if program is not None
        }

    def missing(self) -> list[str]:
        absent = [peer.name for peer in (*RUFF, *OTHERS) if self.program(peer) is None]
        return absent if self.has_libcst else [*absent, "libcst"]

    # ------------------------------------------------------------------------------------- measurements

    def whole_corpus(self) -> dict[str, Cost]:
        """All files: jitlint cold and warm, ruff, and the floors that are quick enough."""
        corpus = self.corpus
        warm = self.jitlint("--jobs", "1", corpus.folder)
        warm.run()  # fills the cache
        return self.measure(
            {
                "read the files": self.floor("read", corpus),
                "ast.parse": self.floor("ast", corpus),
                "jitlint, cold": self.jitlint("--no-cache", "--jobs", "1", corpus.folder),
                "jitlint, cold, 2 processes": self.jitlint("--no-cache", "--jobs", "2", corpus.folder),
                "jitlint, warm": warm,
                **self.installed(RUFF, corpus),
            }
        )

    def part(self, corpus: Corpus) -> dict[str, Cost]:
        """A part of the files, the same for all: the slow linters too."""
        return self.measure(
            {
                "ast.parse": self.floor("ast", corpus),
                **({"libcst.parse_module": self.floor("libcst", corpus)} if self.has_libcst else {}),
                "jitlint, cold": self.jitlint("--no-cache", "--jobs", "1", corpus.folder),
                **self.installed((*RUFF, *OTHERS), corpus),
            }
        )

    def one_file(self) -> dict[str, Cost]:
        """Start-up: one clean file and one with a finding."""
        for form in ("correct", "buggy"):
            shutil.copy(EXAMPLES / f"{form}.py", self.folder)
        return self.measure(
            {
                "python -c pass": self.command(sys.executable, "-c", "pass"),
                "clean file": self.jitlint("--no-cache", "correct.py"),
                "file with a finding": self.jitlint("--no-cache", "buggy.py"),
            }
        )

    def growth(self, part: Corpus) -> list[tuple[Corpus, Cost]]:
        """Cold runs over 1, 4 and 16 times a part: other files would have another share of what is modelled.

        The part is taken twice to begin with: in a tree of less than 2 MB the syntax of every file is checked,
        and a line of it costs more than one of a larger tree.
        """
        parts = {f"{n}x": copy_often(part, 2 * n, self.folder / f"grown{n}") for n in (1, 4, 16)}
        costs = self.measure(
            {name: self.jitlint("--no-cache", "--jobs", "1", part.folder) for name, part in parts.items()}
        )
        return [(part, costs[name]) for name, part in parts.items()]

    def imported(self, file: str) -> set[str]:
        """Top-level modules that jitlint imports to lint one file."""
        argv = (sys.executable, "-X", "importtime", "-m", "jitlint", "--no-cache", file)
        run = subprocess.run(argv, cwd=self.folder, capture_output=True, text=True)
        lines = (line for line in run.stderr.splitlines() if line.startswith("import time:"))
        return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


def table(costs: Mapping[str, Cost], lines: int | None = None) -> str:
    """The costs as a Markdown table; with `lines`, also for each line."""
    text = "| | CPU s | wall s | peak MiB |" + (" CPU µs/line |" if lines else "") + "\n"
    text += "|---|--:|--:|--:|" + ("--:|" if lines else "") + "\n"
    for name, cost in costs.items():
        text += f"| {name} | {cost.cpu:.2f} | {cost.wall:.2f} | {cost.peak_mib:.0f} |"
        text += (f" {1e6 * cost.cpu / lines:.2f} |" if lines else "") + "\n"
    return text


def target(what: str, goal: str, measured: str, reached: bool) -> str:
    return f"| {what} | {goal} | {measured} | {'ok' if reached else '**missed**'} |\n"


def report(bench: Bench) -> str:
    """Measure everything and write it down."""
    corpus, part = bench.corpus, copy_part(bench.corpus, bench.lines, bench.folder / "part")
    start = bench.one_file()
    small = bench.part(part)
    grown = bench.growth(part)
    whole = bench.whole_corpus()

    text = f"Python {platform.python_version()}, {platform.system()}, {os.cpu_count()} cores; "
    text += f"medians of {bench.runs} interleaved runs; CPU time is that of all processes together, "
    text += "memory that of the largest process.\n"
    if missing := bench.missing():
        text += f"\nNot installed, so not measured: {', '.join(missing)}.\n"
    text += f"\n### The whole corpus\n\n{corpus}: {', '.join(packages_of(corpus))}.\n\n{table(whole, corpus.lines)}"
    text += (
        f"\n### A part of it, for the slower tools\n\n{part}, the same for every tool.\n\n{table(small, part.lines)}"
    )
    text += f"\n### One file\n\n{table(start)}"
    text += "\n### Growth\n\n| lines | CPU s | CPU µs/line | peak MiB |\n|--:|--:|--:|--:|\n"
    for size, cost in grown:
        text += f"| {size.lines:,} | {cost.cpu:.2f} | {1e6 * cost.cpu / size.lines:.2f} | {cost.peak_mib:.0f} |\n"
    text += "\n### Targets\n\n| | to reach | measured | |\n|---|---|---|---|\n"
    text += targets(corpus, whole, small, start, grown)
    return text + import_targets(bench.imported("correct.py"), bench.imported("buggy.py"))


def targets(
    corpus: Corpus,
    whole: Mapping[str, Cost],
    small: Mapping[str, Cost],
    start: Mapping[str, Cost],
    grown: Sequence[tuple[Corpus, Cost]],
) -> str:
    """What was to be reached, and whether it was."""
    cold, two, warm = (whole[f"jitlint, {how}"] for how in ("cold", "cold, 2 processes", "warm"))
    cold_line, warm_line = 1e6 * cold.cpu / corpus.lines, 1e6 * warm.cpu / corpus.lines
    text = target("cold, CPU per line", "≤ 8 µs", f"{cold_line:.2f} µs", cold_line <= 8)
    text += target("warm, CPU per line", "≤ 1 µs", f"{warm_line:.2f} µs", warm_line <= 1)
    if "TorchFix" in small:
        times = small["TorchFix"].cpu / small["jitlint, cold"].cpu
        text += target("CPU of TorchFix over CPU of jitlint", "≥ 100", f"{times:.0f}", times >= 100)
    clean, dirty = start["clean file"].cpu, start["file with a finding"].cpu
    text += target("one clean file, CPU", "≤ 0.10 s", f"{clean:.3f} s", clean <= 0.10)
    text += target("one file with a finding, CPU", "≤ 0.5 s", f"{dirty:.2f} s", dirty <= 0.5)
    peak = max(cold.peak_mib, two.peak_mib, warm.peak_mib)
    text += target("peak memory of a process", "≤ 80 MiB", f"{peak:.0f} MiB", peak <= 80)
    text += target(
        "growth: CPU per added line, 4x to 16x over 1x to 4x", "≤ 1.25", f"{bend(grown):.2f}", bend(grown) <= 1.25
    )
    faster = cold.wall / two.wall
    return text + target("two processes, wall time", "≥ 1.7 times faster", f"{faster:.2f}", faster >= 1.7)


def bend(grown: Sequence[tuple[Corpus, Cost]]) -> float:
    """How much more a line costs at the end of the growth than at its start; 1 when it is linear."""
    (small, start), (middle, halfway), (large, end) = grown
    early = (halfway.cpu - start.cpu) / (middle.lines - small.lines)
    return (end.cpu - halfway.cpu) / (large.lines - middle.lines) / early


def import_targets(clean: set[str], dirty: set[str]) -> str:
    """What must not be imported for a clean file, and for any file."""
    text = target("clean file: libcst imported", "no", "yes" if "libcst" in clean else "no", "libcst" not in clean)
    heavy = sorted({"torch", "numpy"} & (clean | dirty))
    return text + target("torch or numpy imported", "no", ", ".join(heavy) or "no", not heavy)


def packages_of(corpus: Corpus) -> list[str]:
    return sorted(path.name for path in corpus.folder.iterdir() if not path.name.startswith("."))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    here = Path(sysconfig.get_path("purelib"))
    parser.add_argument("--corpus", type=Path, default=here, metavar="DIR", help="folder with installed packages")
    parser.add_argument("--packages", nargs="+", default=list(PACKAGES), help="packages to lint (default: %(default)s)")
    parser.add_argument("--peers", type=Path, metavar="DIR", help="folder with the programs of the other linters")
    parser.add_argument("--lines", type=int, default=40_000, help="lines for the slower tools (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=5, help="runs of everything (default: %(default)s)")
    options = parser.parse_args()
    options.peers = options.peers and options.peers.absolute()  # commands run in another folder
    with tempfile.TemporaryDirectory(prefix="lint-speed-") as folder:
        ENVIRONMENT["XDG_CACHE_HOME"] = f"{folder}/cache"
        corpus = copy_packages(options.corpus.resolve(), options.packages, Path(folder) / "corpus")
        print(report(Bench(Path(folder), corpus, options)), end="")


if __name__ == "__main__":
    main()
