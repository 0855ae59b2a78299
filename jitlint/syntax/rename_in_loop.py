"""Carries out `RenameInLoop`: the perturbed value gets its own name, so that the clean one does not drift."""

from __future__ import annotations

from jitlint.diagnostic import RenameInLoop
from jitlint.syntax.layout import above
from jitlint.syntax.module import Module
from jitlint.syntax.motion import require_local
from jitlint.syntax.renaming import (
    is_always_bound,
    is_in_place,
    occurrences,
    rename_from_first_binding,
    renamed,
    require_free_name,
)
from jitlint.syntax.text import Declined, TextEdit

__all__ = ["rename_in_loop"]


def rename_in_loop(module: Module, plan: RenameInLoop) -> list[TextEdit]:
    """The edits; declines when something else could see the old name change."""
    loop, rename = module.loop(plan.loop), plan.rename
    statement = module.statement_around(plan.statement)
    require_free_name(module.scope(loop), rename.new)
    child = module.child(loop, statement)
    index = loop.body.index(child)
    if any(rename.old in module.effects([earlier], module.scope(loop)).writes for earlier in loop.body[:index]):
        raise Declined(f"the loop binds {rename.old} before the statement")
    changes = rename_from_first_binding(module, [child], rename)
    following = loop.body[index + 1 :]
    changes += renamed(module, occurrences(following, rename.old), rename)
    require_local(module, module.scope(loop), [rename.old], allowed=loop.body[index:])
    if is_always_bound([child], rename.old):
        return changes
    if any(is_in_place(later, rename.old) for later in following):
        raise Declined(f"the loop changes {rename.old} in place")
    line = f"{module.indent(child)}{rename.new} = {rename.old}\n"
    return [module.text.insertion(above(module, child), line), *changes]
