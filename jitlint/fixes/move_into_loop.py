"""Carries out `MoveIntoLoop`: perturb once in every pass, instead of once before the loop."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst
import libcst.matchers as m

from jitlint.fixes.excerpt import Excerpt, Placed
from jitlint.fixes.leading import Statement, blank_above, split, with_lines
from jitlint.fixes.plans import MoveIntoLoop
from jitlint.fixes.renaming import Renaming
from jitlint.fixes.text import Declined
from jitlint.fixes.transformer import BlockTransformer, Transformer, at_indent

__all__ = ["move_into_loop", "require_movable"]

_FIXED = (
    m.Return() | m.Raise() | m.Yield() | m.Global() | m.Nonlocal() | m.Import() | m.ImportFrom() | m.FunctionDef()
    | m.ClassDef() | m.Del() | m.Break() | m.Continue() | m.NamedExpr()
)  # fmt: skip


def move_into_loop(excerpt: Excerpt, plan: MoveIntoLoop) -> cst.Module:
    """The tree with the statements in the loop; whether they may stand there, their values will tell."""
    loop = excerpt.loop(plan.loop)
    moved = [excerpt.placed(span) for span in sorted(plan.statements)]
    _require_above(excerpt, loop, moved)
    require_movable(excerpt, moved)
    assert isinstance(loop.node.body, cst.IndentedBlock)
    child = excerpt.child(loop.node.body, excerpt.placed_around(plan.before))
    renaming = Renaming(excerpt, loop, plan.rename) if plan.rename else None
    if renaming is not None:
        body: Sequence[Statement] = loop.node.body.body  # type: ignore[assignment]
        renaming.rebind([item.node for item in moved], body[body.index(child) :])
    nodes = renaming.nodes if renaming else {}
    statements = _rewritten(excerpt, moved, child, Transformer(nodes))
    stays, own = split(child)
    lines = [*(renaming.prelude if renaming else ()), *statements]
    lines[0] = with_lines(lines[0], (*stays, *lines[0].leading_lines))
    space = (cst.EmptyLine(indent=False),) if _spaced_below(moved, statements) else ()
    gone = [item.node for item in moved]
    edges = (excerpt.is_top, excerpt.is_end)
    return excerpt.tree.visit(
        BlockTransformer(nodes, gone, {child: lines}, leading={child: (*space, *own)}, edges=edges)
    )


def require_movable(excerpt: Excerpt, moved: Sequence[Placed]) -> None:
    """Decline when a statement does more than compute and bind values."""
    for item in moved:
        if m.findall(item.node, _FIXED):
            raise Declined("a statement that returns, yields, imports or defines cannot move")


def _require_above(excerpt: Excerpt, loop: Placed, moved: Sequence[Placed]) -> None:
    around = {item.block: item.node for item in excerpt.outwards(loop)}
    for item in moved:
        holder = around.get(item.block)
        if holder is None:
            raise Declined("a statement is not in a block around the loop")
        if excerpt.start(item.node) >= excerpt.start(holder):
            raise Declined("a statement is not above the loop")


def _rewritten(
    excerpt: Excerpt, moved: Sequence[Placed], child: Statement, transformer: cst.CSTTransformer
) -> list[Statement]:
    """The moved statements with their own comments, and a blank line where they had one."""
    indent = excerpt.indent(child)
    found: list[Statement] = []
    for number, item in enumerate(moved):
        stays, own = split(item.node)
        if number and _follows(moved[number - 1], item) and blank_above(stays) == len(stays):
            lines = (*stays, *own)
        elif number and blank_above(stays):
            lines = (stays[-1], *own)
        else:
            lines = own
        statement: Statement = item.node.visit(transformer)  # type: ignore[assignment]
        found.append(with_lines(at_indent(statement, excerpt.indent(item.node), indent), lines))
    return found


def _follows(before: Placed, item: Placed) -> bool:
    body = list(item.block.body)
    return before.block is item.block and body.index(before.node) + 1 == body.index(item.node)


def _spaced_below(moved: Sequence[Placed], statements: Sequence[Statement]) -> bool:
    """Whether a blank line parted the last one from what follows, and parts these too."""
    last = moved[-1]
    body = list(last.block.body)
    following = body[body.index(last.node) + 1]
    assert isinstance(following, cst.SimpleStatementLine | cst.BaseCompoundStatement)
    lines = following.leading_lines
    is_spaced = bool(lines) and lines[0].comment is None
    parted = any(line.comment is None for item in statements for line in item.leading_lines)
    return is_spaced and (isinstance(last.node, cst.BaseCompoundStatement) or parted)
