"""Whatever a program looks like: a fix moves what it names, with its comments, and no other byte changes."""

from __future__ import annotations

import ast
import io
import json
import tokenize
from collections import Counter
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from jitlint.diagnostic import (
    Applicability,
    Candidate,
    Confidence,
    FixPlan,
    MoveAboveLoop,
    MoveIntoLoop,
    Plan,
    Rename,
    Span,
    Uncomment,
)
from jitlint.fixes.apply import apply_fixes
from jitlint.fixes.diagnose import diagnose
from jitlint.source import Source, load_source
from tests.jitlint.fixing import spans

UNITS = st.sampled_from(["    ", "  ", "\t", " "])
NEWLINES = st.sampled_from(["\n", "\r\n", "\r"])
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "latin-1"])
COMMENTS = st.sampled_from(["# why", "#é", "# coord = jitter(coord)", "# jitlint: ignore[JIT301] so", "#"])
BETWEEN = st.lists(
    st.sampled_from(
        ["", "", "# note", "#loose é", "step = 1  # step", "text = '''a\n  b\n'''", "x = [1,\n2]", "other(1); other(2)"]
    ),
    max_size=4,
)
MOVED = st.sampled_from(
    [
        "coord = jitter(grid)",
        "coord = jitter(grid)  # é",
        "coord = jitter(grid);",
        "coord = jitter(\n    grid,  # clean\n  std=1,\n)",
        "coord = jitter('''a\n b\n    c''', grid)  # after",
        "coord = jitter(f'''{grid}\n  {grid\n}''')",
        "coord = grid + \\\n    noise(grid)",
        "coord: Tensor = jitter(grid)",
        "with seeded():\n<coord = jitter(grid)\n<# at the end",
        "if a:\n<coord = jitter(grid)\nelse:\n<# no noise\n<coord = grid",
        "self.coord = coord = jitter(grid)",
    ]
)
HEADERS = st.sampled_from(
    [
        "for images in loader:",
        "for i, images in enumerate(loader):  # go",
        "while running(\n  1):",
        "for images in (\n    loader  # all\n):",
    ]
)
USES = st.sampled_from(
    [
        "model(coord)",
        "y = model(coord)  # é",
        "if y:\n<model(coord)",
        "with amp():\n<for k in range(2):\n<<model(coord)",
        "model(\n  coord,\n)",
    ]
)
WRAPPERS = st.sampled_from([(), ("def f(self, grid):",), ("class A:", "def f(self, grid):"), ("if main:", "with x:")])


@dataclass(frozen=True)
class Program:
    """A program as lines of its blocks, and how it is written to bytes."""

    lines: tuple[str, ...]
    moved: tuple[str, ...]
    data: bytes
    newline: str
    encoding: str

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def block(text: str, depth: int, unit: str) -> list[str]:
    """A fragment at a depth; `<` stands for one more, and lines in strings are left alone."""
    fragment = text.replace("<", unit)
    inside: set[int] = set()
    for node in ast.walk(ast.parse(fragment)) if not fragment.rstrip().endswith(":") else ():
        if isinstance(node, ast.Constant | ast.JoinedStr) and node.end_lineno != node.lineno:
            inside.update(range(node.lineno, node.end_lineno or node.lineno))
    lines = fragment.split("\n")
    return [line if n in inside or not line else unit * depth + line for n, line in enumerate(lines)]


def encoded(lines: list[str], newline: str, encoding: str, last: bool) -> bytes:
    head = ["# coding: latin-1"] if encoding == "latin-1" else []
    return ("\n".join([*head, *lines]) + ("\n" if last else "")).replace("\n", newline).encode(encoding)


@st.composite
def hoisted(draw: st.DrawFn) -> Program:
    """A statement above a loop that uses what it binds."""
    unit, newline, encoding = draw(UNITS), draw(NEWLINES), draw(ENCODINGS)
    wrapper = draw(WRAPPERS)
    depth = len(wrapper)
    comments = draw(st.lists(COMMENTS, max_size=2))
    moved = [unit * depth + comment for comment in comments] + block(draw(MOVED), depth, unit)
    between = [line for part in draw(BETWEEN) for line in block(part, depth, unit)]
    above = [line for part in draw(BETWEEN) for line in block(part, depth, unit)]
    if above:
        above.append("")  # so that the comments above belong to somebody else
    early = [line for part in draw(BETWEEN) for line in block(part, depth + 1, unit)]
    loop = [*block_of_header(draw(HEADERS), depth, unit), *early, *block(draw(USES), depth + 1, unit)]
    after = draw(st.sampled_from([[], ["", unit * depth + "done()  # end"], ["# end"], ["", ""]]))
    top = [unit * n + header for n, header in enumerate(wrapper)]
    lines = [*top, *above, *moved, *between, *loop, *after]
    return Program(
        tuple(lines), tuple(moved), encoded(lines, newline, encoding, draw(st.booleans())), newline, encoding
    )


def block_of_header(header: str, depth: int, unit: str) -> list[str]:
    return [unit * depth + line for line in header.split("\n")]


def comments_of(text: str) -> Counter[str]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return Counter(token.string for token in tokens if token.type == tokenize.COMMENT)


def statements_of(text: str) -> Counter[str]:
    nodes = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.stmt) and not hasattr(node, "body"))
    return Counter(ast.dump(node) for node in nodes)


def fixed(source: Source, span: Span, plan: Plan) -> bytes | None:
    """The bytes after the fix, or None when it was declined."""
    candidate = Candidate("JIT101", source.path, span, "m", Confidence.HIGH, (), FixPlan(Applicability.SAFE, "f", plan))
    diagnostics = diagnose(source, [candidate], lambda changed: ())
    return apply_fixes(source, diagnostics, unsafe=False).data if diagnostics[0].fix else None


