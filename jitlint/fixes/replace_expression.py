"""Carries out `ReplaceExpression`."""

from __future__ import annotations

import libcst as cst
import libcst.matchers as m

from jitlint.fixes.excerpt import Excerpt
from jitlint.fixes.plans import ReplaceExpression
from jitlint.fixes.text import Declined
from jitlint.fixes.transformer import Transformer, parsed_expression

__all__ = ["replace_expression"]

_LOOSE = (
    cst.BinaryOperation, cst.BooleanOperation, cst.UnaryOperation, cst.Comparison, cst.IfExp, cst.Lambda,
    cst.Await, cst.NamedExpr, cst.Yield, cst.Tuple, cst.GeneratorExp,
)  # fmt: skip
_TIGHT = (*_LOOSE[:7], cst.Attribute, cst.Subscript, cst.Call)


def replace_expression(excerpt: Excerpt, plan: ReplaceExpression) -> cst.Module:
    """The tree with the other expression, in parentheses where it would bind more loosely."""
    old = excerpt.expression(plan.span)
    new = parsed_expression(plan.text, excerpt.tree)
    if m.findall(old, m.Comment()):
        raise Declined("the expression has comments that would be lost")
    if isinstance(new, _LOOSE) and not (new.lpar or old.lpar) and _is_operand(excerpt, old):
        new = new.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    if old.lpar and not new.lpar:
        new = new.with_changes(lpar=old.lpar, rpar=old.rpar)
    return excerpt.tree.visit(Transformer({old: new}))


def _is_operand(excerpt: Excerpt, node: cst.BaseExpression) -> bool:
    """Whether a node is part of another expression that could tear a loose one apart."""
    return any(isinstance(holder, _TIGHT) and node in holder.children for holder in excerpt.positions)
