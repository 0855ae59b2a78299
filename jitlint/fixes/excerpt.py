"""The part of a source that a plan touches, as a concrete tree: some statements of one block.

Reading a whole file with libcst, and asking it for positions, takes fifty times as long as `ast`. Statements alone,
under a line that gives them their indentation, are a module of its own; so a fix costs what it touches.
"""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple, TypeVar

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from jitlint.diagnostic import Span
from jitlint.fixes.leading import CELL, Statement
from jitlint.fixes.program import Program, first_line, span_of
from jitlint.fixes.text import Declined, Text, TextEdit, Unreadable

__all__ = ["Block", "Excerpt", "Loop", "Part", "Placed", "excerpt_around_comments", "excerpt_of", "top_level_excerpt"]

Block = cst.Module | cst.IndentedBlock
Loop = cst.For | cst.While
Node = TypeVar("Node", bound=cst.CSTNode)
_PARTS = (cst.If, cst.Else, cst.ExceptHandler, cst.ExceptStarHandler, cst.Finally, cst.MatchCase)


class Part(NamedTuple):
    """Statements of a block, from one to another."""

    block: list[ast.stmt]
    low: int
    high: int

    @property
    def statements(self) -> list[ast.stmt]:
        """The statements."""
        return self.block[self.low : self.high + 1]

    def lines(self, program: Program) -> tuple[int, int]:
        """Their first and last line, with the comments around them."""
        lines, statements = program.source.lines, self.statements
        top = first_line(statements[0]) if statements else 1
        end = (self.block[self.low - 1].end_lineno or 0) if self.low else 0
        while top - 1 > end and _is_between(lines[top - 2]):
            top -= 1
        return top, _with_comments_below(program, (statements[-1].end_lineno or 1) if statements else top)


class Placed(NamedTuple):
    """A statement, the block that it is in, and the statement that has that block."""

    node: Statement
    block: cst.BaseSuite | cst.Module
    around: Statement | None


