"""Carries out `Uncomment`: comment lines become code again, where and as deep as the code around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import libcst as cst

from jitlint.fixes.excerpt import Excerpt
from jitlint.fixes.leading import Statement
from jitlint.fixes.plans import Uncomment
from jitlint.fixes.text import Declined

__all__ = ["uncomment"]


def uncomment(excerpt: Excerpt, plan: Uncomment) -> cst.Module:
    """The tree with the code in place of the comment lines; a remark behind the code stays a comment."""
    numbers = range(plan.first_line, plan.last_line + 1)
    comments = [excerpt.program.comments.get(number, "") for number in numbers]
    lines = [excerpt.program.source.lines[number - 1] for number in numbers]
    if not all(comment and line.strip() == comment for comment, line in zip(comments, lines, strict=True)):
        raise Declined("not all lines are comments")
    code = plan.code.strip("\n").split("\n")
    if len(code) == len(comments):
        parts = [[line + _remark(comment, line)] for line, comment in zip(code, comments, strict=True)]
    else:
        parts = [[*code[:-1], code[-1] + _remark(comments[-1], code[-1])], *([] for _ in comments[1:])]
    own = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    return excerpt.tree.visit(_Uncommenter(excerpt, dict(zip(map(excerpt.line, numbers), parts, strict=True)), own))


def _remark(comment: str, code: str) -> str:
    """`  # why` of `# x = jitter(x)  # why`, and of `# x = jitter(x) <- why` as well."""
    _, _, rest = comment.partition(code.strip() or comment)
    rest = rest.strip()
    return f"  {rest}" if rest.startswith("#") else f"  # {rest}" if rest else ""


class _Code(cst.Comment):
    """What was a comment. It may be an element of a list, so it is no node before the whole text is read again."""

    def _validate(self) -> None:
        """Any text will do."""


class _Uncommenter(cst.CSTTransformer):
    """Writes code in place of comments, by the lines of the excerpt that they stand on.

    It gets the indentation of the block that the first of them is in; within brackets, that which the comment had.
    """

    def __init__(self, excerpt: Excerpt, code: Mapping[int, Sequence[str]], indent: str) -> None:
        super().__init__()
        self.excerpt = excerpt
        self.code = code
        self.indent = indent
        self.blocks: list[str] = [""]
        self.last = ""

    def visit_IndentedBlock(self, node: cst.IndentedBlock) -> None:
        self.blocks.append(self.excerpt.indent(_first(node)))

    def leave_IndentedBlock(
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.IndentedBlock:
        self.last = self.blocks.pop()
        return updated_node

    def visit_IndentedBlock_footer(self, node: cst.IndentedBlock) -> None:
        self._look(node.footer, self.blocks[-1])

    def on_visit(self, node: cst.CSTNode) -> bool:
        """The lines above a statement are of its block; those above an `else`, of the block before it."""
        if isinstance(node, cst.SimpleStatementLine | cst.BaseCompoundStatement):
            self._look(node.leading_lines, self.blocks[-1])
        elif isinstance(node, cst.Else | cst.Finally | cst.ExceptHandler | cst.ExceptStarHandler | cst.MatchCase):
            self._look(node.leading_lines, self.last)
        return super().on_visit(node)

    def _look(self, lines: Sequence[cst.EmptyLine], indent: str) -> None:
        if any(self.excerpt.start(line)[0] == next(iter(self.code)) for line in lines):
            self.indent = indent

    def leave_EmptyLine(self, original_node: cst.EmptyLine, updated_node: cst.EmptyLine) -> Any:
        """The lines of code that come in its place."""
        code = self.code.get(self.excerpt.start(original_node)[0])
        return updated_node if code is None else cst.FlattenSentinel([self._line(line) for line in code])

    def _line(self, code: str) -> cst.EmptyLine:
        space, comment = (self.indent, _Code(code)) if code.strip() else ("", None)
        return cst.EmptyLine(indent=False, whitespace=cst.SimpleWhitespace(space), comment=comment)


def _first(block: cst.IndentedBlock) -> Statement:
    first = block.body[0]
    assert isinstance(first, cst.SimpleStatementLine | cst.BaseCompoundStatement)
    return first
