"""Plant a mistake in real training loops and count how many the rules find.

    python benchmarks/injected_bugs.py DIR [DIR ...] [--loops 400]

A loop counts if its body calls `.backward()` and `.step()` and holds no other such loop, in a file that says
`import torch`. Two mistakes are
planted, one at a time: a constant seed as the loop's first statement (JIT301), and noise that is drawn above
the loop and added to the batch inside it (JIT102; only where a network gets the batch by name). The files
are read, never run.
"""

from __future__ import annotations

import argparse
import ast
import random
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from jitlint.rules import find_rule
from jitlint.semantics.build import build_module
from jitlint.semantics.project import Project
from jitlint.source import load_source

NETWORKS = frozenset("model net netG netD encoder decoder classifier generator discriminator network G D vae".split())


def calls(body: list[ast.stmt], method: str) -> bool:
    """Whether some statement calls a method of this name."""
    nodes = (node for statement in body for node in ast.walk(statement))
    return any(isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and n.func.attr == method for n in nodes)


def training_loops(tree: ast.Module) -> Iterator[ast.For]:
    """The innermost loops that train."""
    for loop in ast.walk(tree):
        if not isinstance(loop, ast.For) or not calls(loop.body, "backward") or not calls(loop.body, "step"):
            continue
        inner = (node for statement in loop.body for node in ast.walk(statement))
        if any(isinstance(node, ast.For | ast.While) and calls(node.body, "backward") for node in inner):
            continue
        if loop.body[0].lineno > loop.lineno:
            yield loop


def batch_name(loop: ast.For) -> str | None:
    """The first name of the batch, if a network gets it as an argument by that name."""
    names = [node.id for node in ast.walk(loop.target) if isinstance(node, ast.Name)]
    if isinstance(loop.iter, ast.Call) and getattr(loop.iter.func, "id", "") == "enumerate":
        names = names[1:]
    for node in (node for statement in loop.body for node in ast.walk(statement)):
        if (
            isinstance(node, ast.Call)
            and names
            and any(isinstance(a, ast.Name) and a.id == names[0] for a in node.args)
        ):
            called = getattr(node.func, "id", "") or getattr(node.func, "attr", "")
            if called in NETWORKS:
                return names[0]
    return None


def planted(lines: list[str], loop: ast.For) -> Iterator[tuple[str, str, int, list[str]]]:
    """(what, code, line of the mistake, the lines with it) for each mistake that fits a loop."""
    first = loop.body[0].lineno - 1
    inside, outside = " " * loop.body[0].col_offset, " " * loop.col_offset
    yield "seed in the loop", "JIT301", first + 1, [*lines[:first], f"{inside}torch.manual_seed(0)", *lines[first:]]
    name = batch_name(loop)
    if name is not None:
        above, at = f"{outside}noise = 0.1 * torch.randn(3, 32, 32)", loop.lineno - 1
        added = f"{inside}{name} = {name} + noise"
        yield "noise above it", "JIT102", at + 1, [*lines[:at], above, *lines[at:first], added, *lines[first:]]


def confidence(code: str, line: int, lines: list[str]) -> str:
    """How sure the rule is of the mistake at a line, or `missed`."""
    module = build_module(load_source("module.py", "\n".join(lines).encode()))
    rule = find_rule(code)
    assert rule is not None
    found = rule().check(Project({"module.py": module}, Path("/nonexistent")))
    return next((item.confidence.label for item in found if item.span.line == line), "missed")


def main() -> None:
    """Print a table."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("folders", nargs="+", type=Path)
    ask.add_argument("--loops", type=int, default=400)
    options = ask.parse_args()
    warnings.simplefilter("ignore")
    files = sorted(path for folder in options.folders for path in folder.rglob("*.py") if path.is_file())
    random.Random(1).shuffle(files)
    table: dict[str, Counter[str]] = {"seed in the loop": Counter(), "noise above it": Counter()}
    for path in files:
        text = path.read_text(errors="replace")
        if (
            "\nimport torch\n" not in text
            or ".backward(" not in text
            or sum(table["seed in the loop"].values()) >= options.loops
        ):
            continue
        try:
            loops = list(training_loops(ast.parse(text)))[:2] if "\t" not in text else []
        except (SyntaxError, ValueError, RecursionError):
            continue
        for loop in loops:
            for what, code, line, lines in planted(text.split("\n"), loop):
                table[what][confidence(code, line, lines)] += 1
    print("| planted | loops | high | medium | low | missed |\n|---|---|---|---|---|---|")
    for what, counts in table.items():
        cells = " | ".join(str(counts[key]) for key in ("high", "medium", "low", "missed"))
        print(f"| {what} | {sum(counts.values())} | {cells} |")


if __name__ == "__main__":
    main()
