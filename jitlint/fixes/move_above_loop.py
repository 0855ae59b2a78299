"""Carries out `MoveAboveLoop` and `ExtractAboveLoop`: do once, before the loop, what every pass repeats."""

from __future__ import annotations

import ast

import libcst as cst
import libcst.matchers as m
from libcst.metadata import ScopeProvider

from jitlint.fixes.excerpt import Excerpt, Placed
from jitlint.fixes.leading import Statement, blank_above, split, with_lines
from jitlint.fixes.move_into_loop import require_movable
from jitlint.fixes.names import touched
from jitlint.fixes.plans import ExtractAboveLoop, MoveAboveLoop
from jitlint.fixes.text import Declined
from jitlint.fixes.transformer import BlockTransformer, at_indent

__all__ = ["extract_above_loop", "move_above_loop"]


def move_above_loop(excerpt: Excerpt, plan: MoveAboveLoop) -> cst.Module:
    """The tree with the statements above the loop; whether they may stand there, their values will tell."""
    loop = excerpt.loop(plan.loop)
    moved = [excerpt.placed(span) for span in sorted(plan.statements)]
    require_movable(excerpt, moved)
    for item in moved:
        _require_unconditional(excerpt, loop, item)
    _require_only_binding(excerpt, plan)
    stays, own = split(loop.node)
    indent = excerpt.indent(loop.node)
    lines: list[Statement] = []
    for number, item in enumerate(moved):
        above, comments = split(item.node)
        space = above[len(above) - 1 :] if number and blank_above(above) else ()
        lines.append(with_lines(at_indent(item.node, excerpt.indent(item.node), indent), (*space, *comments)))
    lines[0] = with_lines(lines[0], (*stays, *lines[0].leading_lines))
    gone = [item.node for item in moved]
    return excerpt.tree.visit(BlockTransformer(gone=gone, above={loop.node: lines}, leading={loop.node: own}))


def extract_above_loop(excerpt: Excerpt, plan: ExtractAboveLoop) -> cst.Module:
    """The tree with the expression bound above the loop; declines when it reads anything that the loop binds."""
    loop = excerpt.loop(plan.loop)
    if excerpt.program.uses(plan.name):
        raise Declined(f"the name {plan.name} is taken")
    expression = excerpt.expression(plan.expression)
    if m.findall(expression, m.NamedExpr() | m.Await() | m.Yield()):
        raise Declined("the expression binds or awaits something")
    scopes = excerpt.metadata(ScopeProvider)
    around = [item.node for item in excerpt.outwards(excerpt.placed_around(plan.expression))]
    if loop.node not in around[1:] or scopes.get(expression) is not scopes[loop.node]:
        raise Declined("the expression is not in the body of the loop")
    if excerpt.positions[expression].start.line != excerpt.positions[expression].end.line:
        raise Declined("the expression spans several lines")
    statement = excerpt.program.statement_around(plan.loop)
    changed = touched([statement], excerpt.program.imported).writes
    read = touched([excerpt.program.expression(plan.expression)], excerpt.program.imported).reads
    if changed & read:
        raise Declined("the expression reads something that the loop changes")
    stays, own = split(loop.node)
    binding = cst.Assign([cst.AssignTarget(cst.Name(plan.name))], expression.with_changes(lpar=(), rpar=()))
    lines: list[Statement] = [cst.SimpleStatementLine([binding], leading_lines=stays)]
    nodes: dict[cst.CSTNode, cst.CSTNode] = {expression: cst.Name(plan.name)}
    return excerpt.tree.visit(BlockTransformer(nodes, above={loop.node: lines}, leading={loop.node: own}))


def _require_only_binding(excerpt: Excerpt, plan: MoveAboveLoop) -> None:
    program = excerpt.program
    moved = [program.statement_around(span) for span in plan.statements]
    loop = program.statement_around(plan.loop)
    others = [node for node in ast.walk(loop) if isinstance(node, ast.stmt) and not hasattr(node, "body")]
    target = [loop.target] if isinstance(loop, ast.For | ast.AsyncFor) else []
    bound = touched([*target, *(node for node in others if node not in moved)]).binds
    if bound & touched(moved).binds:
        raise Declined("the loop binds what the statements bind")


def _require_unconditional(excerpt: Excerpt, loop: Placed, item: Placed) -> None:
    """Decline unless every pass of the loop reaches the statement: only loops may stand in between."""
    for inner in excerpt.outwards(item):
        if inner.block is loop.node.body:
            return
        if inner.around is None or not isinstance(inner.around, cst.For | cst.While):
            break
        if inner.block is not inner.around.body:
            break
    raise Declined("the statement does not run in every pass of the loop")
