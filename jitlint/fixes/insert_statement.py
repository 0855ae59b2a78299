"""Carries out `InsertStatement` and `InsertStatements`: new statements, and the imports they need."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from jitlint.fixes.excerpt import Excerpt
from jitlint.fixes.leading import Statement, split, with_lines
from jitlint.fixes.plans import InsertStatement, InsertStatements
from jitlint.fixes.text import Declined
from jitlint.fixes.transformer import BlockTransformer, body_of, parsed_statements

__all__ = ["insert_statement", "insert_statements"]


def insert_statement(excerpt: Excerpt, plan: InsertStatement) -> cst.Module:
    """The tree with the statement before or after another one, or first in its body."""
    new = parsed_statements(plan.text, excerpt.tree)
    if len(new) != 1:
        raise Declined("the new text is not one statement")
    around = excerpt.placed_around(plan.of) if plan.where == "before" else excerpt.placed(plan.of)
    if plan.where == "before":
        return _before(excerpt, around.node, new)
    if plan.where == "after":
        return excerpt.tree.visit(BlockTransformer(below={around.node: new}))
    body = body_of(around.node)
    first = body.body[0]
    assert isinstance(first, cst.SimpleStatementLine | cst.BaseCompoundStatement)
    if isinstance(around.node, cst.FunctionDef) and around.node.get_docstring() is not None:
        return excerpt.tree.visit(BlockTransformer(below={first: new}))
    return _before(excerpt, first, new)


def insert_statements(excerpt: Excerpt, plan: InsertStatements) -> cst.Module:
    """The tree with the statements above another one and its comments."""
    new = [line for text in plan.statements for line in parsed_statements(text, excerpt.tree)]
    return _before(excerpt, excerpt.placed_around(plan.before).node, new)


def _before(excerpt: Excerpt, statement: Statement, new: Sequence[Statement]) -> cst.Module:
    stays, own = split(statement)
    lines = [with_lines(new[0], (*stays, *new[0].leading_lines)), *new[1:]]
    return excerpt.tree.visit(BlockTransformer(above={statement: lines}, leading={statement: own}))
