"""Carries out `Uncomment`: comment lines become code again, where and as deep as the code around them."""

from __future__ import annotations

import libcst as cst

from jitlint.fixes.excerpt import Excerpt, top_level_excerpt
from jitlint.fixes.leading import Statement
from jitlint.fixes.plans import Uncomment
from jitlint.fixes.program import Program
from jitlint.fixes.text import Declined, TextEdit

__all__ = ["uncomment"]


def uncomment(program: Program, plan: Uncomment) -> list[TextEdit]:
    """One edit that replaces the comment lines by the code; a remark behind the code stays a comment."""
    comments = [program.comments.get(line, "") for line in range(plan.first_line, plan.last_line + 1)]
    lines = program.source.lines[plan.first_line - 1 : plan.last_line]
    if not all(comment and line.strip() == comment for comment, line in zip(comments, lines, strict=True)):
        raise Declined("not all lines are comments")
    excerpt = top_level_excerpt(program, plan.first_line, plan.last_line)
    own = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    indent = _indents(excerpt).get(excerpt.line(plan.first_line), own)
    code = [f"{indent}{line}" if line.strip() else "" for line in plan.code.strip("\n").split("\n")]
    if len(code) == len(comments):
        code = [line + _remark(comment, line) for line, comment in zip(code, comments, strict=True)]
    else:
        code[-1] += _remark(comments[-1], code[-1])
    start, end = program.text.start_of(plan.first_line), program.text.end_of(plan.last_line)
    return [TextEdit(start, end, "\n".join(code))]


def _remark(comment: str, code: str) -> str:
    """`  # why` of `# x = jitter(x)  # why`, and of `# x = jitter(x) <- why` as well."""
    _, _, rest = comment.partition(code.strip() or comment)
    rest = rest.strip()
    return f"  {rest}" if rest.startswith("#") else f"  # {rest}" if rest else ""


def _indents(excerpt: Excerpt) -> dict[int, str]:
    """By line, the indentation of the block that each comment stands in; those within brackets are not there."""
    if excerpt.indents is None:
        owner = _Owner(excerpt)
        excerpt.tree.visit(owner)
        excerpt.indents = owner.indents
    return excerpt.indents


class _Owner(cst.CSTVisitor):
    def __init__(self, excerpt: Excerpt) -> None:
        super().__init__()
        self.excerpt = excerpt
        self.indents: dict[int, str] = {}
        self.blocks: list[str] = []
        self.last = ""

    def visit_IndentedBlock(self, node: cst.IndentedBlock) -> None:
        self.blocks.append(self.excerpt.indent(_first(node)))

    def leave_IndentedBlock(self, original_node: cst.IndentedBlock) -> None:
        self.last = self.blocks.pop()

    def visit_IndentedBlock_footer(self, node: cst.IndentedBlock) -> None:
        self._look(node.footer, self.blocks[-1])

    def on_visit(self, node: cst.CSTNode) -> bool:
        """The lines above a statement are of its block; those above an `else`, of the block before it."""
        if isinstance(node, cst.SimpleStatementLine | cst.BaseCompoundStatement):
            self._look(node.leading_lines, self.blocks[-1] if self.blocks else "")
        elif isinstance(node, cst.Else | cst.Finally | cst.ExceptHandler | cst.ExceptStarHandler | cst.MatchCase):
            self._look(node.leading_lines, self.last)
        return super().on_visit(node)

    def _look(self, lines: object, indent: str) -> None:
        assert isinstance(lines, list | tuple)
        self.indents.update({self.excerpt.start(line)[0]: indent for line in lines})


def _first(block: cst.IndentedBlock) -> Statement:
    first = block.body[0]
    assert isinstance(first, cst.SimpleStatementLine | cst.BaseCompoundStatement)
    return first
