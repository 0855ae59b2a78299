"""Which tool finds which kind of bug; `python benchmarks/detection_matrix.py --peers BIN` writes the page in docs/.

Each pair of `examples/` and `tests/field/` is a buggy program and its correct twin; the rule that the bug belongs to is
its kind. A tool *finds* the bug if it gives some code more often for the buggy program than for the twin, whatever the
code means, and *alarms* if it gives some code more often for the twin. This is generous to a tool with many rules: a
remark on a line's length counts. jitlint and the probe are held to more: whatever they say about a twin is an alarm.

The probe runs a program as `python -m runtime_probe --strict` does. Many programs read data or import packages that are
not here; a pair counts only where both of its programs run to their end. A notebook is given to every tool as the
script of its code cells.
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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import probe_field

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
PAGE = ROOT / "docs" / "detection-matrix.md"
SEMGREP_RULES = ROOT / "benchmarks" / "semgrep.yml"
# The rule of each pair in examples/; those of tests/field are in its cases.jsonl.
EXAMPLES = {
    "augmentation": "JIT203",
    "coordinates": "JIT101",
    "diffusion": "JIT102",
    "hf_trainer": "JIT302",
    "jax_noise": "JIT308",
    "keras_cache": "JIT105",
    "lightning_module": "JIT301",
    "mixup": "JIT102",
    "notebook": "JIT101",
    "pinn": "JIT101",
    "reinforcement": "JIT301",
    "trainer": "JIT201",
}
PEERS = {
    "ruff": ("ruff ALL", ("check", "--isolated", "--no-cache", "--select", "ALL", "--output-format", "concise")),
    "flake8": ("flake8-bugbear", ("--isolated", "-j", "1", "--select", "B", "--extend-select", "B9")),
    "pylint": ("pylint, all", ("--enable=all", "--disable=duplicate-code", "--score=n",
                          "--msg-template={path}:{line}:{column}: {msg_id} {msg}")),
    "torchfix": ("TorchFix", ("--select", "ALL")),
    "semgrep": ("semgrep, 3 rules", ("scan", "--metrics", "off", "--disable-version-check", "--no-git-ignore",
                                     "--quiet", "--vim", "--config", str(SEMGREP_RULES))),
}  # fmt: skip
PACKAGES = ("ruff", "flake8", "flake8-bugbear", "pylint", "torchfix", "semgrep")
SECONDS = 60  # for a program under the probe
_REMARK = re.compile(r"^(?P<path>.+?\.py):\d+:\d+:\s*(?:[EW]:)?(?P<code>[\w.-]+)")

Said = Counter[str]
Answers = Mapping[str, Said]  # by program; one that could not be read or run is missing


@dataclass(frozen=True)
class Pair:
    """One bug: the rule that it belongs to, the program that has it and the one that does not."""

    kind: str
    buggy: Path
    correct: Path

    @property
    def name(self) -> str:
        return self.buggy.stem if self.buggy.stem != "buggy" else self.buggy.parent.name


@dataclass(frozen=True)
class Tool:
    """A column of the table; `exact` where every remark is about augmentation."""

    name: str
    answers: Answers
    exact: bool = False

    def ran(self, pair: Pair) -> bool:
        return all(f"{pair.name}_{form}" in self.answers for form in ("buggy", "correct"))

    def found(self, pair: Pair) -> Said:
        return self._said(pair, "buggy") - self._said(pair, "correct")

    def alarm(self, pair: Pair) -> Said:
        said = self._said(pair, "correct")
        return said if self.exact else said - self._said(pair, "buggy")

    def _said(self, pair: Pair, form: str) -> Said:
        return self.answers.get(f"{pair.name}_{form}", Counter()) if self.ran(pair) else Counter()


def main() -> None:
    """Ask every tool about every program and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--peers", type=Path, help=f"the bin directory with {', '.join(PEERS)}")
    parser.add_argument("--output", type=Path, default=PAGE, help="the page (default: docs/detection-matrix.md)")
    options = parser.parse_args()
    pairs = sorted([*field_pairs(), *example_pairs()], key=lambda pair: (pair.kind, pair.name))
    with tempfile.TemporaryDirectory() as name:
        programs = lay_out(pairs, Path(name).resolve())
        tools = [
            Tool("jitlint", jitlint(programs), exact=True),
            Tool("runtime_probe", probe(programs), exact=True),
            *peers(options.peers, programs),
        ]
    versions = installed(options.peers) if options.peers else "No peers were asked."
    options.output.write_text(page(tools, pairs, versions), encoding="utf-8")


def field_pairs() -> Iterator[Pair]:
    """Programs written after what is found in public repositories."""
    folder = ROOT / "tests" / "field"
    for line in (folder / "cases.jsonl").read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        if case["codes"]:
            buggy = folder / case["file"]
            yield Pair(case["codes"][0], buggy, buggy.with_stem(f"{buggy.stem}_ok"))


def example_pairs() -> Iterator[Pair]:
    """The programs that show the rules."""
    for name, kind in EXAMPLES.items():
        buggy = next((ROOT / "examples" / name).glob("buggy.*"))
        yield Pair(kind, buggy, buggy.with_stem("correct"))


