"""Carries out `RemoveStatement`."""

from __future__ import annotations

import libcst as cst
import libcst.matchers as m

from jitlint.fixes.excerpt import Excerpt
from jitlint.fixes.leading import with_lines
from jitlint.fixes.plans import RemoveStatement
from jitlint.fixes.text import Declined
from jitlint.fixes.transformer import BlockTransformer

__all__ = ["remove_statement"]


def remove_statement(excerpt: Excerpt, plan: RemoveStatement) -> cst.Module:
    """The tree without the statement; the comments above it stay."""
    placed = excerpt.placed(plan.span)
    if m.findall(with_lines(placed.node, ()), m.Comment()):
        raise Declined("the statement has comments that would be lost")
    return excerpt.tree.visit(_Remover(gone=[placed.node], edges=(excerpt.is_top, excerpt.is_end)))


class _Remover(BlockTransformer):
    keeps_comments = True
