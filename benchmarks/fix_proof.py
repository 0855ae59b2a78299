"""Break real training files, mend them with `--fix`, and check every promise that a fix makes.

    python benchmarks/fix_proof.py DIR [DIR ...] [--mutants 2000] [--start 0]

Mistakes are planted in files that train, one at a time: those of `tests/mutators.py` where the file augments its
batches, and all of `planted_bugs.py` in every training loop. The broken file is written in one of several forms in
turn (CRLF, tabs, a byte-order mark, latin-1 with its cookie, form feeds, no final newline, a notebook). A draw that
was moved above its loop should come back to where it was: the same tree (`ast.dump`) as before the mistake. The files
are read, never run. A promise that is broken is printed with the file, and the exit status is 1.
Ctrl-C ends it with what was counted so far.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import random
import signal
import sys
import tokenize
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from planted_bugs import HOISTED, mistakes

from jitlint.cache import Cache
from jitlint.config import Settings
from jitlint.diagnostic import Applicability, Diagnostic
from jitlint.engine import Outcome, Run, lint
from jitlint.files import File
from jitlint.fixing import fix
from jitlint.source import Source, load_source
from jitlint.workers import Workers

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tests.mutators import mutants


@dataclass(frozen=True)
class Broken:
    """A file with a mistake: where it is from, what was planted, and the text without it if a fix should restore it."""

    path: Path
    kind: str
    text: str
    original: str | None = None


@dataclass
class Counts:
    """What happened, by the kind of mistake; and the promises that were broken."""

    planted: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    fixed: Counter[str] = field(default_factory=Counter)
    forms: Counter[str] = field(default_factory=Counter)
    returned: Counter[str] = field(default_factory=Counter)
    restored: Counter[str] = field(default_factory=Counter)
    moved: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


# ------------------------------------------------------------------------------------------------ mistakes


def broken_files(folders: list[Path], largest: int) -> Iterator[Broken]:
    """Every mistake in every file that trains."""
    files = sorted(path for folder in folders for path in folder.rglob("*.py") if path.is_file())
    random.Random(1).shuffle(files)
    for path in files:
        try:
            text = path.read_text(encoding="utf-8")
            if ".backward(" in text and len(text) <= largest and "\n\t" not in text:
                ast.parse(text)
                yield from _broken(path, text)
        except (SyntaxError, ValueError, RecursionError, OSError):
            continue


def _broken(path: Path, text: str) -> Iterator[Broken]:
    for mutant in mutants(text):
        yield Broken(path, mutant.kind, mutant.text, mutant.original if mutant.is_exact else None)
    for mistake in mistakes(text):
        yield Broken(path, mistake.kind, mistake.text, mistake.original if mistake.codes == HOISTED else None)


# --------------------------------------------------------------------------------------------------- forms


def _notebook(text: str) -> bytes:
    """The program as one cell beside another, with outputs that a fix must not touch."""
    cells = [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": ["# é\n", "text"]},
        {
            "cell_type": "code",
            "execution_count": 3,
            "id": "b",
            "metadata": {"z": 1.50},
            "outputs": [{"output_type": "stream", "text": ["for x in y:\n"]}],
            "source": text.splitlines(keepends=True),
        },
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1).encode()


def _tabs(text: str) -> bytes:
    lines = [len(line) - len(line.lstrip(" ")) for line in text.split("\n")]
    shown = [
        "\t" * (width // 4) + line[width:] if width % 4 == 0 else line
        for width, line in zip(lines, text.split("\n"), strict=True)
    ]
    changed = "\n".join(shown)
    try:
        return changed.encode() if ast.dump(ast.parse(changed)) == ast.dump(ast.parse(text)) else text.encode()
    except SyntaxError:
        return text.encode()


FORMS: dict[str, Callable[[str], bytes]] = {
    "as it is": str.encode,
    "CRLF": lambda text: text.replace("\n", "\r\n").encode(),
    "byte-order mark": lambda text: text.encode("utf-8-sig"),
    "no final newline": lambda text: text.rstrip("\n").encode(),
    "tabs": _tabs,
    "latin-1": lambda text: ("# coding: latin-1\n# \xe9\n" + text).encode("latin-1", "replace"),
    "form feeds": lambda text: text.replace("\n\n\ndef ", "\n\n\x0c\ndef ").encode(),
    "notebook": _notebook,
}


# -------------------------------------------------------------------------------------------------- checks


def check(item: Broken, form: str, counts: Counts) -> None:
    """Lint and mend one broken file, and compare."""
    data = FORMS[form](item.text)
    name = "train.ipynb" if form == "notebook" else "train.py"
    source = load_source(name, data)
    before = found(name, data)
    counts.planted[item.kind] += 1
    counts.forms[form] += 1
    counts.found[item.kind] += bool(before)
    kinds = {item.fix.applicability for item in before if item.fix}
    for unsafe in (kind is Applicability.UNSAFE for kind in sorted(kinds, key=lambda kind: kind.value)):
        outcome = mend(name, data, unsafe)
        new = outcome.changed.get(f"/{name}")
        if new is None:
            continue
        counts.fixed[item.kind] += 1
        promises = [*kept(name, data, new, unsafe), *lines_kept(source.text, load_source(name, new).text)]
        if Counter(d.code for d in outcome.report.diagnostics) - Counter(d.code for d in before):
            promises.append("something new is found")
        if mend(name, new, unsafe).changed:
            promises.append("a second run changes something")
        counts.broken += [f"{item.path} ({item.kind}, {form}): {promise}" for promise in promises]
        if item.original is not None:
            same = dump(load_source(name, new)) == dump(load_source(name, FORMS[form](item.original)))
            counts.returned[item.kind] += 1
            counts.restored[item.kind] += same
            counts.moved += [] if same else [f"{item.path} ({item.kind}, {form})"]


def dump(source: Source) -> str:
    """The tree of a program."""
    return ast.dump(ast.parse(source.text))


def kept(name: str, data: bytes, new: bytes, unsafe: bool) -> Iterator[str]:
    """What of the document is not as it was."""
    before, after = load_source(name, data), load_source(name, new)
    try:
        ast.parse(after.text)
    except SyntaxError:
        yield "the result does not parse"
        return
    lost = comments(before.text) - comments(after.text)
    if lost and not (unsafe and all(_is_code(comment) for comment in lost)):
        yield f"comments are lost: {list(lost)[:3]}"
    for mark in (b"\xef\xbb\xbf", b"# coding: latin-1"):
        if data.startswith(mark) != new.startswith(mark):
            yield f"{mark!r} is not as it was"
    if (b"\r\n" in data) != (b"\r\n" in new) or (b"\r\n" in new and b"\n" in new.replace(b"\r\n", b"")):
        yield "the newlines are not as they were"
    if data.endswith(b"\n") != new.endswith(b"\n"):
        yield "the end is not as it was"
    if name.endswith(".ipynb"):
        old, mended = json.loads(data), json.loads(new)
        if json.dumps(mended, indent=1).encode() != new:
            yield "the JSON is written in another way"
        old["cells"][1].pop("source"), mended["cells"][1].pop("source")
        if old != mended:
            yield "another part of the notebook changed"


def lines_kept(before: str, after: str) -> Iterator[str]:
    """Whether more than a few lines changed: a fix moves or writes one statement, and a notebook keeps the rest."""
    old, new = (Counter(line.strip() for line in text.split("\n") if line.strip()) for text in (before, after))
    if sum((old - new).values()) > 12:
        yield f"{sum((old - new).values())} lines are gone"


def comments(text: str) -> Counter[str]:
    """Every comment."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return Counter(token.string.rstrip() for token in tokens if token.type == tokenize.COMMENT)


