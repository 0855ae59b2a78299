"""Carries out `CopyStatement`: bind another name to nearly the same value, below the statement that binds the first."""

from __future__ import annotations

import libcst as cst
import libcst.matchers as m

from jitlint.fixes.excerpt import Excerpt
from jitlint.fixes.plans import CopyStatement
from jitlint.fixes.text import Declined
from jitlint.fixes.transformer import BlockTransformer, Transformer

__all__ = ["copy_statement"]


def copy_statement(excerpt: Excerpt, plan: CopyStatement) -> cst.Module:
    """The tree with a copy of the assignment below it, under another name and without some elements of a list."""
    node = excerpt.placed(plan.statement).node
    match node:
        case cst.SimpleStatementLine(body=[cst.Assign(targets=[cst.AssignTarget(target=cst.Name() as name)])]):
            pass
        case _:
            raise Declined("the statement does not bind one name")
    if excerpt.program.uses(plan.name):
        raise Declined(f"the name {plan.name} is taken")
    display = _list_of(node, [excerpt.expression(span) for span in plan.without])
    copy = node.with_changes(leading_lines=()).visit(Transformer({name: cst.Name(plan.name), display[0]: display[1]}))
    assert isinstance(copy, cst.SimpleStatementLine)
    bare = copy.visit(_Bare())
    assert isinstance(bare, cst.SimpleStatementLine)
    return excerpt.tree.visit(BlockTransformer(below={node: [bare]}))


class _Bare(cst.CSTTransformer):
    """Leaves the comments out, which need not be said twice."""

    def leave_TrailingWhitespace(
        self, original_node: cst.TrailingWhitespace, updated_node: cst.TrailingWhitespace
    ) -> cst.TrailingWhitespace:
        """The end of a line without its comment."""
        if updated_node.comment is None:
            return updated_node
        return updated_node.with_changes(whitespace=cst.SimpleWhitespace(""), comment=None)

    def leave_EmptyLine(
        self, original_node: cst.EmptyLine, updated_node: cst.EmptyLine
    ) -> cst.EmptyLine | cst.RemovalSentinel:
        """No line that has nothing but a comment."""
        return updated_node if updated_node.comment is None else cst.RemoveFromParent()


def _list_of(node: cst.CSTNode, gone: list[cst.BaseExpression]) -> tuple[cst.List, cst.List]:
    """The list that some expressions are elements of, and that list without them."""
    for display in m.findall(node, m.List()):
        assert isinstance(display, cst.List)
        left = [element for element in display.elements if element.value not in gone]
        if left and len(left) == len(display.elements) - len(gone):
            left[-1] = left[-1].with_changes(comma=display.elements[-1].comma)
            return display, display.with_changes(elements=left)
    raise Declined("what is left out is not a part of a list")