class Excerpt:
    """Statements of one block as a tree; the first statement of the tree and the last one only frame them."""

    def __init__(self, program: Program, part: Part) -> None:
        self.program = program
        self.part = part
        self.first, self.last = part.lines(program)
        lines = program.source.lines
        self.header = "if 1:" if part.block is not program.tree.body else "pass"
        self._cells = [cell.first_line for cell in program.source.cells if self.first < cell.first_line <= self.last]
        self.text = self._framed(lines)
        try:
            self.tree = cst.parse_module(self.text)
        except (cst.ParserSyntaxError, RecursionError) as error:
            raise Unreadable(f"libcst cannot read the text: {' '.join(str(error).split())[:200]}") from None
        if self.tree.code != self.text:
            raise Unreadable("libcst does not write the text as it was")

    def _framed(self, lines: Sequence[str]) -> str:
        parts = [self.header]
        for number in range(self.first, self.last + 1):
            parts += ([CELL] if number in self._cells else []) + [lines[number - 1]]
        if parts.count(CELL) != len(self._cells):
            raise Declined(f"a comment of the source is {CELL!r}")
        return "\n".join([*parts, "pass"])

    # ------------------------------------------------------------------------------------------- finding

    @cached_property
    def _wrapper(self) -> MetadataWrapper:
        return MetadataWrapper(self.tree, unsafe_skip_copy=True)

    def metadata(self, provider: type) -> Mapping[cst.CSTNode, object]:
        """What a metadata provider of libcst says of the nodes."""
        return self._wrapper.resolve(provider)

    @cached_property
    def positions(self) -> Mapping[cst.CSTNode, CodeRange]:
        """Where each node stands in :attr:`text`."""
        return self._wrapper.resolve(PositionProvider)

    @cached_property
    def _placed(self) -> dict[tuple[int, int], Placed]:
        found: dict[tuple[int, int], Placed] = {}
        for placed in _statements(self.tree, None):
            small = placed.node.body if isinstance(placed.node, cst.SimpleStatementLine) else [placed.node]
            found.update({self.start(node): placed for node in small})
        return found

    @cached_property
    def _places(self) -> dict[cst.CSTNode, Placed]:
        return {placed.node: placed for placed in self._placed.values()}

    def start(self, node: cst.CSTNode) -> tuple[int, int]:
        """Line and column of a node in :attr:`text`."""
        place = self.positions[node].start
        return place.line, place.column

    def end(self, node: cst.CSTNode) -> tuple[int, int]:
        """Line and column after a node in :attr:`text`."""
        place = self.positions[node].end
        return place.line, place.column

    def line(self, number: int) -> int:
        """The line of :attr:`text` that a line of the source is."""
        return number - self.first + 2 + sum(cell <= number for cell in self._cells)

    def place(self, number: int, column: int) -> tuple[int, int]:
        """A position of `ast` as line and column in :attr:`text`."""
        text = self.program.text
        return self.line(number), text.offset(number, column) - text.start_of(number)

    def placed(self, span: Span) -> Placed:
        """The statement that begins where `span` begins, alone on its line."""
        node = self.program.statement_around(span)
        if (span.line, span.column) not in ((node.lineno, node.col_offset), (first_line(node), node.col_offset)):
            raise Declined(f"no statement begins at line {span.line}")
        return self.placed_of(node)

    def placed_around(self, span: Span) -> Placed:
        """The innermost statement that `span` begins in."""
        return self.placed_of(self.program.statement_around(span))

    def placed_of(self, node: ast.stmt) -> Placed:
        """The concrete form of a statement."""
        found = self._placed.get(self.place(node.lineno, node.col_offset))
        if found is None:
            raise Declined(f"the statement at line {node.lineno} is not part of the excerpt")
        if isinstance(found.node, cst.SimpleStatementLine) and len(found.node.body) > 1:
            raise Declined(f"line {node.lineno} has more than one statement")
        if not isinstance(found.block, Block):
            raise Declined(f"line {node.lineno} has more than one statement")
        return found

    def loop(self, span: Span) -> Placed:
        """The loop that begins where `span` begins."""
        found = self.placed(span)
        if not isinstance(found.node, Loop):
            raise Declined(f"no loop begins at line {span.line}")
        if not isinstance(found.node.body, cst.IndentedBlock):
            raise Declined(f"line {span.line} has more than one statement")
        return found

    def child(self, block: cst.BaseSuite, placed: Placed) -> Statement:
        """The statement of `block` that is, or holds, another one."""
        for inner in self.outwards(placed):
            if inner.block is block:
                return inner.node
        raise Declined("the statement is not in the body of the loop")

    def outwards(self, placed: Placed) -> Iterator[Placed]:
        """A statement and those around it."""
        current: Placed | None = placed
        while current is not None:
            yield current
            current = self._places.get(current.around) if current.around is not None else None

    def expression(self, span: Span) -> cst.BaseExpression:
        """The expression with exactly this span (the outermost, where several have it)."""
        return self.node(span, cst.BaseExpression)  # type: ignore[type-abstract]

    def node(self, span: Span, kind: type[Node]) -> Node:
        """The node of this kind with exactly this span (the outermost, where several have it)."""
        start, end = self.place(span.line, span.column), self.place(span.end_line, span.end_column)
        for node in self.positions:
            if isinstance(node, kind) and (self.start(node), self.end(node)) == (start, end):
                return node
        raise Declined(f"no such expression at line {span.line}")

    def indent(self, statement: Statement) -> str:
        """The white space before a statement."""
        line, column = self.start(statement)
        return self.text.split("\n", line)[line - 1][:column]

    @property
    def is_top(self) -> bool:
        """Whether nothing stands above the excerpt."""
        return self.first == 1

    @property
    def is_end(self) -> bool:
        """Whether nothing stands below the excerpt."""
        return self.last == len(self.program.source.lines)

    # ------------------------------------------------------------------------------------------ changing

    def changed(self, tree: cst.Module) -> tuple[str, list[TextEdit]]:
        """The text of the changed tree without its frame, and the edits that make it of the source's."""
        lines = tree.code.split("\n")
        if lines[0] != self.header or lines[-1] != "pass" or lines.count(CELL) != len(self._cells):
            raise Declined("the change does not lie within one cell")
        lines = lines[1:-1]
        edits: list[TextEdit] = []
        starts = [self.first, *self._cells, self.last + 1]
        for (start, end), part in zip(pairwise(starts), _parts(lines), strict=True):
            edits += self._edits(start, end, part)
        return "\n".join(line for line in lines if line != CELL), edits

    def _edits(self, start: int, end: int, new: list[str]) -> Iterator[TextEdit]:
        """The edits that turn the lines from `start` up to `end` into others."""
        text = self.program.text
        top, bottom = text.region(start)
        old = self.program.source.lines[start - 1 : end - 1]
        for kind, low, high, first, last in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            if kind != "equal":
                part = (start + low, start + high)
                yield _edit(text, part, new[first:last], above=part[0] > top, below=part[1] <= bottom)


