"""Carries out `BindResult`: a call whose result was thrown away becomes an assignment."""

from __future__ import annotations

import libcst as cst

from jitlint.fixes.excerpt import Excerpt
from jitlint.fixes.plans import BindResult
from jitlint.fixes.text import Declined
from jitlint.fixes.transformer import Transformer

__all__ = ["bind_result"]


def bind_result(excerpt: Excerpt, plan: BindResult) -> cst.Module:
    """The tree with the name bound to the call."""
    call = excerpt.node(plan.call, cst.Call)
    statements = (node for node in excerpt.positions if isinstance(node, cst.Expr))
    statement = next((node for node in statements if node.value is call), None)
    if statement is None:
        raise Declined("the call is not a statement of its own")
    target = cst.AssignTarget(cst.Name(plan.name))
    assignment = cst.Assign([target], call, semicolon=statement.semicolon)
    return excerpt.tree.visit(Transformer({statement: assignment}))
