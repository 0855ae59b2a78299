"""How much of the model, the rules and the probe's judge the tests hold in place.

A mutant is the program with one thing wrong: a comparison turned round, `and` for `or`, a condition without its second
half, a number one too large, a `return` that returns nothing. A seed picks them from the lines that the tests run. Each
one meets tests that reach its line, as coverage saw them; a mutant that they pass has survived, and is printed. What is
measured is what is committed:

    make coverage
    python benchmarks/mutation_sample.py --count 40
"""

from __future__ import annotations

import argparse
import ast
import itertools
import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
AREAS = {
    "model": ("jitlint/semantics/*.py",),
    "rules": ("jitlint/rules/*.py",),
    "judge": ("runtime_probe/judge*.py", "runtime_probe/classify.py", "runtime_probe/*verdict.py"),
}
NEAREST, BROADEST = 12, 12  # of the tests that reach a line, those that run least code, then those that run most
# The plugins that the tests need, and nothing said of the others: loading all takes longer than most tests.
PLUGINS = ("-o", "addopts=", "-p", "pytest_runtime_probe")
SWAPPED: Mapping[type[ast.AST], str] = {
    ast.Eq: "!=", ast.NotEq: "==", ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">",
    ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in",
    ast.Add: "-", ast.Sub: "+", ast.Mult: "+", ast.Div: "*", ast.BitOr: "&", ast.BitAnd: "|",
}  # fmt: skip


class Mutant(NamedTuple):
    """One change: the bytes of a file from `start` to `end` become `text`."""

    path: str
    line: int
    start: int
    end: int
    text: str
    before: str

    def applied(self, data: bytes) -> bytes:
        """The file with the change."""
        return data[: self.start] + self.text.encode() + data[self.end :]


class Fate(NamedTuple):
    """What became of a mutant, and how many test functions reach it.

    `killed`, `survived`, `no end` (the tests take the right program less than half of the limit) or `undecided`.
    """

    name: str
    tests: int


def mutants_of(path: Path) -> Iterator[Mutant]:
    """All mutants of one file."""
    data = path.read_bytes()
    starts = [0]
    for line in data.split(b"\n"):
        starts.append(starts[-1] + len(line) + 1)

    def place(node: ast.AST) -> slice:
        first, last = starts[node.lineno - 1], starts[node.end_lineno - 1]
        return slice(first + node.col_offset, last + node.end_col_offset)

    for node in _code(ast.parse(data)):
        at = place(node)
        for text in _other(node, lambda item: data[place(item)].decode()):
            name = path.relative_to(ROOT).as_posix()
            yield Mutant(name, node.lineno, at.start, at.stop, text, data[at].decode())


def _code(tree: ast.Module) -> Iterator[ast.AST]:
    """The expressions and returns in functions: no constants of modules, annotations, defaults or docstrings."""
    seen = set()
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            for statement in function.body:
                for node in ast.walk(statement):
                    if isinstance(node, (ast.expr, ast.Return)) and node not in seen:
                        seen.add(node)
                        yield node


def _other(node: ast.AST, source: Callable[[ast.AST], str]) -> Iterator[str]:
    """What stands instead of a piece of code."""
    match node:
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            yield f"{source(left)} {SWAPPED[type(operator)]} {source(right)}"
        case ast.BoolOp(op=operator, values=values):
            yield (" or " if isinstance(operator, ast.And) else " and ").join(f"({source(item)})" for item in values)
            yield f"({source(values[0])})"
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield f"bool({source(operand)})"
        case ast.BinOp(op=operator, left=left, right=right) if type(operator) in SWAPPED:
            yield f"({source(left)}) {SWAPPED[type(operator)]} ({source(right)})"
        case ast.IfExp(body=body, orelse=orelse):
            yield f"({source(body)})"
            yield f"({source(orelse)})"
        case ast.Constant(value=bool() as value):
            yield str(not value)
        case ast.Constant(value=int() as value):
            yield str(value + 1)
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield "return None"


class Tests:
    """Which test functions reach a line, from a coverage file with contexts."""

    def __init__(self, file: Path, without: Sequence[str] = ()) -> None:
        self.without = tuple(without)
        self.rows = sqlite3.connect(file)
        self.sizes = dict(self.rows.execute("select context_id, count(*) from arc group by 1"))
        self.names = dict(self.rows.execute("select id, context from context where context like 'tests.%'"))
        files = self.rows.execute("select id, path from file")
        self.files = {name.rpartition("/repo/")[2].removeprefix(f"{ROOT}/"): number for number, name in files}

    def reaching(self, path: str, line: int) -> list[str]:
        """Their node ids, those that run least code first."""
        number = self.files.get(path)
        query = "select distinct context_id from arc where file_id = ? and (tono = ? or fromno = ?)"
        found = [key for (key,) in self.rows.execute(query, (number, line, line)) if key in self.names]
        nodes = [self._node(self.names[key]) for key in sorted(found, key=lambda key: (self.sizes[key], key))]
        return [node for node in nodes if not node.startswith(self.without)]

    def all(self) -> list[str]:
        """The node ids of all test functions."""
        return [self._node(name) for name in self.names.values()]

    def _node(self, context: str) -> str:
        module, _, function = context.rpartition(".")
        return f"{module.replace('.', '/')}.py::{function}"


