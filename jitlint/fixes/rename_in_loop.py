"""Carries out `RenameInLoop`: the perturbed value gets its own name, so that the clean one does not drift."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from jitlint.fixes.excerpt import Excerpt
from jitlint.fixes.leading import Statement, split, with_lines
from jitlint.fixes.plans import RenameInLoop
from jitlint.fixes.renaming import Renaming
from jitlint.fixes.text import Declined
from jitlint.fixes.transformer import BlockTransformer, Transformer

__all__ = ["rename_in_loop"]


def rename_in_loop(excerpt: Excerpt, plan: RenameInLoop) -> cst.Module:
    """The tree with the new name from the statement to the end of the loop's body."""
    loop = excerpt.loop(plan.loop)
    renaming = Renaming(excerpt, loop, plan.rename)
    assert isinstance(loop.node.body, cst.IndentedBlock)
    child = excerpt.child(loop.node.body, excerpt.placed_around(plan.statement))
    body: Sequence[Statement] = loop.node.body.body  # type: ignore[assignment]
    index = body.index(child)
    if any(renaming.binds(earlier) for earlier in body[:index]):
        raise Declined(f"the loop binds {plan.rename.old} before the statement")
    renaming.rebind([child], body[index + 1 :])
    if not renaming.prelude:
        return excerpt.tree.visit(Transformer(renaming.nodes))
    stays, own = split(child)
    lines = [with_lines(renaming.prelude[0], stays)]
    return excerpt.tree.visit(BlockTransformer(renaming.nodes, above={child: lines}, leading={child: own}))
