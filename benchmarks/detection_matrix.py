"""Which tool finds which kind of bug: `python benchmarks/detection_matrix.py --peers BIN` writes the page in docs/.

Each pair in `examples/` is one kind: a buggy program and its correct twin. A tool *finds* the bug if it says something
about the buggy program that it does not say about the twin (the same code on a line of the same text is the same), and
*alarms* on the twin with what it says there only. This is generous: a remark on the name of a constant counts too. For
the probe, a violation (exit code 3 under --strict) of the buggy program is a find, and one of the twin an alarm.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "detection-matrix.md"
KINDS = {
    "coordinates": "jitter above the batch loop",
    "notebook": "the same, in a notebook",
    "trainer": "the jitter is commented out",
    "augmentation": "the validation's transform replaces the training's",
    "mixup": "one mixing coefficient for all batches",
    "diffusion": "noise above the batch loop",
    "pinn": "points of a differential equation jittered once",
    "lightning_module": "a constant seed in every step",
    "reinforcement": "a constant seed in every episode",
    "hf_trainer": "a generator rebuilt in every batch",
    "jax_noise": "a key used in every step",
    "keras_cache": "a cache behind the augmentation",
}
_CONCISE = re.compile(r"^.+?:(?:cell \d+:)?(\d+):\d+:? (\S+?):? ")
_SEMGREP_RULE = """\
rules:
- {id: seed-in-loop, languages: [python], severity: WARNING, message: seeded in a loop,
   pattern: "for $X in $Y:\\n  ...\\n  torch.manual_seed(...)\\n  ..."}
- {id: draw-above-loop, languages: [python], severity: WARNING, message: drawn above a loop and used in it,
   pattern: "$V = torch.randn(...)\\n...\\nfor $X in $Y:\\n  ...\\n  $W = <... $V ...>\\n  ..."}
- {id: generator-in-function, languages: [python], severity: WARNING, message: a generator from a constant,
   pattern: "torch.Generator().manual_seed($S)"}
"""
Said = Counter[tuple[str, str]]


@dataclass(frozen=True)
class Tool:
    """A column of the table: its name, and what it says about a program (None: it cannot read or run it)."""

    name: str
    ask: Callable[[Path], Said | None]


def main() -> None:
    """Ask every tool about every program and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--peers", type=Path, help="the bin directory with ruff, flake8, pylint, torchfix, semgrep")
    parser.add_argument("--no-probe", action="store_true", help="do not run the programs")
    options = parser.parse_args()
    tools = [Tool("jitlint", jitlint)]
    if not options.no_probe:
        tools.append(Tool("runtime_probe", probe))
    tools += peers(options.peers) if options.peers else []
    rows = [(kind, [verdict(tool, kind) for tool in tools]) for kind in KINDS]
    PAGE.write_text(page(tools, rows), encoding="utf-8")


def verdict(tool: Tool, kind: str) -> str:
    """`found`, `-` or `?`, with the number of alarms on the twin."""
    suffix = ".ipynb" if kind == "notebook" else ".py"
    with tempfile.TemporaryDirectory() as name:  # alone, as a project of its own
        said = []
        for form in ("buggy", "correct"):
            program = Path(name) / form / f"train{suffix}"
            program.parent.mkdir()
            shutil.copy(ROOT / "examples" / kind / f"{form}{suffix}", program)
            said.append(tool.ask(program))
    buggy, correct = said
    if buggy is None or correct is None:
        return "?"
    found, alarms = buggy - correct, correct - buggy
    return ("found" if found else "-") + (f", {alarms.total()} on the twin" if alarms else "")


def page(tools: Sequence[Tool], rows: Sequence[tuple[str, Sequence[str]]]) -> str:
    """The document."""
    found = [sum(cells[n].startswith("found") for _, cells in rows) for n in range(len(tools))]
    alarmed = [sum("twin" in cells[n] for _, cells in rows) for n in range(len(tools))]
    lines = [
        "# Detection matrix",
        "",
        "```",
        "python benchmarks/detection_matrix.py --peers BIN",
        "```",
        "",
        *(line for line in (__doc__ or "").split("\n")[2:-1]),
        "The linters run with all of their rules, semgrep with three of our own. `?`: the tool does not read the file,",
        "or the program does not run here (JAX and TensorFlow are not installed).",
        "",
        f"| bug | {' | '.join(tool.name for tool in tools)} |",
        "|---|" + "---|" * len(tools),
        *(f"| {KINDS[kind]} | {' | '.join(cells)} |" for kind, cells in rows),
        f"| **found of {len(rows)}** | {' | '.join(f'**{number}**' for number in found)} |",
        f"| **twins with an alarm** | {' | '.join(f'**{number}**' for number in alarmed)} |",
        "",
    ]
    return "\n".join(lines)


# ------------------------------------------------------------------------------------------------- tools


def jitlint(program: Path) -> Said | None:
    """The default run."""
    run = spoken([sys.executable, "-m", "jitlint", "--isolated", "--no-cache", "--format", "json", program])
    return Counter((item["code"], item["message"]) for item in json.loads(run.stdout))


def probe(program: Path) -> Said | None:
    """One violation or none."""
    if program.suffix == ".ipynb":
        return None
    runner = f"import runpy, sys; sys.path.insert(0, {str(ROOT)!r}); import tests.conftest; "
    code = runner + f"from runtime_probe.run import main; sys.exit(main(['--strict', {str(program)!r}]))"
    run = spoken([sys.executable, "-c", code])
    if run.returncode not in (0, 3):
        return None
    return Counter({("violation", ""): 1}) if run.returncode == 3 else Counter()


def peers(folder: Path) -> list[Tool]:
    """The tools that are there, each with every rule that it has."""
    rule = Path(tempfile.mkdtemp()) / "rules.yaml"
    rule.write_text(_SEMGREP_RULE, encoding="utf-8")
    commands: dict[str, list[str | Path]] = {
        "ruff ALL": ["ruff", "check", "--isolated", "--no-cache", "--select", "ALL", "--output-format", "concise"],
        "flake8-bugbear": ["flake8", "--isolated", "--select", "B", "--extend-select", "B9"],
        "pylint": ["pylint", "--enable", "all", "--score", "n", "--output-format", "parseable",
                   "--msg-template", "{path}:{line}:{column}: {msg_id} {msg}"],
        "TorchFix": ["torchfix", "--select", "ALL"],
        "semgrep": ["semgrep", "--metrics", "off", "--disable-version-check", "--config", rule, "--vim"],
    }  # fmt: skip
    return [
        Tool(name, lambda program, command=command: lines_of([folder / command[0], *command[1:], program], program))
        for name, command in commands.items()
        if (folder / command[0]).exists()
    ]


def lines_of(command: Sequence[str | Path], program: Path) -> Said | None:
    """What a tool prints as `file:line:column: CODE message`, by code and text of the line."""
    if program.suffix == ".ipynb" and Path(command[0]).name != "ruff":
        return None
    lines = program.read_text(encoding="utf-8").split("\n")
    found: Said = Counter()
    for line in spoken(command).stdout.splitlines():
        match = _CONCISE.match(line)
        if match:
            number = int(match[1])
            found[match[2], lines[number - 1].strip() if number <= len(lines) else ""] += 1
    return found


def spoken(command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    """A run in a directory of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run(
            list(map(str, command)), cwd=folder, env=environment, capture_output=True, text=True, timeout=300
        )


if __name__ == "__main__":
    main()