def tried(mutant: Mutant, tests: Sequence[str], copy: Path, limit: float) -> Fate:
    """Run the tests on a copy of this repository that is wrong in one place."""
    file = copy / mutant.path
    right = file.read_bytes()
    nearest, others = tests[:NEAREST], tests[NEAREST:]
    for stage in (nearest, others[-BROADEST:]):
        file.write_bytes(mutant.applied(right))
        try:
            name = _run(stage, copy, limit) if stage else "survived"
        finally:
            file.write_bytes(right)
        if name == "no end" and _run(stage, copy, limit // 2) != "survived":
            name = "undecided"
        if name != "survived":
            return Fate(name, len(tests))
    return Fate("survived", len(tests))


def _run(tests: Sequence[str], copy: Path, limit: int) -> str:
    """Run tests for so many seconds of CPU time in one process at most, and four times as many on the clock."""
    settings = {"PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "OMP_NUM_THREADS": "1"}
    environment = {**os.environ, **settings, "PYTHONPATH": str(copy)}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *PLUGINS, *tests]
    try:
        done = subprocess.run(
            command,
            cwd=copy,
            env=environment,
            capture_output=True,
            timeout=4 * limit,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5)),
        )
    except subprocess.TimeoutExpired:
        return "no end"
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return "no end"
    if done.returncode not in (0, 1, 2):  # all passed, one failed, or the program cannot even be imported
        raise SystemExit(done.stdout.decode() + done.stderr.decode())
    return "survived" if done.returncode == 0 else "killed"


def sample(
    tests: Tests, chosen: Sequence[str], count: int, seed: int, skip: int
) -> Iterator[tuple[str, Mutant, list[str]]]:
    """So many mutants of each area, in turns: a shorter run tries the first of a longer one."""
    areas = [itertools.islice(_reached(tests, area, seed), skip, skip + count) for area in chosen]
    yield from (item for turn in itertools.zip_longest(*areas) for item in turn if item is not None)


def _reached(tests: Tests, area: str, seed: int) -> Iterator[tuple[str, Mutant, list[str]]]:
    """The mutants of an area in the order of the seed, each with the tests that reach it; some must."""
    paths = sorted({path for pattern in AREAS[area] for path in ROOT.glob(pattern)})
    every = [mutant for path in paths for mutant in mutants_of(path)]
    random.Random(f"{seed} {area}").shuffle(every)
    for mutant in every:
        found = tests.reaching(mutant.path, mutant.line)
        if found and _is_different(mutant):
            yield area, mutant, found


def _is_different(mutant: Mutant) -> bool:
    """Whether a mutant compiles, and to something else: the annotation of a local name is no code."""
    data = (ROOT / mutant.path).read_bytes()
    try:
        return compile(mutant.applied(data), mutant.path, "exec") != compile(data, mutant.path, "exec")
    except SyntaxError:
        return False


def main() -> None:
    """Print each survivor, then a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coverage", type=Path, default=ROOT / ".coverage", help="the file that coverage wrote")
    parser.add_argument("--count", type=int, default=40, help="mutants of each area (default: 40)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--skip", type=int, default=0, help="leave out so many mutants of each area first")
    parser.add_argument("--areas", nargs="+", default=list(AREAS), choices=AREAS, help="the parts to sample")
    parser.add_argument("--without", nargs="+", default=[], metavar="TESTS", help="test files that take too long")
    parser.add_argument("--limit", type=int, default=120, help="seconds of CPU time that twelve tests may take")
    parser.add_argument("--minutes", type=float, default=600, help="begin no mutant after so many minutes")
    options = parser.parse_args()
    ends = time.monotonic() + 60 * options.minutes
    fates: dict[str, list[str]] = {area: [] for area in options.areas}
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "repo")
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(copy)], check=True)
        every = {test.partition("::")[0] for test in Tests(options.coverage).all()}
        if _run(["--collect-only", *sorted(every)], copy, 600) != "survived":
            raise SystemExit("the tests cannot be collected without a mutant")
        reaching = Tests(options.coverage, options.without)
        for area, mutant, tests in sample(reaching, options.areas, options.count, options.seed, options.skip):
            if time.monotonic() > ends:
                break
            fate = tried(mutant, tests, copy, options.limit)
            fates[area].append(fate.name)
            print(".", end="", file=sys.stderr, flush=True)
            if fate.name != "killed":
                place = f"{mutant.path}:{mutant.line}"
                print(f"{fate.name} ({fate.tests} tests): {place}: `{mutant.before}` -> `{mutant.text}`", flush=True)
    print("\n| area | mutants | killed | no end | survived | undecided |\n|---|--:|--:|--:|--:|--:|")
    for area, found in fates.items():
        killed, ended, survived, undecided = map(found.count, ("killed", "no end", "survived", "undecided"))
        share = f" ({100 * (killed + ended) / len(found):.0f} %)" if found else ""
        print(f"| {area} | {len(found)} | {killed}{share} | {ended} | {survived} | {undecided} |")


if __name__ == "__main__":
    main()
