"""Carries out `MoveIntoLoop`: perturb once in every pass, instead of once before the loop."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from jitlint.diagnostic import MoveIntoLoop, Rename
from jitlint.syntax.layout import Chunk, above, blank_above, blank_below, chunk, group, removal, written
from jitlint.syntax.module import Loop, Module, first_line
from jitlint.syntax.motion import Motion, header, needs, require_local
from jitlint.syntax.renaming import (
    is_always_bound,
    is_in_place,
    occurrences,
    rename_from_first_binding,
    renamed,
    require_free_name,
)
from jitlint.syntax.text import Declined, TextEdit

__all__ = ["move_into_loop"]


def move_into_loop(module: Module, plan: MoveIntoLoop) -> list[TextEdit]:
    """The edits; declines when the move could change more than when the statements run."""
    loop = module.loop(plan.loop)
    statements = sorted((module.statement(span) for span in plan.statements), key=lambda stmt: stmt.lineno)
    child = module.child(loop, module.statement_around(plan.before))
    motion = Motion(module, loop, statements)
    _check(motion, child, plan.rename)
    groups = group(module, [chunk(module, statement) for statement in statements])
    indent = module.indent(child)
    if first_line(child) == loop.lineno:
        raise Declined("the loop's body is on the line of its header")
    changes, prelude, in_loop = _rename(module, loop, statements, child, plan.rename)
    content = prelude and f"{indent}{prelude}\n"
    content += _joined(module, groups, indent, changes)
    removed = [removal(module, part) for part in groups]
    return [*removed, module.text.insertion(above(module, child), content), *in_loop]


def _check(motion: Motion, child: ast.stmt, rename: Rename | None) -> None:
    loop, statements = motion.loop, motion.statements
    needed, maybe = needs(statements)
    needed |= {name for name in maybe if motion.is_bound_elsewhere(name)}
    made = motion.effects(statements).writes
    before_use = loop.body[: loop.body.index(child)]
    _check_sources(motion, needed - _renamed(rename), made)
    _check_targets(motion, before_use, made)
    if rename is None and motion.is_needed_after(made):
        raise Declined("a moved name is read after the loop, whose body may not run")
    if rename is not None:
        _check_rename(motion, rename, needed, made)
    require_local(motion.module, motion.scope, made, allowed=loop.body[loop.body.index(child) :])


def _renamed(rename: Rename | None) -> frozenset[str]:
    return frozenset() if rename is None else frozenset([rename.old])


def _check_sources(motion: Motion, needed: frozenset[str], made: frozenset[str]) -> None:
    """What the statements read must be the same in every pass of the loop as it was above it."""
    if not needed.isdisjoint(made):
        raise Declined("the statements would read their own result of the pass before")
    loop = motion.loop
    if motion.effects([*header(loop), *loop.body, *motion.between()]).writes_any(needed):
        raise Declined("something that the statements read changes before or in the loop")


def _check_targets(motion: Motion, before_use: Sequence[ast.stmt], made: frozenset[str]) -> None:
    """Nothing may need what the statements make before they make it in the loop."""
    earlier = motion.effects([*motion.between(), *header(motion.loop), *before_use])
    if earlier.reads_any(made):
        raise Declined("a moved name is read before its new place")
    if earlier.writes_any(made):
        raise Declined("a moved name is bound between the statements and their new place")


def _check_rename(motion: Motion, rename: Rename, needed: AbstractSet[str], made: frozenset[str]) -> None:
    """The other names that the statements make move plainly; the renamed one must stay clean outside."""
    require_free_name(motion.scope, rename.new)
    if rename.old not in made:
        raise Declined(f"the statements do not bind {rename.old}")
    staying = {rename.old} & needed  # it has a value above the statements, which it keeps
    if motion.is_needed_after(made - staying):
        raise Declined("a moved name is read after the loop, whose body may not run")


def _rename(
    module: Module, loop: Loop, statements: Sequence[ast.stmt], child: ast.stmt, rename: Rename | None
) -> tuple[list[TextEdit], str, list[TextEdit]]:
    """The changes inside the moved statements, a statement to put before them, and the changes in the loop."""
    if rename is None:
        return [], "", []
    using = loop.body[loop.body.index(child) :]
    in_loop = renamed(module, occurrences(using, rename.old), rename)
    changes = rename_from_first_binding(module, statements, rename)
    if is_always_bound(statements, rename.old):
        return changes, "", in_loop
    if any(is_in_place(statement, rename.old) for statement in using):
        raise Declined(f"the loop changes {rename.old} in place")
    return changes, f"{rename.new} = {rename.old}", in_loop


def _joined(module: Module, groups: Sequence[Chunk], indent: str, changes: Sequence[TextEdit]) -> str:
    """The moved lines, with a blank line where they had one."""
    parts = []
    for number, part in enumerate(groups):
        if number and blank_above(module, part.first):
            parts.append("\n")
        parts.append(written(module, part, indent, [c for c in changes if _is_in(module, c, part)]))
    last = groups[-1]
    if blank_below(module, last.last) and (hasattr(last.statements[-1], "body") or _has_blank(parts)):
        parts.append("\n")
    return "".join(parts)


def _is_in(module: Module, change: TextEdit, part: Chunk) -> bool:
    return module.text.start_of(part.first) <= change.start <= module.text.end_of(part.last)


def _has_blank(parts: Sequence[str]) -> bool:
    return any(line == "" for part in parts for line in part.split("\n")[:-1])
