"""From a plan to the edits that carry it out."""

from __future__ import annotations

from jitlint.diagnostic import (
    DefaultToNone,
    ExtractAboveLoop,
    InsertStatements,
    MoveAboveLoop,
    MoveIntoLoop,
    Plan,
    RenameInLoop,
    Replace,
    ReplaceMany,
    Uncomment,
)
from jitlint.syntax.default_to_none import default_to_none
from jitlint.syntax.module import Module
from jitlint.syntax.move_above_loop import extract_above_loop, move_above_loop
from jitlint.syntax.move_into_loop import move_into_loop
from jitlint.syntax.rename_in_loop import rename_in_loop
from jitlint.syntax.replace import insert_statements, replace
from jitlint.syntax.text import TextEdit
from jitlint.syntax.uncomment import uncomment

__all__ = ["edits_of"]


def edits_of(module: Module, plan: Plan) -> list[TextEdit]:
    """The edits of the text that carry out `plan`; raises `Declined` when they are not surely right."""
    match plan:
        case MoveIntoLoop():
            return move_into_loop(module, plan)
        case MoveAboveLoop():
            return move_above_loop(module, plan)
        case ExtractAboveLoop():
            return extract_above_loop(module, plan)
        case Uncomment():
            return uncomment(module, plan)
        case Replace():
            return replace(module, [plan])
        case ReplaceMany():
            return replace(module, plan.replacements)
        case InsertStatements():
            return insert_statements(module, plan)
        case DefaultToNone():
            return default_to_none(module, plan)
        case RenameInLoop():
            return rename_in_loop(module, plan)
