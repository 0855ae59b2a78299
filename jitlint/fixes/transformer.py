"""What the transformers of the plans are made of: changes of blocks, and nodes that are written anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import libcst as cst

from jitlint.fixes.excerpt import Block
from jitlint.fixes.leading import Lines, Statement, without
from jitlint.fixes.text import Declined

__all__ = ["BlockTransformer", "Transformer", "at_indent", "body_of", "parsed_expression", "parsed_statements"]


class Transformer(cst.CSTTransformer):
    """Writes some nodes anew: `nodes` maps those of the original tree to what takes their place."""

    def __init__(self, nodes: Mapping[cst.CSTNode, cst.CSTNode] | None = None) -> None:
        super().__init__()
        self.nodes = nodes or {}

    def on_leave(self, original_node: Any, updated_node: Any) -> Any:
        """The node's new form."""
        updated_node = super().on_leave(original_node, updated_node)
        return self.nodes.get(original_node, updated_node)


class BlockTransformer(Transformer):
    """Removes statements from blocks and puts others in; a transformer of a plan says where.

    `gone` are statements of the original tree; `above` and `below` give new statements by the old one that they
    stand above or below, `leading` the lines that an old one keeps above it.
    """

    keeps_comments = False  # of the statements that are gone

    def __init__(
        self,
        nodes: Mapping[cst.CSTNode, cst.CSTNode] | None = None,
        gone: Sequence[Statement] = (),
        above: Mapping[Statement, Sequence[Statement]] | None = None,
        below: Mapping[Statement, Sequence[Statement]] | None = None,
        leading: Mapping[Statement, Sequence[cst.EmptyLine]] | None = None,
        edges: tuple[bool, bool] = (False, False),
    ) -> None:
        super().__init__(nodes)
        self.gone = gone
        self.above: Mapping[Any, Sequence[Statement]] = above or {}
        self.below: Mapping[Any, Sequence[Statement]] = below or {}
        self.leading = leading or {}
        self.edges = edges

    def on_leave(self, original_node: Any, updated_node: Any) -> Any:
        """A block with its statements changed."""
        updated_node = super().on_leave(original_node, updated_node)
        if isinstance(updated_node, Block) and isinstance(original_node, Block):
            return self._changed(original_node, updated_node)
        if original_node in self.leading:
            return updated_node.with_changes(leading_lines=tuple(self.leading[original_node]))
        return updated_node

    def _changed(self, original: Block, updated: Block) -> Block:
        pairs = list(zip(original.body, updated.body, strict=True))
        gone: list[Any] = [new for old, new in pairs if old in self.gone]
        if not gone and not any(old in self.above or old in self.below for old, _ in pairs):
            return updated
        body: list[Any] = []
        for old, new in pairs:
            body += [*self.above.get(old, ()), new, *self.below.get(old, ())]
        if not gone:
            return updated.with_changes(body=body)
        is_module = isinstance(original, cst.Module)
        is_top, is_end = self.edges if is_module else (True, False)
        frame = body[:1] if is_module and is_top else []
        kept, lines = without(body[len(frame) :], gone, is_top, is_end, self.keeps_comments)
        if not kept:
            kept = [_pass(lines)]
        elif lines and isinstance(updated, cst.IndentedBlock):
            updated = updated.with_changes(footer=(*_unspaced(lines), *updated.footer))
        return updated.with_changes(body=[*frame, *kept])


def body_of(statement: Statement) -> cst.IndentedBlock:
    """The body of a compound statement; declines when it stands on the line of the header."""
    body = getattr(statement, "body", None)
    if isinstance(body, cst.IndentedBlock):
        return body
    raise Declined(
        "the body is on the line of its header" if isinstance(body, cst.BaseSuite) else "the statement has no body"
    )


def parsed_statements(text: str, tree: cst.Module) -> list[Statement]:
    """Statements of a text, for a place in `tree`; the first has no lines above it."""
    try:
        return list(cst.parse_module(text, tree.config_for_parsing).body)
    except cst.ParserSyntaxError:
        raise Declined("the new statement is no statement") from None


def parsed_expression(text: str, tree: cst.Module) -> cst.BaseExpression:
    """The expression of a text."""
    try:
        return cst.parse_expression(text, tree.config_for_parsing)
    except cst.ParserSyntaxError:
        raise Declined("the new expression is no expression") from None


def at_indent(statement: Statement, old: str, new: str) -> Statement:
    """A statement for a block of another indentation: its continued lines move along, those in strings do not."""
    return statement.visit(_Indenter(old, new))  # type: ignore[return-value]


class _Indenter(cst.CSTTransformer):
    """libcst indents lines in brackets; this one also lines behind a backslash, and not those of an f-string."""

    def __init__(self, old: str, new: str) -> None:
        super().__init__()
        self.old, self.new = old, new
        self.strings = 0

    def visit_FormattedString(self, node: cst.FormattedString) -> None:
        self.strings += 1

    def leave_FormattedString(
        self, original_node: cst.FormattedString, updated_node: cst.FormattedString
    ) -> cst.FormattedString:
        self.strings -= 1
        return updated_node

    def leave_SimpleWhitespace(
        self, original_node: cst.SimpleWhitespace, updated_node: cst.SimpleWhitespace
    ) -> cst.SimpleWhitespace:
        return updated_node.with_changes(value=updated_node.value.replace(f"\\\n{self.old}", f"\\\n{self.new}"))

    def leave_ParenthesizedWhitespace(
        self, original_node: cst.ParenthesizedWhitespace, updated_node: cst.ParenthesizedWhitespace
    ) -> cst.ParenthesizedWhitespace:
        if not self.strings or not updated_node.indent:
            return updated_node
        last = cst.SimpleWhitespace(self.old + updated_node.last_line.value)
        lines = [line.with_changes(indent=False) if line.comment is None else line for line in updated_node.empty_lines]
        return updated_node.with_changes(indent=False, last_line=last, empty_lines=lines)


def _pass(lines: Lines) -> Statement:
    return cst.SimpleStatementLine([cst.Pass()], leading_lines=lines)


def _unspaced(lines: Lines) -> Lines:
    """The lines without the blank ones at their end."""
    while lines and lines[-1].comment is None:
        lines = lines[:-1]
    return lines