def filled(data: bytes, newline: str, encoding: str) -> list[str]:
    """The lines that are not blank."""
    return [line for line in data.decode(encoding).split(newline) if line.strip()]


@settings(max_examples=400)
@given(hoisted(), st.booleans())
def test_moving_into_a_loop(program: Program, renaming: bool) -> None:
    source = load_source("a.py", program.data)
    find = spans(source.text)
    moved = first_code(program.moved)
    rename = Rename("grid", "unused") if renaming else None  # the statements do not bind it: declined
    plan = MoveIntoLoop(find(loop_of(source)), (find(moved),), use_of(source), rename)
    data = fixed(source, find(moved), plan)
    if renaming:
        assert data is None
        return
    assert data is not None
    result = load_source("a.py", data)
    assert comments_of(result.text) == comments_of(source.text)
    assert statements_of(result.text) == statements_of(source.text)
    assert_only_moved(program, data)
    again = MoveIntoLoop(spans(result.text)(loop_of(result)), (spans(result.text)(moved),), use_of(result))
    assert fixed(result, again.loop, again) is None


def assert_only_moved(program: Program, data: bytes) -> None:
    """The lines that stay are the same, in their order; the moved ones differ in their indentation only."""
    before = filled(program.data, program.newline, program.encoding)
    after = filled(data, program.newline, program.encoding)
    assert Counter(line.lstrip() for line in after) == Counter(line.lstrip() for line in before)
    count = len([line for line in program.moved if line.strip()])
    start = next(n for n, line in enumerate(before) if before[n : n + count] == [m for m in program.moved if m.strip()])
    staying = [*before[:start], *before[start + count :]]
    assert any(staying == [*after[:n], *after[n + count :]] for n in range(len(after)))
    assert data.endswith(program.newline.encode()) == program.data.endswith(program.newline.encode())


def first_code(lines: tuple[str, ...]) -> str:
    return next(line.strip() for line in lines if not line.strip().startswith("#"))


def loop_of(source: Source) -> str:
    return next(line.strip() for line in source.lines if line.strip().startswith(("for images", "for i,", "while run")))


def use_of(source: Source) -> Span:
    lines = source.lines
    number = next(n for n, line in enumerate(lines, start=1) if "model(" in line)
    column = len(lines[number - 1].split("model(")[0].encode())
    return Span(number, column, number, column + 5)


@settings(max_examples=150)
@given(hoisted())
def test_moving_into_a_loop_of_a_notebook(program: Program) -> None:
    depth = len(program.moved[0]) - len(program.moved[0].lstrip())
    if depth:
        return
    text = load_source("a.py", program.data).text
    split = text.index(loop_of(load_source("a.py", program.data)))
    cells = [
        {"cell_type": "code", "source": part.splitlines(keepends=True), "outputs": ["é"]}
        for part in (text[:split], text[split:])
    ]
    raw = json.dumps({"cells": cells, "nbformat": 4}, indent=2, ensure_ascii=False)
    source = load_source("a.ipynb", raw.encode())
    find = spans(source.text)
    moved = first_code(program.moved)
    data = fixed(source, find(moved), MoveIntoLoop(find(loop_of(source)), (find(moved),), use_of(source)))
    assert data is not None
    document = json.loads(data)
    assert json.dumps(document, indent=2, ensure_ascii=False).encode() == data
    result = load_source("a.ipynb", data)
    assert statements_of(result.text) == statements_of(source.text)
    assert comments_of(result.text) == comments_of(source.text)


@settings(max_examples=200)
@given(
    hoisted(), st.sampled_from(["seed(0)", "seed(0)  # é", "seed(\n  0,  # zero\n)", "# why\nseed(0)"]), st.booleans()
)
def test_moving_above_a_loop(program: Program, seed: str, is_last: bool) -> None:
    lines = list(program.lines)
    loop = next(node for node in ast.walk(ast.parse(program.text)) if isinstance(node, ast.For | ast.While))
    body = loop.body[0].lineno - 1
    inner = lines[body][: loop.body[0].col_offset]
    lines[body:body] = [inner + line for line in seed.split("\n")]
    data = encoded(lines, program.newline, program.encoding, is_last)
    source = load_source("a.py", data)
    find = spans(source.text)
    result = fixed(source, find("seed("), MoveAboveLoop(find(loop_of(source)), (find("seed("),)))
    assert result is not None
    after = load_source("a.py", result)
    assert comments_of(after.text) == comments_of(source.text)
    assert statements_of(after.text) == statements_of(source.text)
    assert spans(after.text)("seed(").line < spans(after.text)(loop_of(after)).line


@settings(max_examples=200)
@given(hoisted(), st.sampled_from(["# ", "#"]))
def test_uncommenting_undoes_commenting(program: Program, mark: str) -> None:
    statement = "noisy = jitter(noisy)"
    lines = list(program.lines)
    at = next(n for n, line in enumerate(lines) if line == program.moved[0])
    indent = program.moved[0][: len(program.moved[0]) - len(program.moved[0].lstrip())]
    head = 1 if program.encoding == "latin-1" else 0
    with_code = [*lines[:at], indent + statement, *lines[at:]]
    with_comment = [*lines[:at], f"{indent}{mark}{statement}", *lines[at:]]
    source = load_source("a.py", encoded(with_comment, program.newline, program.encoding, True))
    line = at + 1 + head
    result = fixed(source, Span(line, 0, line, 1), Uncomment(line, line, statement))
    assert result == encoded(with_code, program.newline, program.encoding, True)