def excerpt_of(program: Program, spans: Sequence[Span]) -> Excerpt:
    """The statements that hold the spans, in the innermost block that has them all."""
    ways = [program.way_to(span) for span in spans]
    depth = min(len(way) for way in ways)
    for number in reversed(range(depth)):
        block = program.place(ways[0][number]).block
        if all(program.place(way[number]).block is block for way in ways) and _stands_alone(program, block):
            indices = [program.place(way[number]).number for way in ways]
            return _excerpt(program, block, min(indices), max(indices))
    first, last = min(span.line for span in spans), max(span.line for span in spans)
    return top_level_excerpt(program, first, last)


def excerpt_around_comments(program: Program, first: int, last: int) -> Excerpt:
    """The statement that these lines of comments are in or behind, or the two that they stand between."""
    statements = program.statements
    below = bisect_right(statements, last, key=first_line)
    above = bisect_right(statements, first, key=first_line) - 1
    is_within = above >= 0 and (statements[above].end_lineno or 0) >= last
    if below == len(statements) and not is_within:
        return top_level_excerpt(program, first, last)
    around = [number for number in ((above,) if is_within else (above, below)) if number >= 0]
    return excerpt_of(program, [span_of(statements[number]) for number in around])


def top_level_excerpt(program: Program, first: int, last: int) -> Excerpt:
    """The statements of the top level that these lines are in, with the comments around them."""
    return _excerpt(program, program.tree.body, max(program.top_level(first), 0), program.top_level(last))


def _excerpt(program: Program, block: list[ast.stmt], low: int, high: int) -> Excerpt:
    """Some statements of a block, and their neighbours: how many blank lines stay depends on those.

    At the top level the frame of the excerpt is neighbour enough.
    """
    lines, beside = program.source.lines, int(block is not program.tree.body)
    low, high = max(low - beside, 0), min(high + beside, len(block) - 1)
    while low > 0 and _are_joined(lines, block[low - 1], block[low]):
        low -= 1
    while 0 <= high < len(block) - 1 and _are_joined(lines, block[high], block[high + 1]):
        high += 1
    part = Part(block, low, high)
    if program.excerpt is None or program.excerpt.part != part:  # the last one is kept: findings come in their order
        program.excerpt = Excerpt(program, part)
    return program.excerpt


def _stands_alone(program: Program, block: Sequence[ast.stmt]) -> bool:
    """Whether a block is below its header, and needs nothing of the function around it (`nonlocal`) to be read."""
    first = block[0]
    before = program.source.lines[first_line(first) - 1].encode()[: first.col_offset]
    return not before.strip() and program.scope_of(first) not in program.closures


def _are_joined(lines: Sequence[str], before: ast.stmt, after: ast.stmt) -> bool:
    """Whether two statements share a line, or are joined by a backslash."""
    line, end = first_line(after), before.end_lineno or 0
    return line <= end or (line == end + 1 and lines[end - 1].endswith("\\"))


def _with_comments_below(program: Program, line: int) -> int:
    lines = program.source.lines
    while line < len(lines) and _is_between(lines[line]):
        line += 1
    return line


def _is_between(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _statements(block: cst.BaseSuite | cst.Module, around: Statement | None) -> Iterator[Placed]:
    if isinstance(block, cst.SimpleStatementSuite):
        return
    for node in block.body:
        assert isinstance(node, cst.SimpleStatementLine | cst.BaseCompoundStatement)
        yield Placed(node, block, around)
        yield from _inner(node, node)


def _inner(node: cst.CSTNode, around: Statement) -> Iterator[Placed]:
    for child in node.children:
        if isinstance(child, cst.BaseSuite):
            yield from _statements(child, around)
        elif isinstance(child, _PARTS):
            yield from _inner(child, around)


def _parts(lines: list[str]) -> Iterator[list[str]]:
    """The lines of each cell."""
    part: list[str] = []
    for line in lines:
        if line == CELL:
            yield part
            part = []
        else:
            part.append(line)
    yield part


def _edit(text: Text, part: tuple[int, int], new: list[str], above: bool, below: bool) -> TextEdit:
    """One edit that replaces lines, without what the old and new ones have in common at their ends.

    The newline behind a line goes with it; where no line is `below`, in the text or cell, that of the line `above`.
    """
    old = [text.line(number) for number in range(*part)]
    before, after = "\n".join(old), "\n".join(new)
    offset = text.start_of(part[0]) if below or not above else text.end_of(part[0] - 1)
    if below:
        before, after = before + "\n" * bool(old), after + "\n" * bool(new)
    elif above:
        before, after = "\n" * bool(old) + before, "\n" * bool(new) + after
    same = _common(before, after)
    back = _common(before[same:][::-1], after[same:][::-1])
    return TextEdit(offset + same, offset + len(before) - back, after[same : len(after) - back])


def _common(one: str, other: str) -> int:
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count