def _is_code(comment: str) -> bool:
    return "(" in comment or "=" in comment


def found(name: str, data: bytes) -> tuple[Diagnostic, ...]:
    """What a run finds in one file."""
    return lint([File(name, f"/{name}", True)], _run(name, data)).diagnostics


def mend(name: str, data: bytes, unsafe: bool) -> Outcome:
    """What `--fix` makes of one file."""
    return fix([File(name, f"/{name}", True)], _run(name, data), unsafe=unsafe)


def _run(name: str, data: bytes) -> Run:
    return Run(Settings(), Cache(), Workers(1), "/", {f"/{name}": data})


def run(folders: list[Path], largest: int, start: int, mutants: int, counts: Counts) -> None:
    """Check some of the broken files, and say how far it is."""
    told = 0
    for number, item in enumerate(islice(broken_files(folders, largest), start, start + mutants), start=start):
        form = list(FORMS)[number % len(FORMS)]
        try:
            check(item, form, counts)
        except Exception as error:
            counts.broken.append(f"{item.path} ({item.kind}, {form}): {type(error).__name__}: {error}")
        if (number + 1) % 100 == 0 or len(counts.broken) > told:
            print(f"{number + 1}:", *counts.broken[told:], sep="\n  ", file=sys.stderr, flush=True)
            told = len(counts.broken)


def main() -> int:
    """Print a table, and what was broken."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("folders", nargs="+", type=Path)
    ask.add_argument("--mutants", type=int, default=2000)
    ask.add_argument("--start", type=int, default=0, help="leave out as many first, to go on with an earlier run")
    ask.add_argument("--largest", type=int, default=40_000, help="bytes of a file that is broken")
    options = ask.parse_args()
    warnings.simplefilter("ignore")
    counts = Counts()
    for number in (signal.SIGINT, signal.SIGTERM):  # in the background of a shell, the first is ignored
        signal.signal(number, signal.default_int_handler)
    with suppress(KeyboardInterrupt):  # stopped: what was counted is told
        run(options.folders, options.largest, options.start, options.mutants, counts)
    print("| planted | files | found | runs that changed it | restored |\n|---|--:|--:|--:|--:|")
    for kind in counts.planted:
        restored = f"{counts.restored[kind]} of {counts.returned[kind]}" if counts.returned[kind] else ""
        print(f"| {kind} | {counts.planted[kind]} | {counts.found[kind]} | {counts.fixed[kind]} | {restored} |")
    print(f"| | {counts.planted.total()} | {counts.found.total()} | {counts.fixed.total()} | |")
    print(f"\nforms: {dict(counts.forms)}; promises broken: {len(counts.broken)}")
    print(*counts.broken, sep="\n")
    print("\nPut elsewhere than they were:", *counts.moved, sep="\n")
    return int(bool(counts.broken))


if __name__ == "__main__":
    sys.exit(main())
