"""Carries out `MoveAboveLoop` and `ExtractAboveLoop`: do once, before the loop, what every pass repeats."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from jitlint.diagnostic import ExtractAboveLoop, MoveAboveLoop
from jitlint.syntax.effects import path_of, prefixes, touches
from jitlint.syntax.layout import Chunk, above, blank_above, chunk, group, removal, written
from jitlint.syntax.module import Loop, Module
from jitlint.syntax.motion import header, needs, require_plain
from jitlint.syntax.renaming import require_free_name
from jitlint.syntax.text import Declined, TextEdit

__all__ = ["extract_above_loop", "move_above_loop"]

_BINDING = (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)


def move_above_loop(module: Module, plan: MoveAboveLoop) -> list[TextEdit]:
    """The edits; declines when a pass of the loop could give the statements anything of its own."""
    loop = module.loop(plan.loop)
    statements = sorted((module.statement(span) for span in plan.statements), key=lambda stmt: stmt.lineno)
    require_plain(statements)
    for statement in statements:
        _require_unconditional(module, loop, statement)
    _check_names(module, loop, statements)
    groups = group(module, [chunk(module, statement) for statement in statements])
    content = _joined(module, groups, module.indent(loop))
    return [module.text.insertion(above(module, loop), content), *(removal(module, part) for part in groups)]


def extract_above_loop(module: Module, plan: ExtractAboveLoop) -> list[TextEdit]:
    """The edits; declines when the expression reads anything that the loop binds."""
    loop = module.loop(plan.loop)
    require_free_name(module.scope(loop), plan.name)
    start, end = module.text.range(plan.expression)
    expression = module.expression(plan.expression)
    if any(isinstance(node, _BINDING) for node in ast.walk(expression)):
        raise Declined("the expression binds or awaits something")
    _require_inside(module, loop, expression)
    scope = module.scope(loop)
    if module.effects([*header(loop), *loop.body], scope).writes_any(module.effects([expression], scope).reads):
        raise Declined("the expression reads something that the loop changes")
    text = module.source.text[start:end]
    if "\n" in text:
        raise Declined("the expression spans several lines")
    line = f"{module.indent(loop)}{plan.name} = {text}\n"
    return [module.text.insertion(above(module, loop), line), TextEdit(start, end, plan.name)]


def _require_unconditional(module: Module, loop: Loop, statement: ast.stmt) -> None:
    """Decline unless every pass of `loop` reaches the statement: only loops may stand in between."""
    for block in module.block(statement).ancestry:
        if block.statements is loop.body:
            return
        if not isinstance(block.owner, Loop) or block.statements is not block.owner.body:
            break
    raise Declined(f"the statement at line {statement.lineno} does not run in every pass of the loop")


def _check_names(module: Module, loop: Loop, statements: Sequence[ast.stmt]) -> None:
    scope = module.scope(loop)
    others = _others(loop.body, statements)
    around = module.effects([*header(loop), *others], scope)
    needed, maybe = needs(statements)
    made = module.effects(statements, scope).binds
    if around.writes_any((needed | maybe) - _receivers(statements)) or any(
        touches(around.binds, name) for name in needed
    ):
        raise Declined("the statements read something that the loop changes")
    if not needed.isdisjoint(made):
        raise Declined("the statements need their own result")
    if around.writes_any(made):
        raise Declined("the loop binds what the statements bind")
    first = min(statement.lineno for statement in statements)
    earlier = [node for node in others if isinstance(node, ast.stmt) and node.lineno < first]
    if module.effects([*header(loop), *earlier], scope).reads_any(made):
        raise Declined("the loop reads what the statements bind before they bind it")


def _receivers(statements: Sequence[ast.stmt]) -> frozenset[str]:
    """`rng` of `rng.seed(0)`: it changes with every draw, which is what seeding it is for."""
    calls = [stmt.value for stmt in statements if isinstance(stmt, ast.Expr) and isinstance(stmt.value, ast.Call)]
    paths = (path_of(call.func.value) for call in calls if isinstance(call.func, ast.Attribute))
    return frozenset(part for path in paths if path for part in prefixes(path))


def _others(body: Sequence[ast.stmt], statements: Sequence[ast.stmt]) -> list[ast.AST]:
    """What a loop's body does apart from the statements, which may stand in loops inside it."""
    found: list[ast.AST] = []
    for statement in body:
        if statement in statements:
            continue
        if isinstance(statement, Loop) and any(node in statements for node in ast.walk(statement)):
            found += [*header(statement), *_others(statement.body, statements), *statement.orelse]
        else:
            found.append(statement)
    return found


def _require_inside(module: Module, loop: Loop, expression: ast.expr) -> None:
    """Decline unless the expression stands in the loop's body, in the loop's own scope."""
    inside = [node for statement in loop.body for node in ast.walk(statement)]
    scopes = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.comprehension)
    inner = (node for node in inside if isinstance(node, scopes))
    hidden = any(expression in ast.walk(node) for node in inner)
    if expression not in inside or hidden:
        raise Declined("the expression is not in the body of the loop")


def _joined(module: Module, groups: Sequence[Chunk], indent: str) -> str:
    parts = []
    for number, part in enumerate(groups):
        if number and blank_above(module, part.first):
            parts.append("\n")
        parts.append(re.sub(r"\n+\Z", "\n", written(module, part, indent)))
    return "".join(parts)
