"""From a plan to the edits that carry it out: each kind by its transformer, on the excerpt that it touches."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

import libcst as cst

from jitlint.diagnostic import Span
from jitlint.fixes.bind_result import bind_result
from jitlint.fixes.change_argument import add_argument, replace_argument
from jitlint.fixes.change_comment import change_comment
from jitlint.fixes.copy_statement import copy_statement
from jitlint.fixes.default_to_none import default_to_none
from jitlint.fixes.excerpt import Excerpt, excerpt_around_comments, excerpt_of
from jitlint.fixes.imports import add_imports
from jitlint.fixes.insert_function import insert_function
from jitlint.fixes.insert_statement import insert_statement, insert_statements
from jitlint.fixes.iterate_again import iterate_again
from jitlint.fixes.move_above_loop import extract_above_loop, move_above_loop
from jitlint.fixes.move_into_loop import move_into_loop
from jitlint.fixes.plans import (
    AddArgument,
    BindResult,
    ChangeComment,
    CopyStatement,
    DefaultToNone,
    ExtractAboveLoop,
    InsertFunction,
    InsertStatement,
    InsertStatements,
    IterateAgain,
    MoveAboveLoop,
    MoveIntoLoop,
    Plan,
    RemoveStatement,
    Rename,
    RenameInLoop,
    ReplaceArgument,
    ReplaceExpression,
    Several,
    SwapCalls,
    Uncomment,
)
from jitlint.fixes.program import Program, parse
from jitlint.fixes.reach import reach_of
from jitlint.fixes.remove_statement import remove_statement
from jitlint.fixes.rename_in_loop import rename_in_loop
from jitlint.fixes.replace_expression import replace_expression
from jitlint.fixes.swap_calls import swap_calls
from jitlint.fixes.text import Declined, TextEdit
from jitlint.fixes.uncomment import uncomment
from jitlint.fixes.values import Values, require_same_values

__all__ = ["edits_of"]


def edits_of(program: Program, plan: Plan) -> list[TextEdit]:
    """The edits of the text that carry out `plan`; raises `Declined` when they are not surely right."""
    match plan:
        case Several():
            return _merged([edit for one in plan.plans for edit in edits_of(program, one)])
        case MoveIntoLoop():
            return _moved(program, plan.loop, plan.statements, move_into_loop, plan, plan.rename)
        case MoveAboveLoop():
            return _moved(program, plan.loop, plan.statements, move_above_loop, plan, same_pass=True)
        case RenameInLoop():
            return _moved(program, plan.loop, (plan.statement,), rename_in_loop, plan, plan.rename)
        case ExtractAboveLoop():
            return _edited(excerpt_of(program, [plan.loop, plan.expression]), extract_above_loop, plan)
        case Uncomment():
            excerpt = excerpt_around_comments(program, plan.first_line, plan.last_line)
            return _edited(excerpt, uncomment, plan)
        case ChangeComment():
            return _edited(excerpt_around_comments(program, plan.line, plan.line), change_comment, plan)
        case InsertStatement():
            excerpt = _around_statement(program, plan.of)
            return _merged([*add_imports(program, plan.imports), *_edited(excerpt, insert_statement, plan)])
        case InsertStatements():
            excerpt = _around_statement(program, plan.before)
            return _merged([*add_imports(program, plan.imports), *_edited(excerpt, insert_statements, plan)])
        case InsertFunction():
            return _merged([*add_imports(program, plan.imports), *insert_function(program, plan)])
        case BindResult():
            return _edited(excerpt_of(program, [plan.call]), bind_result, plan)
        case CopyStatement():
            return _edited(_around_statement(program, plan.statement), copy_statement, plan)
        case RemoveStatement():
            return _edited(_around_statement(program, plan.span), remove_statement, plan)
        case DefaultToNone():
            return _edited(_around_statement(program, plan.function), default_to_none, plan)
        case SwapCalls():
            return _edited(excerpt_of(program, [plan.call]), swap_calls, plan)
        case AddArgument():
            return _edited(excerpt_of(program, [plan.call]), add_argument, plan)
        case ReplaceArgument():
            return _edited(excerpt_of(program, [plan.call]), replace_argument, plan)
        case ReplaceExpression():
            changed = _edited(excerpt_of(program, [plan.span]), replace_expression, plan)
            return _merged([*add_imports(program, plan.imports), *changed])
        case IterateAgain():
            return _edited(excerpt_of(program, [plan.call]), iterate_again, plan)


def _edited(excerpt: Excerpt, transform: Callable[..., cst.Module], plan: Plan) -> list[TextEdit]:
    return excerpt.changed(transform(excerpt, plan))[1]


def _merged(edits: Sequence[TextEdit]) -> list[TextEdit]:
    """The edits in the order of the text; what is inserted at one place, in the order given, and once."""
    merged: list[TextEdit] = []
    for edit in sorted(dict.fromkeys(edits), key=lambda edit: edit.start):
        if merged and merged[-1].start == merged[-1].end == edit.start:
            before = merged.pop()
            edit = TextEdit(edit.start, edit.end, before.content + edit.content)
        merged.append(edit)
    return merged


def _around_statement(program: Program, span: Span) -> Excerpt:
    return excerpt_of(program, [span])


# ------------------------------------------------------------------------------------------------- moves


def _moved(
    program: Program,
    loop: Span,
    statements: Sequence[Span],
    transform: Callable[..., cst.Module],
    plan: Plan,
    rename: Rename | None = None,
    same_pass: bool = False,
) -> list[TextEdit]:
    """The edits of a move, which declines when a statement would then read another value than before."""
    excerpt = excerpt_of(program, [loop, *statements])
    text, edits = excerpt.changed(transform(excerpt, plan))
    moved = [program.statement_around(span) for span in statements]
    reach = reach_of(program, excerpt.part, _statements(excerpt, text), moved, rename)
    before, after = Values(program, reach, reach.before), Values(program, reach, reach.after, rename)
    end = program.statement_around(loop).end_lineno or 0
    require_same_values(before, after, rename, end, same_pass)
    return edits


def _statements(excerpt: Excerpt, text: str) -> list[ast.stmt]:
    """The statements of a changed excerpt."""
    is_top_level = excerpt.part.block is excerpt.program.tree.body
    try:
        body = parse(text if is_top_level else f"if 1:\n{text}").body
    except SyntaxError as error:
        raise Declined(f"the result does not parse: {error}") from None
    return body if is_top_level else body[0].body  # type: ignore[attr-defined]
