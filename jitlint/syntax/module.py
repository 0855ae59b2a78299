"""The statements of one source, found by their spans: their blocks, scopes, tokens and comments."""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from jitlint.diagnostic import Span
from jitlint.source import Source
from jitlint.syntax.effects import Effects, effects
from jitlint.syntax.text import Declined, Text

__all__ = ["Block", "Comment", "Loop", "Module", "Scope", "first_line", "last_line", "parse", "span_of"]

Loop = ast.For | ast.AsyncFor | ast.While
Scope = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

_BLOCK_FIELDS = ("body", "orelse", "finalbody", "handlers", "cases")


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A list of statements and the node that owns it (`ast.ExceptHandler` and `ast.match_case` own blocks too)."""

    owner: ast.AST
    statements: list[ast.stmt]
    parent: Block | None
    statement: ast.stmt | None  # the statement of the parent block that this block is in

    @property
    def ancestry(self) -> Iterator[Block]:
        """This block and those around it, inside out."""
        block: Block | None = self
        while block is not None:
            yield block
            block = block.parent


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment and its place: 1-based line, 0-based character column."""

    line: int
    column: int
    text: str


def parse(text: str) -> ast.Module:
    """`ast.parse`, silent about invalid escapes in the user's strings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


class Module:
    """A parsed source. Nothing in it is computed before it is asked for, and nothing changes."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.text = Text(source)
        self.tree = parse(source.text)

    @cached_property
    def _blocks(self) -> dict[ast.stmt, Block]:
        blocks: dict[ast.stmt, Block] = {}
        waiting = [Block(self.tree, self.tree.body, None, None)]
        while waiting:
            block = waiting.pop()
            for statement in block.statements:
                blocks[statement] = block
                waiting += _inner_blocks(statement, statement, block)
        return blocks

    @cached_property
    def _by_position(self) -> dict[tuple[int, int], ast.stmt]:
        found = {(statement.lineno, statement.col_offset): statement for statement in self._blocks}
        decorated = ((first_line(statement), statement) for statement in self._blocks)
        found.update({(line, stmt.col_offset): stmt for line, stmt in decorated if line < stmt.lineno})
        return found

    @cached_property
    def _tokens(self) -> list[tokenize.TokenInfo]:
        try:
            return list(tokenize.generate_tokens(io.StringIO(self.source.text).readline))
        except (tokenize.TokenError, SyntaxError) as error:  # what `ast` takes and `tokenize` does not
            raise Declined(f"cannot tokenize: {error}") from None

    @cached_property
    def comments(self) -> dict[int, Comment]:
        """Every comment, by line."""
        found = (token for token in self._tokens if token.type == tokenize.COMMENT)
        return {token.start[0]: Comment(*token.start, token.string) for token in found}

    @cached_property
    def lines_in_strings(self) -> frozenset[int]:
        """The lines that begin inside a string: their indentation is part of its value."""
        inside: set[int] = set()
        opened: list[int] = []
        for token in self._tokens:
            name = tokenize.tok_name[token.type]
            if name == "STRING":
                inside.update(range(token.start[0] + 1, token.end[0] + 1))
            elif name in ("FSTRING_START", "TSTRING_START"):
                opened.append(token.start[0])
            elif name in ("FSTRING_END", "TSTRING_END"):
                inside.update(range(opened.pop() + 1, token.end[0] + 1))
        return frozenset(inside)

    def statement(self, span: Span) -> ast.stmt:
        """The statement that begins where `span` begins."""
        found = self._by_position.get((span.line, span.column))
        if found is None:
            raise Declined(f"no statement begins at line {span.line}")
        return found

    def statement_around(self, span: Span) -> ast.stmt:
        """The innermost statement that `span` begins in."""
        position = (span.line, span.column)
        before = bisect_right(self._in_order, position, key=_start)
        for statement in reversed(self._in_order[:before]):
            if position < _end(statement):
                return statement
        raise Declined(f"no statement at line {span.line}")

    @cached_property
    def _in_order(self) -> list[ast.stmt]:
        return sorted(self._blocks, key=_start)

    def expression(self, span: Span) -> ast.expr:
        """The expression with exactly this span (the outermost, where several have it)."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.expr) and span_of(node) == span:
                return node
        raise Declined(f"no expression at line {span.line}")

    def loop(self, span: Span) -> Loop:
        """The loop that begins where `span` begins."""
        loop = self.statement(span)
        if not isinstance(loop, Loop):
            raise Declined(f"no loop begins at line {span.line}")
        return loop

    def block(self, statement: ast.stmt) -> Block:
        """The block a statement is in."""
        return self._blocks[statement]

    def statements(self) -> Iterator[ast.stmt]:
        """All statements, in no particular order."""
        return iter(self._blocks)

    def child(self, owner: ast.AST, statement: ast.stmt) -> ast.stmt:
        """The statement of `owner.body` that is, or holds, `statement`."""
        body: list[ast.stmt] = getattr(owner, "body", [])
        current: ast.stmt | None = statement
        while current is not None:
            block = self.block(current)
            if block.statements is body:
                return current
            current = block.statement
        raise Declined("the statement is not in the body of the loop")

    def scope(self, statement: ast.stmt) -> Scope:
        """The function, class or module whose names a statement binds."""
        for block in self.block(statement).ancestry:
            if isinstance(block.owner, Scope):
                return block.owner
        return self.tree

    @cached_property
    def declared(self) -> frozenset[str]:
        """The names that `global` or `nonlocal` declare, anywhere in the source."""
        declarations = (stmt for stmt in self._blocks if isinstance(stmt, ast.Global | ast.Nonlocal))
        return frozenset(name for declaration in declarations for name in declaration.names)

    @cached_property
    def imported(self) -> frozenset[str]:
        """The names that imports bind, anywhere in the source."""
        imports = (stmt for stmt in self._blocks if isinstance(stmt, ast.Import | ast.ImportFrom))
        return effects(imports).binds

    def effects(self, nodes: Iterable[ast.AST], scope: Scope) -> Effects:
        """What `nodes`, which are in `scope`, do to names, also through the methods of the same class."""
        found = effects(nodes, self.imported)
        if not found.calls_self or isinstance(scope, ast.Module):
            return found
        around = self.scope(scope)
        siblings = around.body if isinstance(around, ast.ClassDef) else []
        methods = [stmt for stmt in siblings if stmt is not scope and getattr(stmt, "name", "") != "__init__"]
        bodies = (line for method in methods for line in getattr(method, "body", []))
        return found.with_methods(effects(bodies, self.imported))

    def indent(self, statement: ast.stmt) -> str:
        """The white space before a statement; declines when something else stands there."""
        line = self.text.line(first_line(statement))
        column = self.text.offset(statement.lineno, statement.col_offset) - self.text.start_of(statement.lineno)
        before = self.text.line(statement.lineno)[:column]
        if before.strip(" \t") or not line.startswith(before):
            raise Declined(f"line {statement.lineno} has more than one statement")
        return before

    def require_own_lines(self, statement: ast.stmt) -> None:
        """Decline when a statement shares a line with another one."""
        self.indent(statement)
        first = first_line(statement)
        above = self.text.line(first - 1) if first > 1 else ""
        if above.endswith("\\") and (first - 1) not in self.comments:
            raise Declined(f"line {first} continues the line above")
        after = self.text.text[self.end_offset(statement) : self.text.end_of(last_line(statement))]
        code = after.partition("#")[0].strip()
        if code not in ("", ";"):
            raise Declined(f"line {last_line(statement)} has more than one statement")

    def end_offset(self, node: ast.stmt | ast.expr) -> int:
        """The offset after a node."""
        if node.end_lineno is None or node.end_col_offset is None:
            raise Declined("a node without an end")
        return self.text.offset(node.end_lineno, node.end_col_offset)

    def start_offset(self, node: ast.stmt | ast.expr) -> int:
        """The offset of a node."""
        return self.text.offset(node.lineno, node.col_offset)

    def segment(self, node: ast.stmt | ast.expr) -> str:
        """The text of a node."""
        return self.text.text[self.start_offset(node) : self.end_offset(node)]


def span_of(node: ast.stmt | ast.expr) -> Span:
    """The span of a node, as `ast` has it."""
    return Span(node.lineno, node.col_offset, node.end_lineno or node.lineno, node.end_col_offset or 0)


def first_line(statement: ast.stmt) -> int:
    """The first line of a statement, with its decorators."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(decorator.lineno for decorator in decorators)])


def last_line(statement: ast.stmt) -> int:
    """The last line of a statement."""
    return statement.end_lineno or statement.lineno


def _start(statement: ast.stmt) -> tuple[int, int]:
    return (first_line(statement), statement.col_offset)


def _end(statement: ast.stmt) -> tuple[int, int]:
    return (last_line(statement), statement.end_col_offset or 0)


def _inner_blocks(node: ast.AST, statement: ast.stmt, parent: Block) -> Iterator[Block]:
    for field in _BLOCK_FIELDS:
        inner = getattr(node, field, None)
        if not isinstance(inner, list) or not inner:
            continue
        if isinstance(inner[0], ast.stmt):
            yield Block(node, inner, parent, statement)
        else:
            for part in inner:
                yield from _inner_blocks(part, statement, parent)