def lay_out(pairs: Sequence[Pair], folder: Path) -> list[Path]:
    """Each program in a folder of its own; a notebook as the script of its code cells."""
    programs = []
    for pair in pairs:
        for form, source in (("buggy", pair.buggy), ("correct", pair.correct)):
            program = folder / f"{pair.name}_{form}" / f"{pair.name}_{form}.py"
            program.parent.mkdir()
            if source.suffix == ".ipynb":
                cells = json.loads(source.read_text(encoding="utf-8"))["cells"]
                code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
                program.write_text("\n\n".join(code) + "\n", encoding="utf-8")
            else:
                shutil.copy(source, program)
            programs.append(program)
    return programs


# ------------------------------------------------------------------------------------------------- tools


def jitlint(programs: Sequence[Path]) -> Answers:
    """The default run, over one program at a time: each is a project of its own."""
    answers = {}
    for program in programs:
        run = spoken([sys.executable, "-m", "jitlint", "--isolated", "--no-cache", "--format", "json", program])
        answers[program.stem] = Counter(item["code"] for item in json.loads(run.stdout))
    return answers


def probe(programs: Sequence[Path]) -> Answers:
    """`violation` or nothing, of the programs that run here."""
    probe_field.prepare()  # imports torch, which the linter is compared without
    answers: dict[str, Said] = {}
    for program in programs:
        outcome = probe_field.run(program, program.stem, SECONDS)
        if outcome.obstacle in ("", "trains nothing"):
            answers[program.stem] = Counter({"violation": 1} if outcome.is_violation else {})
    return answers


def peers(folder: Path | None, programs: Sequence[Path]) -> list[Tool]:
    """The other linters that are there, each over all programs at once."""
    if folder is None:
        return []
    tools = []
    for command, (name, arguments) in PEERS.items():
        answers: dict[str, Said] = {program.stem: Counter() for program in programs}
        for line in spoken([folder.resolve() / command, *arguments, *programs]).stdout.splitlines():
            remark = _REMARK.match(line)
            if remark:
                answers[Path(remark["path"]).stem][remark["code"].rpartition(".")[2]] += 1
        tools.append(Tool(name, answers))
    return tools


def spoken(command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    """A run in an empty directory."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run(
            list(map(str, command)), cwd=folder, env=environment, capture_output=True, text=True, timeout=1200
        )


def installed(folder: Path) -> str:
    """The versions of the peers."""
    code = f"from importlib.metadata import version\nfor name in {PACKAGES}: print(name, version(name))"
    return ", ".join(spoken([folder.resolve() / "python", "-c", code]).stdout.splitlines()) + "."


# ------------------------------------------------------------------------------------------------- the page


def page(tools: Sequence[Tool], pairs: Sequence[Pair], versions: str) -> str:
    """The document."""
    from jitlint.rules import all_rules

    names = {rule.code: rule.name for rule in all_rules()}
    kinds = sorted({pair.kind for pair in pairs})
    lines = [
        "# Detection matrix",
        "",
        "```",
        "python benchmarks/detection_matrix.py --peers BIN",
        "```",
        "",
        *(__doc__ or "").split("\n")[2:-1],
        "",
        versions,
        "",
        "A cell has the bugs found, of how many pairs that ran where not all did, and the twins with an alarm if any.",
        "",
        f"| kind of bug | pairs | {' | '.join(tool.name for tool in tools)} | jitlint or probe |",
        "|---|--:|" + "---|" * (len(tools) + 1),
    ]
    for kind in kinds:
        lines.append(row(f"[{kind}](rules/{kind}.md) {names[kind]}", tools, [p for p in pairs if p.kind == kind]))
    lines += [row("**all**", tools, pairs), "", *footnotes(tools, pairs)]
    return "\n".join(lines) + "\n"


def row(title: str, tools: Sequence[Tool], pairs: Sequence[Pair]) -> str:
    """One kind of bug."""
    either = sum(any(tool.found(pair) for tool in tools if tool.exact) for pair in pairs)
    return f"| {title} | {len(pairs)} | {' | '.join(cell(tool, pairs) for tool in tools)} | {either} |"


def cell(tool: Tool, pairs: Sequence[Pair]) -> str:
    """`3`, `3; 1 alarm` or `2 of 3 run`."""
    ran = sum(map(tool.ran, pairs))
    if not ran:
        return "not run"
    alarms = sum(bool(tool.alarm(pair)) for pair in pairs)
    found = str(sum(bool(tool.found(pair)) for pair in pairs))
    of = f" of {ran} run" if ran < len(pairs) else ""
    return found + of + (f"; {alarms} alarm{'s' * (alarms > 1)}" if alarms else "")


def footnotes(tools: Sequence[Tool], pairs: Sequence[Pair]) -> Iterator[str]:
    """By name what our own tools miss or alarm on, and the codes behind the finds of the others."""
    for tool in tools:
        ran = [pair for pair in pairs if tool.ran(pair)]
        if tool.exact:
            yield named(f"Missed by {tool.name}", [pair.name for pair in ran if not tool.found(pair)])
            yield named(f"Alarms of {tool.name} on twins", [pair.name for pair in ran if tool.alarm(pair)])
        else:
            codes = Counter(code for pair in ran for code in tool.found(pair))
            common = [f"{code} ({number})" for code, number in codes.most_common(8)]
            yield named(f"Codes behind most finds of {tool.name}, with the number of pairs", common)


def named(title: str, names: Sequence[str]) -> str:
    return f"* {title}: {', '.join(f'`{name}`' for name in names) or 'none'}."


if __name__ == "__main__":
    main()
